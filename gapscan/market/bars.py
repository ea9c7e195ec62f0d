"""Bars and trades of hot symbols into the universe, merged by event time.

A bar may come late, and again: it moves the price only if its end is not older than the price's time, and day values
only if it saw more of the day than what is held. Highs and lows of the session can only widen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final

import numpy as np

from gapscan.market.columns import Floats, Ints, as_floats
from gapscan.market.history import STEP_MS
from gapscan.market.observed import by_price, by_volume
from gapscan.market.premarket import observe_early
from gapscan.market.sessions import SessionTimes, session_times, trades_end
from gapscan.market.universe import Universe
from gapscan.protocol.messages import Bars, Trades

# What claims to be further ahead of the newest scan than this is an error in the data. A market that is replayed so
# fast that its bars run ahead of its scans by more is ranked by its scans.
AHEAD_MS: Final = 900_000

_COLUMNS: Final = tuple(name for name in Bars.__struct_fields__ if name not in ("simulated", "received"))
_NEWEST_COUNTS: Final = ("close", "day_volume", "day_vwap", "day_open")


def merge_bars(universe: Universe, bars: Bars) -> int:
    """Take in a batch of bars; how many of them were of today. The universe must have a trading day already."""
    if universe.date is None or not bars.symbols:
        return 0
    day = session_times(universe.date)
    start, end = np.array(bars.start, np.float64), np.array(bars.end, np.float64)
    of_today = (start >= day.night) & (start < trades_end(universe.date))
    today = np.flatnonzero(of_today & (end <= universe.scanned_at + AHEAD_MS))
    if not len(today):
        return 0
    at, ends = _begin(universe, bars.symbols, today, end)
    # High and low of the day are those of its pre-market, then those of its regular session.
    ranged = np.flatnonzero((start[today] >= day.pre) & (start[today] < day.post))
    seen = np.where(start[today] < day.regular, np.fmin(ends, day.regular - 1), ends)
    known = universe.streamed(at, ends)[ranged]
    for name in ("high", "low"):
        values = _column(getattr(bars, name), today[ranged])
        universe.widen(name, at[ranged], values, seen[ranged], day.regular, known)
        observe_early(universe, name, at[ranged], values, start[today][ranged], day.regular)
    columns = {name: _column(getattr(bars, name), today) for name in _NEWEST_COUNTS}
    for newest in _newest_of_each_step(at, ends):
        _observe_newest(
            universe, at[newest], ends[newest], {name: column[newest] for name, column in columns.items()}, day
        )
    universe.simulated = bars.simulated
    return len(today)


def _observe_newest(
    universe: Universe, at: Ints, ends: Floats, columns: Mapping[str, Floats], day: SessionTimes
) -> None:
    observed = _live(columns["close"], ends) | by_volume(columns["day_volume"], ends, day)
    universe.observe(at, observed | {"open": columns["day_open"], "vwap": columns["day_vwap"]}, ends)


def _live(prices: Floats, moments: Floats) -> dict[str, Floats]:
    """The fields that a live price sets: the symbol was observed at that time, too."""
    observed = by_price(prices, moments, 1.0)
    return observed | {"updated": observed["price_time"]}


def joined(batches: Sequence[Bars]) -> Bars:
    """Several batches as one: much less work than one by one."""
    if len(batches) == 1:
        return batches[0]
    columns: dict[str, Any] = {
        name: list(chain.from_iterable(getattr(batch, name) for batch in batches)) for name in _COLUMNS
    }
    return Bars(simulated=batches[-1].simulated, **columns)


def merge_trades(universe: Universe, trades: Trades) -> int:
    """Take in last trades; how many of them were of today."""
    if universe.date is None or not trades.symbols:
        return 0
    moments = np.array(trades.time, np.float64)
    of_today = (moments >= session_times(universe.date).night) & (moments < trades_end(universe.date))
    today = np.flatnonzero(of_today & (moments <= universe.scanned_at + AHEAD_MS))
    if not len(today):
        return 0
    at, moments = _begin(universe, trades.symbols, today, moments)
    newest = _newest_of_each(at, moments)
    universe.observe(at[newest], _live(_column(trades.price, today[newest]), moments[newest]), moments[newest])
    return len(today)


def _begin(universe: Universe, symbols: Sequence[str], places: Ints, moments: Floats) -> tuple[Ints, Floats]:
    """Positions and moments of what is at `places` of a batch, with the universe's clock brought up to it."""
    at = universe.positions([symbols[place] for place in places.tolist()])
    universe.advance(int(moments[places].max()))
    return at, moments[places]


def _newest_of_each_step(at: Ints, moments: Floats) -> Iterator[Ints]:
    """Places of the newest bar of each symbol in each step of the history that the batch reaches over, in order."""
    steps = moments // STEP_MS
    if (steps == steps[0]).all():
        yield _newest_of_each(at, moments)
        return
    for step in np.unique(steps):
        inside = np.flatnonzero(steps == step)
        yield inside[_newest_of_each(at[inside], moments[inside])]


def _newest_of_each(at: Ints, moments: Floats) -> Ints:
    """Places of the newest bar of each symbol in the batch; of two with one end, the later in the batch."""
    if len(at) == 1:
        return np.zeros(1, np.intp)
    order = np.lexsort([moments, at])
    last = np.append(at[order][1:] != at[order][:-1], True)
    newest: Ints = order[last]
    return newest


def _column(values: Sequence[float | None], places: Ints) -> Floats:
    return as_floats(values)[places]
