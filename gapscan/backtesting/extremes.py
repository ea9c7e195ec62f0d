"""The highest high and the lowest low of symbols between two of their bars."""

from __future__ import annotations

import numpy as np

from gapscan.backtesting.horizons import HorizonEnds
from gapscan.backtesting.market_day import MarketDay
from gapscan.market.columns import Floats, Ints


class BarsBySymbol:
    """Highs and lows of a day, each symbol's by time."""

    def __init__(self, day: MarketDay) -> None:
        symbol = day.minutes.symbol.astype(np.int16 if len(day.symbols) < 1 << 15 else np.int32)
        order = np.argsort(symbol, kind="stable")
        self._start = np.searchsorted(symbol[order], np.arange(len(day.symbols), dtype=symbol.dtype))
        self._high, self._low = day.minutes.high[order], day.minutes.low[order]

    def extremes(self, ends: HorizonEnds) -> dict[str, Floats]:
        """`best` and `worst` until each end; the price at the end where there is no bar until then."""
        start = self._start[ends.places]
        begin = start + ends.before
        order = np.argsort(begin)
        found = dict[str, Floats]()
        for name, bars in ends.bars.items():
            some = order[bars[order] > ends.before[order]]
            spans = _Spans(begin[some], start[some] + bars[some], len(self._high))
            for kind, function, values in (("best", np.maximum, self._high), ("worst", np.minimum, self._low)):
                found[f"{kind}_{name}"] = reached = ends.prices[name].copy()
                reached[some] = spans.reduced(function, values)
        return found


class _Spans:
    """Some `begin:end` of `size` values; none is empty, and the begins ascend."""

    def __init__(self, begin: Ints, end: Ints, size: int) -> None:
        self._within = end < size  # reduceat takes no index after the last value
        self._pairs = np.column_stack([begin[self._within], end[self._within]]).ravel()
        self._to_the_end = begin[~self._within]

    def reduced(self, function: np.ufunc, values: Floats) -> Floats:
        """The function over the values of each."""
        found = np.empty(len(self._within))
        if len(self._pairs):
            found[self._within] = function.reduceat(values, self._pairs)[::2]
        if len(self._to_the_end):
            start = self._to_the_end[0]
            until_the_end = function.accumulate(values[start:][::-1])[::-1]
            found[~self._within] = until_the_end[self._to_the_end - start]
        return found
