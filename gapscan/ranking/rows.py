"""Rows as clients see them: values rounded once, dicts rebuilt only when something shown has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import repeat
from typing import Any, Final, cast

import numpy as np

from gapscan.market.universe import TEXTS, Bools, Floats, Ints, Universe
from gapscan.protocol.messages import Row

# Decimals of every number in a row: prices as the tape prints them, percent to the hundredth, whole shares.
DECIMALS: Final = {
    "price": 4,
    "prev_close": 4,
    "open": 4,
    "high": 4,
    "low": 4,
    "vwap": 4,
    "change_percent": 2,
    "gap_percent": 2,
    "change_from_open_percent": 2,
    "from_high_percent": 2,
    "volume": 0,
    "dollar_volume": 0,
    "average_volume": 0,
    "rvol": 2,
    "price_time": 0,
    "updated": 0,
    "gap_indicative": 0,
    "split_today": 0,
    "stale": 0,
}
_SHOWN: Final = tuple(DECIMALS)
_NAMES: Final = tuple("as_of" if name == "updated" else name for name in _SHOWN)
_ROW: Final = ("symbol", *TEXTS, *_NAMES, "session", "source")
_SCALES: Final = np.array([10.0**places for places in DECIMALS.values()])[:, None]


def _whole(value: float) -> int:
    return int(value)


def _flag(value: float) -> bool:
    return value == 1.0


def _reader(name: str, places: int) -> Callable[[float], Any] | None:
    if name in ("gap_indicative", "split_today", "stale"):
        return _flag
    return None if places else _whole


_READERS: Final = tuple(_reader(name, places) for name, places in DECIMALS.items())


class RowCache:
    """Builds rows of a universe, and keeps the last one of each symbol.

    The same dict is returned as long as no shown value changed, so that lists share rows and a difference
    can pass over untouched ones by identity.
    """

    def __init__(self, universe: Universe) -> None:
        self._universe = universe
        self._shown: Floats = np.full((len(_SHOWN), 0), np.nan)
        self._rows: list[Row | None] = []
        self._built: Bools = np.zeros(0, np.bool_)
        self._session = universe.session

    def rows(self, at: Ints) -> list[Row]:
        """The rows of the symbols at positions `at`, in that order."""
        self._make_room()
        self._refresh(np.unique(at))
        rows = cast(list[Row], self._rows)
        return [rows[position] for position in at.tolist()]

    def forget(self) -> None:
        """Build every row anew: something other than its numbers may have changed."""
        self._built[:] = False

    def _make_room(self) -> None:
        missing = len(self._universe) - len(self._rows)
        if missing:
            self._rows.extend([None] * missing)
            self._built = np.concatenate([self._built, np.zeros(missing, np.bool_)])
            self._shown = np.hstack([self._shown, np.full((len(_SHOWN), missing), np.nan)])
        if self._session != self._universe.session:
            self._session = self._universe.session
            self.forget()

    def _refresh(self, at: Ints) -> None:
        values = self._universe.numbers(_SHOWN, at)
        values = np.round(values * _SCALES) / _SCALES
        before = self._shown[:, at]
        same = (values == before) | (np.isnan(values) & np.isnan(before))
        stale = ~(same.all(axis=0) & self._built[at])
        self._build(at[stale], values[:, stale])

    def _build(self, at: Ints, values: Floats) -> None:
        self._shown[:, at] = values
        self._built[at] = True
        positions = at.tolist()
        symbols = self._universe.symbols
        columns: list[Iterable[Any]] = [[symbols[position] for position in positions]]
        columns += [self._universe.text(name).take(at) for name in TEXTS]
        columns += [_column(line, read) for line, read in zip(values, _READERS, strict=True)]
        columns += [repeat(str(self._session)), repeat("snapshot")]
        for position, *cells in zip(positions, *columns, strict=False):
            self._rows[position] = cast(Row, dict(zip(_ROW, cells, strict=True)))


def _column(line: Floats, read: Callable[[float], Any] | None) -> list[Any]:
    """The numbers of one field as Python values; NaN becomes None."""
    if read is None:
        return [None if value != value else value for value in line.tolist()]
    return [None if value != value else read(value) for value in line.tolist()]
