"""A day's minute bars in the order of time, from those of a file, in hardly more memory than they take."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gapscan.flatfiles.day_bars import DayBars
from gapscan.market.columns import Floats, Ints
from gapscan.market.sessions import MINUTE_MS, NS_PER_MS, session_times

_PART: Final = 1 << 15  # bars


@dataclass(frozen=True, slots=True)
class Minutes:
    """Minute bars by ascending minute, then in the order of `symbols`; those of minute m are at `bounds[m:m + 2]`.

    Minutes count from the beginning of pre-market. A bar without volume is no bar.
    """

    symbol: NDArray[np.int32]
    minute: NDArray[np.int16]
    volume: Floats
    open: Floats
    close: Floats
    high: Floats
    low: Floats
    trades: NDArray[np.int32]
    bounds: Ints

    def of(self, minute: int) -> slice:
        """Where the bars of a minute are."""
        return slice(int(self.bounds[minute]), int(self.bounds[minute + 1]))


def minutes_of(bars: DayBars, symbols: Sequence[str], date: dt.date) -> Minutes:
    """The minutes of those symbols. Of two bars of one minute the first counts; bars outside the sessions do not.

    The columns of `bars` are put in order where they are, and are of no use afterwards.
    """
    times = session_times(date)
    length = (times.closed - times.pre) // MINUTE_MS
    symbol = _places_of_bars(bars, symbols)
    minute = _minutes_since(bars.start, times.pre, length)
    order = _order(symbol, minute, bars.volume, length)
    number = np.zeros(length, np.intp)
    for part in _parts(len(order)):
        number += np.bincount(minute[order[part]], minlength=length)
    del minute  # from here on each is the one of its place
    room: NDArray[Any] = bars.start  # each column goes to where the one before it was
    columns = {}
    for name in ("volume", "open", "close", "high", "low"):
        values = getattr(bars, name)
        columns[name] = _taken(values, order, room.view(np.float64)[: len(order)])
        room = values
    half = room.view(np.int32)  # and the narrow ones to where the last was
    symbol = _taken(symbol, order, half[: len(order)])
    trades = _taken(bars.transactions, order, half[len(order) : 2 * len(order)])
    del order
    minute = np.repeat(np.arange(length, dtype=np.int16), number)
    bounds = np.concatenate([[0], np.cumsum(number)])
    return Minutes(symbol, minute, trades=trades, bounds=bounds, **columns)


def _taken(values: NDArray[Any], order: NDArray[Any], into: NDArray[Any]) -> NDArray[Any]:
    """The values in that order: a part at a time, since numpy makes places of eight bytes of all that it is given."""
    for part in _parts(len(order)):
        np.take(values, order[part], out=into[part], mode="clip")
    return into


def _parts(size: int) -> list[slice]:
    return [slice(at, min(at + _PART, size)) for at in range(0, size, _PART)]


def _places_of_bars(bars: DayBars, symbols: Sequence[str]) -> NDArray[np.int32]:
    """Of each bar, the place of its symbol. Files mostly have symbols in their order: nothing is copied then."""
    if bars.symbols == symbols:
        return bars.of
    place = {symbol: at for at, symbol in enumerate(symbols)}
    places: NDArray[np.int32] = np.array([place[symbol] for symbol in bars.symbols], np.int32)[bars.of]
    return places


def _minutes_since(start: NDArray[np.int64], pre: int, length: int) -> NDArray[np.int16]:
    """The minute of each bar; -1 outside of the sessions. They are where `start` was, which is used up."""
    start -= pre * NS_PER_MS
    start //= MINUTE_MS * NS_PER_MS
    start[(start < 0) | (start >= length)] = -1
    minute = start.view(np.int16)[: len(start)]
    for part in _parts(len(start)):
        minute[part] = start[part]
    return minute


def _order(symbol: NDArray[np.int32], minute: NDArray[np.int16], volume: Floats, length: int) -> NDArray[Any]:
    """Where the bars are that count, by minute and symbol."""
    counts = (minute >= 0) & (volume > 0)
    if counts.all() and _ascend(symbol, minute):
        return _by_minute(minute, length)
    order = np.flatnonzero(counts)
    order = order[np.argsort(symbol[order], kind="stable")]
    order = order[np.argsort(minute[order], kind="stable")]
    return _first_of_each(order, symbol, minute)


def _by_minute(minute: NDArray[np.int16], length: int) -> NDArray[np.int32]:
    """A stable order by minutes from 0 to below `length`: parts are sorted, and put where they go in the whole."""
    numbers = [np.bincount(minute[part], minlength=length) for part in _parts(len(minute))]
    first = np.cumsum(sum(numbers)) - sum(numbers) if numbers else np.zeros(length, np.intp)
    order = np.empty(len(minute), np.int32)
    for part, number in zip(_parts(len(minute)), numbers, strict=True):
        within = np.argsort(minute[part], kind="stable")  # a radix sort
        to = np.repeat(first - (np.cumsum(number) - number), number)
        order[to + np.arange(len(within))] = within + part.start
        first += number
    return order


def _ascend(symbol: NDArray[np.int32], minute: NDArray[np.int16]) -> bool:
    """Whether bars are in the order of symbol and minute, and none is there twice."""
    later = minute[1:] > minute[:-1]
    later &= symbol[1:] == symbol[:-1]
    later |= symbol[1:] > symbol[:-1]
    return bool(later.all())


def _first_of_each(order: Ints, symbol: NDArray[np.int32], minute: NDArray[np.int16]) -> Ints:
    same = (symbol[order[1:]] == symbol[order[:-1]]) & (minute[order[1:]] == minute[order[:-1]])
    return order if not same.any() else order[np.concatenate([[True], ~same])]
