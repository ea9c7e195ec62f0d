"""Session plans made from daily bars: where the open, the extremes and the close fall within the day."""

from __future__ import annotations

import numpy as np

from gapscan.sim import calibration
from gapscan.sim.source import POST_MINUTE, REGULAR_MINUTE, DailyBars
from gapscan.sim.tape import Floats, Ints
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


def regular_plan(
    bars: DailyBars,
    deviation: Floats,
    first: Ints,
    first_ms: Ints,
    last: Ints,
    rng: np.random.Generator,
    halts: tuple[Ints, Ints] | None = None,
    burst: Burst | None = None,
    whole: Floats | None = None,
) -> SessionPlan:
    """The regular session through open, high, low and close of `bars`; its volume and trades are the session's.

    `first` and `last` are the minutes after 09:30 of the first and the last print; symbols that did not
    trade do not print. `whole` is 0 where sizes may be fractional.
    """
    count = len(first)
    traded = bars.traded
    halt_from, halt_to = halts or (np.full(count, NEVER), np.full(count, NEVER))
    prices, minutes = _extremes(bars, deviation, first, last, rng)
    prices = np.vstack((bars.open, prices, bars.close))
    minutes = np.vstack((first, minutes, last))
    minutes = np.where((halt_from <= minutes) & (minutes < halt_to), halt_to, minutes)
    ends = (prices[1:3] != bars.open) & (prices[1:3] != bars.close)
    printed = np.vstack((traded, ends & traded, traded))
    return SessionPlan(
        start=np.where(traded, bars.open, 1.0),
        knot_minute=minutes,
        knot_price=np.where(traded, prices, 1.0),
        knot_size=_knot_sizes(bars.volume),
        printed=printed,
        low=np.where(traded, bars.low, 1.0),
        high=np.where(traded, bars.high, 1.0),
        deviation=deviation,
        variance=calibration.variance_profile(),
        rate=np.where(bars.volume >= 8, print_rate(bars.volume), 0.0),
        activity=calibration.activity_profile(),
        first=np.where(traded, first, REGULAR_MINUTES),
        first_ms=first_ms,
        last=np.where(traded, last, NEVER),
        last_ms=rng.integers(58_500, 60_000, count),
        volume=bars.volume,
        flow=calibration.regular_volume_profile(),
        trades=bars.transactions,
        whole=np.ones(count, bool) if whole is None else whole > 0,
        halt_from=halt_from,
        halt_to=halt_to,
        burst=burst,
    )


def extended_plan(
    start: Floats,
    end: Floats,
    volume: Floats,
    trades: Ints,
    last: Ints,
    deviation: Floats,
    rate: Floats,
    span: tuple[int, int],
) -> SessionPlan:
    """A pre-market or post-market session from price `start` to `end`.

    `span` is (first minute, end minute) since 04:00. Where `last` is not NEVER, a print in that minute
    takes all that is left of volume and trades; elsewhere what was not printed by the end stays unprinted.
    """
    count, length = len(start), span[1] - span[0]
    final = last != NEVER
    profile = calibration.extended_volume_profile(*span)
    low, high = np.minimum(start, end), np.maximum(start, end)
    return SessionPlan(
        start=start,
        knot_minute=np.where(final, last, length - 1)[np.newaxis],
        knot_price=end[np.newaxis],
        knot_size=np.minimum(1.0, volume)[np.newaxis],
        printed=final[np.newaxis],
        low=np.maximum(low * 0.85, 0.0001),
        high=high * 1.15,
        deviation=deviation,
        variance=np.ones(length),
        rate=rate,
        activity=_mean_one(np.sqrt(profile)),
        first=np.where(volume > 0, 0, length),
        first_ms=np.zeros(count, np.int64),
        last=np.where(volume > 0, np.where(final, last, length - 1), NEVER),
        last_ms=np.where(final, 45_000, 60_000),
        volume=volume,
        flow=profile,
        trades=trades,
        whole=np.ones(count, bool),
        halt_from=np.full(count, NEVER),
        halt_to=np.full(count, NEVER),
    )


PRE_SPAN = (0, REGULAR_MINUTE)
POST_SPAN = (POST_MINUTE, POST_MINUTE + 240)


def _extremes(
    bars: DailyBars, deviation: Floats, first: Ints, last: Ints, rng: np.random.Generator
) -> tuple[Floats, Ints]:
    """The two extremes in the order in which they come, as prices and minutes of shape (2, symbols)."""
    count = len(first)
    rising = bars.close > bars.open
    low_first = rng.random(count) < np.where(rising, 0.8, 0.2)
    prices = np.where(low_first, (bars.low, bars.high), (bars.high, bars.low))
    early = 0.75 * rng.beta(0.6, 1.4, count)
    late = early + (1 - early) * rng.beta(1.4, 0.6, count)
    clock = np.cumsum(calibration.variance_profile()) / REGULAR_MINUTES
    through = np.searchsorted(clock, (early, late)) / REGULAR_MINUTES
    minutes = first + np.round(through * (last - first)).astype(np.int64)
    return prices, np.minimum(minutes, last)


def _knot_sizes(volume: Floats) -> Floats:
    """Shares set aside for the prints at open, both extremes and close, shape (4, symbols)."""
    auctions = np.floor(volume * calibration.OPENING_SHARE), np.floor(volume * calibration.CLOSING_SHARE)
    ticks = np.maximum(np.floor(volume * 0.0005), 1.0)
    sizes = np.array((np.maximum(auctions[0], 1), ticks, ticks, np.maximum(auctions[1], 1)))
    return np.where(volume >= 8, sizes, volume / 4)


def _mean_one(values: Floats) -> Floats:
    return np.asarray(values / values.mean())
