"""Bars of a stream: each an object, or all together as columns, which is no object a bar."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from msgspec import Struct

from gapscan.market.columns import Floats


class Bar(Struct, gc=False):
    """One symbol's trading from `start` to `end`; `day_volume`, `day_open` and `day_vwap` are the day's so far.

    A bar is known by its symbol and start: the same one may come again, corrected.
    """

    symbol: str
    start: int
    end: int
    open: float | None = None
    high: float | None = None
    low: float | None = None
    close: float | None = None
    volume: float | None = None
    day_volume: float | None = None
    day_open: float | None = None
    day_vwap: float | None = None


BAR_NUMBERS: Final = Bar.__struct_fields__[3:]


class BarColumns:
    """Bars as columns of one length; `numbers` has a row for each of BAR_NUMBERS, NaN where there is no value.

    Who reads them one by one, or compares them, gets a `Bar` for each.
    """

    __slots__ = ("end", "numbers", "start", "symbols")
    __hash__ = None  # type: ignore[assignment]  # they may be changed

    def __init__(self, symbols: list[str], start: list[int], end: list[int], numbers: Floats) -> None:
        self.symbols, self.start, self.end, self.numbers = symbols, start, end, numbers

    @classmethod
    def of(cls, bars: Sequence[Bar] = ()) -> BarColumns:
        """The columns of bars that are objects."""
        rows = [[getattr(bar, name) for bar in bars] for name in BAR_NUMBERS]
        symbols, start, end = ([getattr(bar, name) for bar in bars] for name in ("symbol", "start", "end"))
        return cls(symbols, start, end, np.array(rows, np.float64))

    def __len__(self) -> int:
        return len(self.symbols)

    def __iter__(self) -> Iterator[Bar]:
        for symbol, start, end, row in zip(self.symbols, self.start, self.end, self.numbers.T.tolist(), strict=True):
            yield Bar(symbol, start, end, *(None if math.isnan(value) else value for value in row))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BarColumns) and list(self) == list(other)

    def __repr__(self) -> str:
        return f"BarColumns.of({list(self)})"

    def part(self, where: slice) -> BarColumns:
        """Some of the bars, in order; of `numbers`, a view."""
        return BarColumns(self.symbols[where], self.start[where], self.end[where], self.numbers[:, where])
