"""The ends of the horizons of entries: what the last price is by then, and how many bars there were."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gapscan.backtesting.market_day import MarketDay
from gapscan.market.columns import Floats, Ints

HORIZONS: Final = (1, 5, 15, 30, 60)  # minutes
ENDS: Final = (*(f"{minutes}m" for minutes in HORIZONS), "close")


class HorizonEnds:
    """Of entries into the symbols at `places`, `bought` at some minutes: what is so at the end of each horizon.

    `prices` are the last ones then, infinite where there is none yet, NaN where the end is unknown. If they are
    `counted`, `before` is how many bars the symbols had when they were bought, and `bars` at the end of each horizon.
    """

    def __init__(self, day: MarketDay, bought: Ints, places: Ints, *, counted: bool) -> None:
        size = len(bought)
        self.places = places
        self.prices = {name: np.full(size, np.nan) for name in ENDS}
        self.before = np.zeros(size if counted else 0, np.int32)
        self.bars = {name: np.zeros(size, np.int32) for name in ENDS if counted}
        self._day = day
        self._order = np.argsort(bought.astype(np.int16), kind="stable")  # a radix sort
        self._bounds = np.searchsorted(bought[self._order], np.arange(day.length + 2)).tolist()
        self._counted = counted

    def go_through(self) -> None:
        """Take in the day's bars, minute by minute."""
        day, bars, post = self._day, self._day.minutes, self._day.first_of(self._day.times.post)
        last, count = np.full(len(day.symbols), np.inf), np.zeros(len(day.symbols), np.int32)
        for minute in range(day.length + 1):
            if self._counted:
                self._note(self.before, self._of(minute), count)
            for name, after in zip(ENDS, HORIZONS, strict=False):
                self._end(name, self._of(minute - after), last, count)
            if minute == post:
                self._end("close", slice(self._bounds[0], self._bounds[post]), last, count)
            if minute < day.length:
                here = bars.of(minute)
                at = bars.symbol[here]
                last[at] = bars.close[here]
                if self._counted:
                    count[at] += 1

    def _of(self, minute: int) -> slice:
        """Those that were bought at a minute."""
        return slice(self._bounds[minute], self._bounds[minute + 1]) if minute >= 0 else slice(0, 0)

    def _end(self, name: str, at: slice, last: Floats, count: NDArray[np.int32]) -> None:
        self._note(self.prices[name], at, last)
        if self._counted:
            self._note(self.bars[name], at, count)

    def _note(self, into: NDArray[Any], at: slice, held: NDArray[Any]) -> None:
        if at.start < at.stop:
            entries = self._order[at]
            into[entries] = held[self.places[entries]]
