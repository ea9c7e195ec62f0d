"""Bars and trades of hot symbols into the universe, merged by event time.

A bar may come late, and again: it moves the price only if its end is not older than the price's time, and day values
only if it saw more of the day than what is held. Highs and lows of the session can only widen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

import numpy as np

from gapscan.market.columns import Floats, Ints, as_floats, in_packed_form, unpacked
from gapscan.market.history import STEP_MS
from gapscan.market.observed import by_price, by_volume
from gapscan.market.premarket import observe_early
from gapscan.market.sessions import SessionTimes, session_times, trades_end
from gapscan.market.universe import Universe
from gapscan.protocol.messages import Bars, Trades

# What claims to be further ahead of the newest scan than this is an error in the data. A market that is replayed so
# fast that its bars run ahead of its scans by more is ranked by its scans.
AHEAD_MS: Final = 900_000

_WIDENING: Final = ("high", "low")
_NEWEST_COUNTS: Final = ("close", "day_volume", "day_vwap", "day_open")
_NUMBERS: Final = (*_WIDENING, *_NEWEST_COUNTS)


def merge_bars(universe: Universe, *batches: Bars) -> int:
    """Take in bars; how many of them were of today. The universe must have a trading day already.

    Batches that came one after the other are merged together, which is much less work than one by one.
    """
    symbols = list(chain.from_iterable(batch.symbols for batch in batches))
    if universe.date is None or not symbols:
        return 0
    day = session_times(universe.date)
    start, end = (_joined(batches, name, len(symbols)) for name in ("start", "end"))
    of_today = (start >= day.night) & (start < trades_end(universe.date))
    of_today &= end <= universe.scanned_at + AHEAD_MS
    numbers = unpacked([b"".join([in_packed_form(getattr(batch, name)) for batch in batches]) for name in _NUMBERS])
    if not of_today.all():
        today = np.flatnonzero(of_today)
        symbols, start, end = [symbols[place] for place in today.tolist()], start[today], end[today]
        numbers = numbers[:, today]
    if not symbols:
        return 0
    at = universe.positions(symbols)
    universe.advance(int(end.max()))
    universe.simulated = batches[-1].simulated
    columns = dict(zip(_NUMBERS, numbers, strict=True))
    _widen(universe, at, start, end, columns, day)
    for newest in _newest_of_each_step(at, end):
        _observe_newest(
            universe, at[newest], end[newest], {name: columns[name][newest] for name in _NEWEST_COUNTS}, day
        )
    return len(symbols)


def _joined(batches: Sequence[Bars], name: str, size: int) -> Floats:
    return np.fromiter(chain.from_iterable(getattr(batch, name) for batch in batches), np.float64, size)


def _widen(
    universe: Universe, at: Ints, start: Floats, end: Floats, columns: Mapping[str, Floats], day: SessionTimes
) -> None:
    """High and low of the day are those of its pre-market, then those of its regular session."""
    known = universe.streamed(at, end)
    ranged = (start >= day.pre) & (start < day.post)
    if not ranged.all():
        at, start, end, known = at[ranged], start[ranged], end[ranged], known[ranged]
        columns = {name: columns[name][ranged] for name in _WIDENING}
    seen = np.where(start < day.regular, np.fmin(end, day.regular - 1), end)
    for name in _WIDENING:
        universe.widen(name, at, columns[name], seen, day.regular, known)
        observe_early(universe, name, at, columns[name], start, day.regular)


def _observe_newest(
    universe: Universe, at: Ints, ends: Floats, columns: Mapping[str, Floats], day: SessionTimes
) -> None:
    observed = _live(columns["close"], ends) | by_volume(columns["day_volume"], ends, day)
    universe.observe(at, observed | {"open": columns["day_open"], "vwap": columns["day_vwap"]}, ends)


def _live(prices: Floats, moments: Floats) -> dict[str, Floats]:
    """The fields that a live price sets: the symbol was observed at that time, too."""
    observed = by_price(prices, moments, 1.0)
    return observed | {"updated": observed["price_time"]}


def merge_trades(universe: Universe, trades: Trades) -> int:
    """Take in last trades; how many of them were of today."""
    if universe.date is None or not trades.symbols:
        return 0
    moments = np.array(trades.time, np.float64)
    of_today = (moments >= session_times(universe.date).night) & (moments < trades_end(universe.date))
    today = np.flatnonzero(of_today & (moments <= universe.scanned_at + AHEAD_MS))
    if not len(today):
        return 0
    at, moments = universe.positions([trades.symbols[place] for place in today.tolist()]), moments[today]
    universe.advance(int(moments.max()))
    newest = _newest_of_each(at, moments)
    prices = as_floats(trades.price)[today[newest]]
    universe.observe(at[newest], _live(prices, moments[newest]), moments[newest])
    return len(today)


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
