"""The highest high and the lowest low of symbols between two of their bars."""

from __future__ import annotations

from typing import Final

import numpy as np

from gapscan.backtesting.horizons import HorizonEnds
from gapscan.backtesting.market_day import MarketDay
from gapscan.market.columns import Floats, Ints

_SYMBOLS: Final = 2048  # whose bars are put in order at a time: those of a whole day would take much memory


def extremes(day: MarketDay, ends: HorizonEnds) -> dict[str, Floats]:
    """`best` and `worst` until each end; the price at the end where there is no bar until then."""
    found = {f"{kind}_{name}": prices.copy() for name, prices in ends.prices.items() for kind in ("best", "worst")}
    for first in range(0, len(day.symbols), _SYMBOLS):
        of_part = np.flatnonzero((ends.places >= first) & (ends.places < first + _SYMBOLS))
        if len(of_part):
            _BarsBySymbol(day, first).reduce(ends, of_part, found)
    return found


class _BarsBySymbol:
    """Highs and lows of the day's bars of some symbols, from place `first` on: each symbol's by time."""

    def __init__(self, day: MarketDay, first: int) -> None:
        bars = np.flatnonzero((day.minutes.symbol >= first) & (day.minutes.symbol < first + _SYMBOLS))
        symbol = (day.minutes.symbol[bars] - first).astype(np.int16)
        order = np.argsort(symbol, kind="stable")  # a radix sort
        self._first = first
        self._start = np.searchsorted(symbol[order], np.arange(_SYMBOLS, dtype=np.int16))
        bars = bars[order]
        self._high, self._low = day.minutes.high[bars], day.minutes.low[bars]

    def reduce(self, ends: HorizonEnds, entries: Ints, found: dict[str, Floats]) -> None:
        """Put into `found` what is so of the entries with these numbers, all of whom have bars here."""
        start = self._start[ends.places[entries] - self._first]
        before = ends.before[entries]
        order = np.argsort(start + before)
        entries, start, before = entries[order], start[order], before[order]
        for name, counted in ends.bars.items():
            bars = counted[entries]
            some = bars > before
            spans = _Spans((start + before)[some], (start + bars)[some], len(self._high))
            found[f"best_{name}"][entries[some]] = spans.reduced(np.maximum, self._high)
            found[f"worst_{name}"][entries[some]] = spans.reduced(np.minimum, self._low)


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
