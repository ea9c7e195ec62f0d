"""Session plans made from daily bars: where the open, the extremes and the close fall within the day."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gapscan.sim import calibration
from gapscan.sim.source import POST_MINUTE, REGULAR_MINUTE, DailyBars
from gapscan.sim.tape import Bools, Floats, Ints
from gapscan.sim.walk import NEVER, Burst, SessionPlan

REGULAR_MINUTES = calibration.REGULAR_MINUTES
_BUSIEST = 55.0  # prints a minute of a symbol with _BUSIEST_VOLUME shares a day
_BUSIEST_VOLUME = 136e6


def print_rate(volume: Floats) -> Floats:
    """Prints in an average minute of a symbol that trades `volume` shares a day."""
    return np.asarray(np.minimum(_BUSIEST * (np.maximum(volume, 0) / _BUSIEST_VOLUME) ** 0.8, 1.3 * _BUSIEST))


def range_deviation(bars: DailyBars) -> Floats:
    """A one-minute deviation of the log price that suits each bar's range (Brownian: 1.6 deviations)."""
    traded = bars.traded
    ratio = np.divide(bars.high, bars.low, out=np.ones(len(traded)), where=traded)
    return np.asarray(np.log(ratio) / (1.6 * np.sqrt(REGULAR_MINUTES)))


class RegularSession(NamedTuple):
    """What a regular session is planned from: the day's `bars`, whose volume and trades are the session's alone.

    `deviation` is of the log price in a minute. `first` and `last` are the minutes after 09:30 of the first and the
    last print; symbols that did not trade do not print. `halts` are the minutes [from, to) without prints, NEVER for
    none. Sizes of what is not `whole` may be fractional.
    """

    bars: DailyBars
    deviation: Floats
    first: Ints
    first_ms: Ints  # the first print's millisecond of its minute, or later
    last: Ints
    halts: tuple[Ints, Ints] | None = None
    burst: Burst | None = None
    whole: Bools | None = None

    @property
    def size(self) -> int:
        """How many symbols there are."""
        return len(self.first)

    def where_traded(self, values: Floats) -> Floats:
        """`values`, with 1 for symbols that did not trade: walks need a price of everything."""
        return np.where(self.bars.traded, values, 1.0)


class ExtendedSession(NamedTuple):
    """What a pre-market or post-market session is planned from: the way from price `start` to `end`.

    `span` is (first minute, end minute) since 04:00, before which it is night. Where `last` is not NEVER, a print in
    that minute takes all that is left of volume and trades; elsewhere what was not printed by the end stays unprinted.
    """

    start: Floats
    end: Floats
    volume: Floats
    trades: Ints
    last: Ints
    deviation: Floats
    rate: Floats
    span: tuple[int, int]

    @property
    def minutes(self) -> int:
        """How long it is."""
        return self.span[1] - self.span[0]


class _Knots(NamedTuple):
    """The knots of a plan, one row each."""

    minute: Ints
    price: Floats
    size: Floats
    printed: Bools


def regular_plan(session: RegularSession, rng: np.random.Generator) -> SessionPlan:
    """The regular session through open, high, low and close of its bars."""
    bars, traded = session.bars, session.bars.traded
    halt_from, halt_to = session.halts or _no_halts(session.size)
    knots = _regular_knots(session, (halt_from, halt_to), rng)
    return SessionPlan(
        start=session.where_traded(bars.open),
        knot_minute=knots.minute,
        knot_price=knots.price,
        knot_size=knots.size,
        printed=knots.printed,
        low=session.where_traded(bars.low),
        high=session.where_traded(bars.high),
        deviation=session.deviation,
        variance=calibration.variance_profile(),
        rate=np.where(bars.volume >= 8, print_rate(bars.volume), 0.0),
        activity=calibration.activity_profile(),
        first=np.where(traded, session.first, REGULAR_MINUTES),
        first_ms=session.first_ms,
        last=np.where(traded, session.last, NEVER),
        last_ms=rng.integers(58_500, 60_000, session.size),
        volume=bars.volume,
        flow=calibration.regular_volume_profile(),
        trades=bars.transactions,
        whole=np.ones(session.size, bool) if session.whole is None else session.whole,
        halt_from=halt_from,
        halt_to=halt_to,
        burst=session.burst,
    )


def extended_plan(session: ExtendedSession) -> SessionPlan:
    """A session without auctions, kept near the way from its start to its end."""
    start, end, volume, trades, last, deviation, rate, span = session
    count, final = len(start), last != NEVER
    profile = (
        calibration.night_volume_profile(session.minutes) if span[0] < 0 else calibration.extended_volume_profile(*span)
    )
    knots = _end_knot(session)
    halt_from, halt_to = _no_halts(count)
    return SessionPlan(
        start=start,
        knot_minute=knots.minute,
        knot_price=knots.price,
        knot_size=knots.size,
        printed=knots.printed,
        low=np.maximum(np.minimum(start, end) * 0.85, 0.0001),
        high=np.maximum(start, end) * 1.15,
        deviation=deviation,
        variance=np.ones(session.minutes),
        rate=rate,
        activity=_mean_one(np.sqrt(profile)),
        first=np.where(volume > 0, 0, session.minutes),
        first_ms=np.zeros(count, np.int64),
        last=np.where(volume > 0, knots.minute[0], NEVER),
        last_ms=np.where(final, 45_000, 60_000),
        volume=volume,
        flow=profile,
        trades=trades,
        whole=np.ones(count, bool),
        halt_from=halt_from,
        halt_to=halt_to,
    )


PRE_SPAN = (0, REGULAR_MINUTE)
POST_SPAN = (POST_MINUTE, POST_MINUTE + 240)


def _no_halts(count: int) -> tuple[Ints, Ints]:
    return np.full(count, NEVER), np.full(count, NEVER)


def _regular_knots(session: RegularSession, halts: tuple[Ints, Ints], rng: np.random.Generator) -> _Knots:
    """Open, both extremes, close; what would be within a halt comes at its end."""
    bars, traded = session.bars, session.bars.traded
    prices, minutes = _extremes(session, rng)
    prices = np.vstack((bars.open, prices, bars.close))
    minutes = np.vstack((session.first, minutes, session.last))
    halt_from, halt_to = halts
    minutes = np.where((halt_from <= minutes) & (minutes < halt_to), halt_to, minutes)
    ends = (prices[1:3] != bars.open) & (prices[1:3] != bars.close)
    printed = np.vstack((traded, ends & traded, traded))
    return _Knots(minutes, session.where_traded(prices), _knot_sizes(bars.volume), printed)


def _end_knot(session: ExtendedSession) -> _Knots:
    """The price at the end, printed where the session has a last print."""
    final = session.last != NEVER
    minute = np.where(final, session.last, session.minutes - 1)
    size = np.minimum(1.0, session.volume)
    return _Knots(minute[np.newaxis], session.end[np.newaxis], size[np.newaxis], final[np.newaxis])


def _extremes(session: RegularSession, rng: np.random.Generator) -> tuple[Floats, Ints]:
    """The two extremes in the order in which they come, as prices and minutes of shape (2, symbols)."""
    bars, count = session.bars, session.size
    rising = bars.close > bars.open
    low_first = rng.random(count) < np.where(rising, 0.8, 0.2)
    prices = np.where(low_first, (bars.low, bars.high), (bars.high, bars.low))
    early = 0.75 * rng.beta(0.6, 1.4, count)
    late = early + (1 - early) * rng.beta(1.4, 0.6, count)
    clock = np.cumsum(calibration.variance_profile()) / REGULAR_MINUTES
    through = np.searchsorted(clock, (early, late)) / REGULAR_MINUTES
    minutes = session.first + np.round(through * (session.last - session.first)).astype(np.int64)
    return prices, np.minimum(minutes, session.last)


def _knot_sizes(volume: Floats) -> Floats:
    """Shares set aside for the prints at open, both extremes and close, shape (4, symbols)."""
    auctions = np.floor(volume * calibration.OPENING_SHARE), np.floor(volume * calibration.CLOSING_SHARE)
    ticks = np.maximum(np.floor(volume * 0.0005), 1.0)
    sizes = np.array((np.maximum(auctions[0], 1), ticks, ticks, np.maximum(auctions[1], 1)))
    return np.where(volume >= 8, sizes, volume / 4)


def _mean_one(values: Floats) -> Floats:
    return np.asarray(values / values.mean())
