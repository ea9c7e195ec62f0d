"""The tape: prints as columns, and bars made from them.

Everything the simulated market shows (snapshot, bars, trades) is computed from the same prints, so that the
parts cannot disagree.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Prints(NamedTuple):
    """Prints in time order: epoch ms, the symbol's place, price in USD, size in shares (or a fraction).

    A print stands for `trades` trades at about the same moment; 0: for a further part of one counted before.
    """

    time: Ints
    symbol: Ints
    price: Floats
    size: Floats
    trades: Ints

    def between(self, start: int, end: int) -> Prints:
        """The prints with start <= time < end."""
        first, last = np.searchsorted(self.time, (start, end))
        span = slice(first, last)
        return Prints(self.time[span], self.symbol[span], self.price[span], self.size[span], self.trades[span])


class Bars(NamedTuple):
    """One bar per place, by ascending symbol index; `turnover` is the sum of price times size."""

    symbol: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    turnover: Floats
    prints: Ints
    trades: Ints
    last_time: Ints
    last_size: Floats


def no_prints() -> Prints:
    """An empty tape."""
    none = np.empty(0, np.int64)
    return Prints(none, none, np.empty(0), np.empty(0), none)


def in_time_order(time: Ints, symbol: Ints, price: Floats, size: Floats, trades: Ints) -> Prints:
    """The given prints sorted by time; prints of the same millisecond keep the order given."""
    order = np.argsort(time, kind="stable")
    return Prints(time[order], symbol[order], price[order], size[order], trades[order])


def evenly(total: Ints, counts: Ints) -> Ints:
    """Each `total` over its `counts` prints, as evenly as whole trades allow: one number per print."""
    start = np.cumsum(counts) - counts
    number = np.arange(counts.sum()) - np.repeat(start, counts)
    whole, rest = np.divmod(total, np.maximum(counts, 1))
    return np.asarray(np.repeat(whole, counts) + (number < np.repeat(rest, counts)), np.int64)


def to_bars(prints: Prints) -> Bars:
    """All prints of one span as one bar per symbol."""
    order = np.argsort(prints.symbol, kind="stable")
    symbol, price, size = prints.symbol[order], prints.price[order], prints.size[order]
    first = np.flatnonzero(np.diff(symbol, prepend=-1))
    if not len(first):
        none = np.empty(0)
        return Bars(symbol, none, none, none, none, none, none, symbol, symbol, symbol, none)
    last = np.append(first[1:], len(symbol)) - 1
    return Bars(
        symbol=symbol[first],
        open=price[first],
        high=np.maximum.reduceat(price, first),
        low=np.minimum.reduceat(price, first),
        close=price[last],
        volume=np.add.reduceat(size, first),
        turnover=np.add.reduceat(price * size, first),
        prints=last - first + 1,
        trades=np.add.reduceat(prints.trades[order], first),
        last_time=prints.time[order][last],
        last_size=size[last],
    )
