"""Rows as clients see them: values rounded once, dicts rebuilt only when something shown has changed."""

from __future__ import annotations

from itertools import compress
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from gapscan.market.universe import TEXTS, Bools, Floats, Ints, Universe
from gapscan.protocol.messages import Fields, Row

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
    "from_bar": 0,
}
_SHOWN: Final = tuple(DECIMALS)
_FLAGS: Final = frozenset({"gap_indicative", "split_today", "stale"})
_RENAMED: Final = {"updated": "as_of", "from_bar": "source"}
_NAMES: Final = tuple(_RENAMED.get(name, name) for name in _SHOWN)
_WHOLE: Final = frozenset(name for name, places in zip(_NAMES, DECIMALS.values(), strict=True) if places == 0)
_ROW: Final = ("symbol", *TEXTS, *_NAMES, "session")
_SCALES: Final = np.array([10.0**places for places in DECIMALS.values()])[:, None]
# A greater number would not survive every JSON reader; no share trades at one.
_LARGEST: Final = 2.0**53


class RowCache:
    """Builds rows of a universe, and keeps the last one of each symbol.

    The same dict is returned as long as no shown value changed, so that lists share rows and a difference
    can pass over untouched ones by identity.
    """

    def __init__(self, universe: Universe) -> None:
        self._universe = universe
        self._seen: Floats = np.full((len(_SHOWN), 0), np.nan)  # the numbers as they were when last looked at
        self._shown = self._seen.copy()  # the numbers in the rows
        self._rows: list[Row | None] = []
        self.origins: dict[int, tuple[Row, Fields]] = {}  # of the rows that the last call built
        self._built: Bools = np.zeros(0, np.bool_)
        self._session = universe.session

    def rows(self, at: Ints) -> list[Row]:
        """The rows of the symbols at positions `at`, in that order."""
        self._make_room()
        self.origins = {}
        wanted = np.zeros(len(self._rows), np.bool_)
        wanted[at] = True
        self._refresh(np.flatnonzero(wanted))
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
            room = np.full((len(_SHOWN), missing), np.nan)
            self._seen, self._shown = np.hstack([self._seen, room]), np.hstack([self._shown, room])
        if self._session != self._universe.session:
            self._session = self._universe.session
            self.forget()

    def _refresh(self, at: Ints) -> None:
        """Bring the rows at `at` up to date. Few have changed, and only the numbers of those are rounded."""
        numbers = self._universe.numbers(_SHOWN, at)
        same = (_bits(numbers) == _bits(self._seen.take(at, axis=1))).all(axis=0) & self._built[at]
        touched = np.flatnonzero(~same)
        at, numbers = at[touched], numbers.take(touched, axis=1)
        self._seen[:, at] = numbers
        values, before = _rounded(numbers), self._shown.take(at, axis=1)
        changed = (values != before) & ~(np.isnan(values) & np.isnan(before)) | ~self._built[at]
        self._shown[:, at] = values
        stale = np.flatnonzero(changed.any(axis=0))
        self._build(at[stale], values.take(stale, axis=1), changed.take(stale, axis=1))

    def _build(self, at: Ints, values: Floats, changed: NDArray[np.bool_]) -> None:
        """New rows: the old ones, with the changed numbers written over."""
        old = self._before(at)
        news: list[dict[str, Any]] = [{} for _ in old]
        for name, line, moved in zip(_NAMES, values, changed, strict=True):
            if moved.any():
                cells = _cells(name, line[moved])
                for new, cell in zip(compress(news, moved.tolist()), cells, strict=True):
                    new[name] = cell
        for position, before, new in zip(at.tolist(), old, news, strict=True):
            row = cast(Row, {**before, **new})
            self._rows[position] = row
            self.origins[id(row)] = (before, cast(Fields, new))

    def _before(self, at: Ints) -> list[Row]:
        """The present rows at `at`; blank ones where there is none."""
        self._blank(at[~self._built[at]])
        self._built[at] = True
        rows = cast(list[Row], self._rows)
        return [rows[position] for position in at.tolist()]

    def _blank(self, at: Ints) -> None:
        """Rows without numbers."""
        texts = [self._universe.text(name).take(at) for name in TEXTS]
        session = str(self._session)
        for position, symbol, *words in zip(at.tolist(), self._universe.symbols_at(at), *texts, strict=True):
            blank = dict.fromkeys(_ROW)
            blank.update(zip(TEXTS, words, strict=True), symbol=symbol, session=session)
            self._rows[position] = cast(Row, blank)


def _bits(numbers: Floats) -> NDArray[np.int64]:
    """The numbers' bit patterns, under which a missing value equals itself."""
    return numbers.view(np.int64)


def _rounded(numbers: Floats) -> Floats:
    values: Floats = np.round(numbers * _SCALES) / _SCALES + 0.0  # no minus zero
    values[np.abs(values) > _LARGEST] = np.nan
    return values


def _cells(name: str, line: Floats) -> list[Any]:
    """The numbers of one field as Python values; NaN becomes None."""
    missing = np.isnan(line)
    if name == "source":
        cells: list[Any] = ["bar" if live else "snapshot" for live in (line == 1.0).tolist()]
    elif name in _FLAGS:
        cells = (line == 1.0).tolist()
    elif name in _WHOLE:
        cells = np.where(missing, 0.0, line).astype(np.int64).tolist()
    else:
        cells = line.tolist()
    for place in np.flatnonzero(missing).tolist():
        cells[place] = None
    return cells
