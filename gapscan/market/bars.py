"""Bars and trades of hot symbols into the universe, merged by event time.

A bar may come late, and again: it moves the price only if its end is not older than the price's time, and day values
only if it saw more of the day than what is held. Highs and lows of the session can only widen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from gapscan.market.sessions import session_times
from gapscan.market.universe import Floats, Ints, Universe
from gapscan.protocol.messages import Bars, Trades

# What claims to be further ahead of market time than this is an error in the data. A market that is replayed so fast
# that its bars run ahead of its scans by more is ranked by its scans.
AHEAD_MS: Final = 900_000

_OF_THE_DAY: Final = (("volume", "day_volume"), ("vwap", "day_vwap"), ("open", "day_open"))


def merge_bars(universe: Universe, bars: Bars) -> int:
    """Take in a batch of bars; how many of them were of today. The universe must have a trading day already."""
    if universe.date is None or not bars.symbols:
        return 0
    times = session_times(universe.date)
    start, end = np.array(bars.start, np.float64), np.array(bars.end, np.float64)
    today = np.flatnonzero((start >= times.clear) & (end <= universe.as_of + AHEAD_MS))
    if not len(today):
        return 0
    at = universe.positions([bars.symbols[place] for place in today.tolist()])
    ends = end[today]
    universe.advance(int(ends.max()))
    regular = np.flatnonzero((start[today] >= times.regular) & (start[today] < times.post))
    # High and low of the day are of the regular session only, like the provider's.
    for name in ("high", "low"):
        universe.widen(name, at[regular], _column(getattr(bars, name), today[regular]), ends[regular])
    newest = _newest_of_each(at, ends)
    _observe(universe, at[newest], ends[newest], _column(bars.close, today[newest]))
    for name, source in _OF_THE_DAY:
        universe.observe(name, at[newest], _column(getattr(bars, source), today[newest]), ends[newest])
    universe.simulated = bars.simulated
    return len(today)


def merge_trades(universe: Universe, trades: Trades) -> int:
    """Take in last trades; how many of them were of today."""
    if universe.date is None or not trades.symbols:
        return 0
    moments = np.array(trades.time, np.float64)
    clear = session_times(universe.date).clear
    today = np.flatnonzero((moments >= clear) & (moments <= universe.as_of + AHEAD_MS))
    if not len(today):
        return 0
    at = universe.positions([trades.symbols[place] for place in today.tolist()])
    universe.advance(int(moments[today].max()))
    newest = _newest_of_each(at, moments[today])
    _observe(universe, at[newest], moments[today[newest]], _column(trades.price, today[newest]))
    return len(today)


def _observe(universe: Universe, at: Ints, moments: Floats, prices: Floats) -> None:
    universe.observe("price", at, prices, moments)
    known = np.where(np.isnan(prices), np.nan, moments)
    universe.observe("price_time", at, known, moments)
    universe.observe("from_bar", at, np.where(np.isnan(prices), np.nan, 1.0), moments)
    universe.observe("updated", at, known, moments)


def _newest_of_each(at: Ints, moments: Floats) -> Ints:
    """Places of the newest bar of each symbol in the batch; of two with one end, the later in the batch."""
    if len(at) == 1:
        return np.zeros(1, np.intp)
    order = np.lexsort([moments, at])
    last = np.append(at[order][1:] != at[order][:-1], True)
    newest: Ints = order[last]
    return newest


def _column(values: Sequence[float | None], places: Ints) -> Floats:
    return np.array(values, np.float64)[places]
