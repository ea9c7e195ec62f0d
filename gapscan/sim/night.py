"""The night of the invented market: busy symbols trade now and then, and bring prices from evening to morning."""

from __future__ import annotations

import datetime as dt
from typing import Final

import numpy as np

from gapscan.market.sessions import MINUTE_MS, MarketSession, previous_trading_day, session_at, session_times
from gapscan.sim import plans
from gapscan.sim.days import DayModel
from gapscan.sim.extended import extended_rate, extended_trades, overnight
from gapscan.sim.tape import Floats, Prints
from gapscan.sim.walk import NEVER, SessionWalk

_TRADING: Final = 500_000.0  # shares a day from which a symbol trades in the night
_SHARE: Final = 0.004  # of the day's volume
_MOST: Final = 0.03
_LEAST: Final = 200.0  # shares in a night, else it does not trade
_QUIET: Final = 0.2  # of the deviation in regular hours


def has_night(date: dt.date) -> bool:
    """Whether the hours that are set give `date` a night."""
    return session_at(session_times(date).night) is MarketSession.NIGHT


def night_volume(model: DayModel, date: dt.date) -> Floats:
    """What of each symbol's volume of `date` trades in the night before it: the more, the further the price goes."""
    volume, rng = model.bars(date).volume, model.rng(date, 9)
    heat = 1 + (np.abs(model.returns(date).gap) / 0.03) ** 1.5
    share = np.minimum(_SHARE * heat * np.exp(0.7 * rng.standard_normal(len(volume))), _MOST)
    night = np.where(volume >= _TRADING, np.floor(volume * share), 0.0)
    if (ipo := model.scenes.place("ipo")) is not None and date == model.scenes.date:
        night[ipo] = 0.0
    return np.where(night >= _LEAST, night, 0.0)


class SyntheticNight:
    """The tape of the night before `date`. Each symbol's last print takes what is left: the volume adds up exactly."""

    def __init__(self, model: DayModel, date: dt.date) -> None:
        times, bars, volume = session_times(date), model.bars(date), night_volume(model, date)
        self.minutes = (times.pre - times.night) // MINUTE_MS
        self._start_ms = times.night
        rng, gap = model.rng(date, 10), model.returns(date).gap
        before = np.exp(model.close(previous_trading_day(date))) / model.share_ratio(date)
        evening, morning = overnight(model, date)
        last = (rng.beta(2.0, 1.2, len(volume)) * self.minutes).astype(np.int64)
        session = plans.ExtendedSession(
            start=before * np.exp(gap * evening),
            end=np.round(before * np.exp(gap * morning), 4),
            volume=volume,
            trades=extended_trades(bars, volume),
            last=np.where(volume > 0, last, NEVER),
            deviation=model.returns(date).deviation * _QUIET,
            rate=extended_rate(bars.volume, volume, self.minutes),
            span=(-self.minutes, 0),
        )
        self._walk = SessionWalk(plans.extended_plan(session), (model.seed, 13, date.toordinal()))

    def minute(self, number: int) -> Prints:
        """The prints of minute `number`, counted from the beginning of the night."""
        return self._walk.minute(number, self._start_ms + number * MINUTE_MS)
