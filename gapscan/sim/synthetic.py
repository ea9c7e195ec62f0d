"""The synthetic source: an invented market whose figures are calibrated to the real one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np

from gapscan.errors import DataError
from gapscan.market.sessions import (
    MINUTE_MS,
    last_trading_day,
    next_trading_day,
    previous_trading_day,
    session_times,
)
from gapscan.sim import calibration, plans
from gapscan.sim.companies import with_companies
from gapscan.sim.days import DayModel, invent_traits
from gapscan.sim.extended import extended_rate, extended_trades, overnight
from gapscan.sim.halfday import shortened
from gapscan.sim.names import invent_listings
from gapscan.sim.night import SyntheticNight, has_night, night_volume
from gapscan.sim.scenarios import IPO_MINUTE, stage
from gapscan.sim.source import (
    POST_MINUTE,
    REGULAR_MINUTE,
    DailyBars,
    DayTape,
    Dividend,
    Halt,
    HaltRecord,
    Listing,
    NewsItem,
    Split,
)
from gapscan.sim.stories import invented_news
from gapscan.sim.tape import Bools, Floats, Ints, Prints, no_prints
from gapscan.sim.walk import NEVER, Burst, SessionWalk

_HALTS_PER_DAY = (4, 700)  # at least, and one for that many symbols
_LIQUID = 300_000.0  # shares a day from which a symbol opens in the first seconds and can be halted
# Share of the liquid symbols with a burst of trades on a day, its length in minutes [from, below), and its size.
_BURSTING = 0.4
_BURST_MINUTES = (3, 9)
_BURST_FACTOR = (4.0, 12.0)

_NEWS_DAYS = 4  # for which stories are kept


class SyntheticSource:
    """`symbols` invented listings, trading on every trading day from 90 sessions before `date` on, without end.

    Everything is a function of `seed` and `date`: two sources with the same arguments are the same market. With
    `night`, some of the day's volume trades in the night before it.
    """

    def __init__(
        self, date: dt.date, seed: int = 7, symbols: int = 11_000, scenarios: Sequence[str] = (), night: bool = False
    ) -> None:
        self.seed = seed
        self._night = night
        self.start_date = last_trading_day(date)
        rng = np.random.default_rng((seed, 0))
        listings = invent_listings(rng, symbols)
        traits = invent_traits(rng, listings)
        scenes = stage(scenarios, self.start_date, listings, traits.price, traits.volume)
        shares = _shares_outstanding(rng, traits.volume)
        self.listings: Sequence[Listing] = with_companies(listings, shares, seed)
        self.model = DayModel(seed, traits, self.start_date, scenes)
        self._news: dict[dt.date, list[NewsItem]] = {}

    @property
    def label(self) -> str:
        return f"synthetic, seed {self.seed}"

    def day_at(self, date: dt.date) -> dt.date | None:
        day = last_trading_day(date)
        return day if day > self.model.first else None

    def day_before(self, date: dt.date) -> dt.date | None:
        return self.day_at(previous_trading_day(date))

    def bars(self, date: dt.date) -> DailyBars | None:
        return self.model.bars(date) if self.day_at(date) == date else None

    def splits(self, first: dt.date, last: dt.date) -> list[Split]:
        day, found = max(first, self.model.first), []
        while day <= last:
            found += self.model.splits(day)
            day += dt.timedelta(days=1)
        return found

    def dividends(self, first: dt.date, last: dt.date) -> list[Dividend]:
        day, found = max(first, self.model.first), []
        while day <= last:
            found += self.model.dividends(day)
            day += dt.timedelta(days=1)
        return found

    def long_halts(self, date: dt.date) -> list[HaltRecord]:
        return self.model.scenes.long_halts(date)

    def former(self, date: dt.date) -> dict[int, str]:
        return self.model.scenes.former(date, self.listings)

    def news(self, date: dt.date) -> list[NewsItem]:
        if date not in self._news:
            self._news = {day: found for day, found in self._news.items() if abs((day - date).days) < _NEWS_DAYS}
            self._news[date] = invented_news(self, date, self.seed)
        return self._news[date]

    def open_day(self, date: dt.date) -> DayTape:
        if self.day_at(date) != date:
            raise DataError(
                f"the synthetic market does not trade on {date}",
                remedy=f"choose a trading day after {self.model.first}",
            )
        return shortened(SyntheticDay(self.model, date, night=self._trades_by_night(date)), date)

    def open_night(self, date: dt.date) -> SyntheticNight | None:
        return SyntheticNight(self.model, date) if self._trades_by_night(date) else None

    def _trades_by_night(self, date: dt.date) -> bool:
        return self._night and self.day_at(date) == date and has_night(date)


class SyntheticDay:
    """The tape of one synthetic day."""

    def __init__(self, model: DayModel, date: dt.date, *, night: bool = False) -> None:
        self._model, self._date = model, date
        self._start_ms = session_times(date).pre
        self._rng = model.rng(date, 4)
        self._bars = model.bars(date)
        self._returns = model.returns(date)
        self._ipo = model.scenes.place("ipo") if date == model.scenes.date else None
        self._night_volume = night_volume(model, date) if night else np.zeros(len(self._bars.volume))
        self._post_volume, self._post_last = self._plan_post()
        self._first, self._first_ms, self._last = self._hours()
        self.halts: Sequence[Halt] = self._draw_halts()
        self.closes: Floats | None = None
        self._walk = self._pre_market()

    def minute(self, number: int) -> Prints:
        if number == REGULAR_MINUTE:
            self._walk = self._regular(self._walk)
        if number == POST_MINUTE:
            self._walk = self._post_market()
        offset = max(start for start in (0, REGULAR_MINUTE, POST_MINUTE) if start <= number)
        if not 0 <= number < REGULAR_MINUTE + 630:
            return no_prints()
        return self._walk.minute(number - offset, self._start_ms + number * MINUTE_MS)

    def _seed(self, session: int) -> tuple[int, ...]:
        return (self._model.seed, 10 + session, self._date.toordinal())

    def _pre_market(self) -> SessionWalk:
        bars, model = self._bars, self._model
        before = np.exp(model.close(previous_trading_day(self._date))) / model.share_ratio(self._date)
        start = before * np.exp(self._returns.gap * overnight(model, self._date)[1])
        traded = bars.traded
        heat = 1 + (np.abs(self._returns.gap) / 0.03) ** 1.5
        share = np.minimum(calibration.PRE_SHARE * heat * np.exp(0.7 * self._rng.standard_normal(len(before))), 0.3)
        volume = np.where(traded & (bars.volume >= 5000), np.floor(bars.volume * share), 0)
        if self._ipo is not None:
            volume[self._ipo] = 0
        trades = extended_trades(bars, volume)
        rate = extended_rate(bars.volume, volume, REGULAR_MINUTE)
        end = np.where(traded, bars.open, start)
        last = np.full(len(start), NEVER)
        deviation = self._returns.deviation * 0.3
        session = plans.ExtendedSession(start, end, volume, trades, last, deviation, rate, plans.PRE_SPAN)
        return SessionWalk(plans.extended_plan(session), self._seed(0))

    def _regular(self, before: SessionWalk) -> SessionWalk:
        """What night and pre-market left of the day's volume and trades, and the post-market does not take."""
        trades, volume = self._bars.transactions - before.trades_done, self._bars.volume - before.done
        for part in (self._post_volume, self._night_volume):
            trades, volume = trades - extended_trades(self._bars, part), volume - part
        bars = self._bars._replace(volume=volume, transactions=np.maximum(trades, 0))
        session = plans.RegularSession(
            bars=bars,
            deviation=self._returns.deviation,
            first=self._first,
            first_ms=self._first_ms,
            last=self._last,
            halts=self._halt_columns(),
            burst=self._draw_bursts(),
            whole=~self._model.traits.fractional,
        )
        return SessionWalk(plans.regular_plan(session, self._rng), self._seed(1))

    def _post_market(self) -> SessionWalk:
        following = next_trading_day(self._date)
        part = overnight(self._model, following)[0] * self._model.returns(following).gap
        start = np.where(self._bars.traded, self._bars.close, 1.0)
        rate = extended_rate(self._bars.volume, self._post_volume, 240)
        session = plans.ExtendedSession(
            start=start,
            end=np.round(start * np.exp(part), 4),
            volume=self._post_volume,
            trades=extended_trades(self._bars, self._post_volume),
            last=self._post_last,
            deviation=self._returns.deviation * 0.3,
            rate=rate,
            span=plans.POST_SPAN,
        )
        return SessionWalk(plans.extended_plan(session), self._seed(2))

    def _plan_post(self) -> tuple[Floats, Ints]:
        """Volume of the post-market session, and the minute of its last print, NEVER without one."""
        volume = self._bars.volume
        count = len(volume)
        spread = np.exp(0.6 * self._rng.standard_normal(count))
        wanted = np.floor(volume * np.minimum(calibration.POST_SHARE * spread, 0.1))
        wanted = np.where(volume >= 20_000, wanted, 0)
        last = np.floor(self._rng.beta(1.2, 2.2, count) * 240).astype(np.int64)
        return wanted, np.where(wanted > 0, last, NEVER)

    def _hours(self) -> tuple[Ints, Ints, Ints]:
        """First minute, its opening print's millisecond, last minute: thin symbols come late and go early."""
        volume = self._bars.volume
        count, minutes = len(volume), calibration.REGULAR_MINUTES
        rate = np.maximum(plans.print_rate(volume), 1e-4)
        late, early = self._rng.exponential(size=(2, count)) / rate
        liquid = volume >= _LIQUID
        first = np.where(liquid, 0, np.minimum(np.floor(late), 0.6 * minutes)).astype(np.int64)
        last = np.where(liquid, 0, np.minimum(np.floor(early), 0.3 * minutes)).astype(np.int64)
        if self._ipo is not None:
            first[self._ipo] = IPO_MINUTE
        delay = np.where(liquid, 4_000, 50_000) * self._rng.random(count) ** 2
        return first, delay.astype(np.int64), minutes - 1 - last

    def _draw_halts(self) -> list[Halt]:
        """Pauses of five or ten minutes among the liquid stocks that move most; some of other exchanges' listings."""
        traits = self._model.traits
        eligible = traits.stock & (self._bars.volume >= _LIQUID)
        eligible[list(self._model.scenes.places.values())] = False  # they have enough on their day
        told = self._pauses(eligible & traits.nasdaq, self._rng)
        untold = self._pauses(eligible & ~traits.nasdaq, self._model.rng(self._date, 8))
        return sorted(told + [halt._replace(streamed=False) for halt in untold], key=lambda halt: halt.start)

    def _pauses(self, eligible: Bools, rng: np.random.Generator) -> list[Halt]:
        heat = np.where(eligible, self._returns.deviation, 0)
        movers = np.argsort(-heat, kind="stable")[: max(10, len(heat) // 100)]
        movers = movers[eligible[movers]]
        least, symbols = _HALTS_PER_DAY
        chosen = rng.choice(movers, min(max(least, len(heat) // symbols), len(movers)), replace=False)
        starts = REGULAR_MINUTE + 2 + np.floor(rng.beta(0.7, 2, len(chosen)) * 360).astype(np.int64)
        lengths = rng.choice((5, 10), len(chosen), p=(0.75, 0.25))
        rows = sorted(zip(starts.tolist(), chosen.tolist(), lengths.tolist(), strict=True))
        return [Halt(symbol, start, start + length) for start, symbol, length in rows]

    def _draw_bursts(self) -> Burst:
        """Minutes in which many small trades are made, once a day in some of the liquid symbols."""
        rng = self._model.rng(self._date, 6)
        count, minutes = len(self._bars.volume), calibration.REGULAR_MINUTES
        chosen = (self._bars.volume >= _LIQUID) & (rng.random(count) < _BURSTING)
        start = rng.integers(5, minutes, count)
        length = rng.integers(*_BURST_MINUTES, count)
        factor = rng.uniform(*_BURST_FACTOR, count)
        return Burst(np.where(chosen, start, NEVER), np.where(chosen, start + length, NEVER), factor)

    def _halt_columns(self) -> tuple[Ints, Ints]:
        start, end = np.full((2, len(self._bars.volume)), NEVER)
        for halt in self.halts:
            start[halt.symbol] = halt.start - REGULAR_MINUTE
            end[halt.symbol] = halt.end - REGULAR_MINUTE
        return start, end


def _shares_outstanding(rng: np.random.Generator, volume: Floats) -> Ints:
    turnover = np.exp(rng.normal(4.4, 0.9, len(volume)))
    return np.maximum(volume * turnover, 2_000_000).round(-3).astype(np.int64)
