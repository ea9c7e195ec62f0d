"""Rows as clients see them: values rounded once, dicts rebuilt only when something shown has changed."""

from __future__ import annotations

from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from gapscan.market.columns import Bools, Floats, Ints
from gapscan.market.fields import TEXTS
from gapscan.market.universe import Universe
from gapscan.protocol.messages import Fields, Row
from gapscan.ranking.delta import Maker, Origin, RowList

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
    "from_low_percent": 2,
    "change_1m_percent": 1,
    "change_5m_percent": 1,
    "high_time": 0,
    "low_time": 0,
    "post_change_percent": 2,
    "post_volume": 0,
    "volume_1m": 0,
    "trades_z": 1,
    "thin_baseline": 0,
    "market_cap": 0,
    "float_shares": 0,
    "spike_size": 1,
    "spike_time": 0,
    "halt_time": 0,
}
_SHOWN: Final = tuple(DECIMALS)
FLAGS: Final = frozenset({"gap_indicative", "split_today", "stale", "thin_baseline"})
_RENAMED: Final = {"updated": "as_of", "from_bar": "source"}
_NAMES: Final = tuple(_RENAMED.get(name, name) for name in _SHOWN)
_IS_FLAG: Final = np.array([name in FLAGS for name in _NAMES])
_IS_SOURCE: Final = np.array([name == "source" for name in _NAMES])
_IS_WHOLE: Final = np.array([places == 0 for places in DECIMALS.values()]) & ~_IS_FLAG & ~_IS_SOURCE
_ROW: Final = ("symbol", *TEXTS, *_NAMES, "session")
_SCALES: Final = np.array([10.0**places for places in DECIMALS.values()])[:, None]
# A greater number would not survive every JSON reader; no share trades at one.
_LARGEST: Final = 2.0**53

Objects = NDArray[np.object_]


class RowCache(Maker):
    """Builds rows of a universe, and keeps the last one of each symbol.

    The same dict is returned as long as no shown value changed, so that lists share rows and a difference
    can pass over untouched ones.
    """

    def __init__(self, universe: Universe) -> None:
        super().__init__()
        self._universe = universe
        self._shown: Floats = np.full((len(_SHOWN), 0), np.nan)  # the numbers in the rows
        self._rows: Objects = np.empty(0, object)
        self._symbols: Objects = np.empty(0, object)
        self._built: Bools = np.zeros(0, np.bool_)
        self._due: Bools = np.zeros(0, np.bool_)  # to be looked at before the row is shown again
        self._versions: NDArray[np.int64] = np.zeros(0, np.int64)
        self._session = universe.session
        self._news: dict[int, tuple[Row, Fields]] = {}

    def touch(self, at: Ints | None) -> None:
        """The numbers of the symbols at positions `at` (None: of all) may have changed."""
        self._make_room()
        self._due[slice(None) if at is None else at] = True

    def forget(self, at: Ints) -> None:
        """The texts of the symbols at positions `at` changed: build their rows anew."""
        self._make_room()
        self._built[at] = False
        self._due[at] = True

    def refresh(self, at: Ints) -> None:
        """Bring the rows of the symbols at positions `at` up to date; a symbol may be there several times."""
        self._news = {}
        due = np.zeros(len(self._rows), np.bool_)
        due[at] = self._due[at]
        at = np.flatnonzero(due)
        if len(at):
            self._due[at] = False
            self._refresh(at)

    def state(self, at: Ints) -> RowList:
        """The list that shows the symbols at positions `at`, whose rows are up to date."""
        origin = Origin(self, at, self._versions[at], self._news)
        return RowList(self._rows[at].tolist(), self._symbols[at].tolist(), origin)

    def is_current(self, state: RowList | None, at: Ints) -> bool:
        """Whether `state` shows the symbols at positions `at` as they are."""
        origin = state.origin if state is not None else None
        return (
            origin is not None
            and np.array_equal(origin.places, at)
            and np.array_equal(origin.versions, self._versions[at])
        )

    def _make_room(self) -> None:
        held, missing = len(self._rows), len(self._universe) - len(self._rows)
        if missing:
            self._rows = np.concatenate([self._rows, np.empty(missing, object)])
            self._symbols = np.concatenate([self._symbols, np.array(self._universe.symbols[held:], object)])
            self._built = np.concatenate([self._built, np.zeros(missing, np.bool_)])
            self._due = np.concatenate([self._due, np.ones(missing, np.bool_)])
            self._versions = np.concatenate([self._versions, np.zeros(missing, np.int64)])
            self._shown = np.hstack([self._shown, np.full((len(_SHOWN), missing), np.nan)])
            self.grow(len(self._rows))
        if self._session != self._universe.session:
            self._session = self._universe.session
            self._built[:] = False
            self._due[:] = True

    def _refresh(self, at: Ints) -> None:
        """Round the numbers at `at`, and build the rows in which one has changed."""
        values, before = _rounded(self._universe.numbers(_SHOWN, at)), self._shown[:, at]
        changed = (values != before) & ~(np.isnan(values) & np.isnan(before)) | ~self._built[at]
        stale = np.flatnonzero(changed.any(axis=0))
        at, values, changed = at[stale], values[:, stale], changed[:, stale]
        self._shown[:, at] = values
        self._versions[at] += 1
        self._build(at, values, changed)

    def _build(self, at: Ints, values: Floats, changed: Bools) -> None:
        """New rows: the old ones, with the changed numbers written over."""
        old = self._before(at)
        who, which = np.nonzero(changed.T)
        cells = list(zip(map(_NAMES.__getitem__, which.tolist()), _cells(values[which, who], which), strict=True))
        ends = np.cumsum(changed.sum(axis=0)).tolist()
        begin = 0
        for position, before, end in zip(at.tolist(), old, ends, strict=True):
            news = dict(cells[begin:end])
            row = cast(Row, {**before, **news})
            self._rows[position] = row
            self._news[id(row)] = (before, cast(Fields, news))
            begin = end

    def _before(self, at: Ints) -> list[Row]:
        """The present rows at `at`; blank ones where there is none."""
        self._blank(at[~self._built[at]])
        self._built[at] = True
        return cast(list[Row], self._rows[at].tolist())

    def _blank(self, at: Ints) -> None:
        """Rows without numbers."""
        texts = [self._universe.text(name).take(at) for name in TEXTS]
        session = str(self._session)
        for position, symbol, *words in zip(at.tolist(), self._symbols[at].tolist(), *texts, strict=True):
            blank: dict[str, Any] = dict.fromkeys(_ROW)
            blank.update(zip(TEXTS, words, strict=True), symbol=symbol, session=session)
            self._rows[position] = blank


def _rounded(numbers: Floats) -> Floats:
    values: Floats = np.round(numbers * _SCALES) / _SCALES + 0.0  # no minus zero
    values[np.abs(values) > _LARGEST] = np.nan
    return values


def _cells(values: Floats, which: Ints) -> list[Any]:
    """Numbers of the fields `which` as Python values; NaN becomes None."""
    cells: list[Any] = values.tolist()
    absent = np.isnan(values)
    whole = np.flatnonzero(_IS_WHOLE[which] & ~absent)
    _overwrite(cells, whole, values[whole].astype(np.int64).tolist())
    flags = np.flatnonzero(_IS_FLAG[which])
    _overwrite(cells, flags, (values[flags] == 1.0).tolist())
    sources = np.flatnonzero(_IS_SOURCE[which])
    _overwrite(cells, sources, ["bar" if live else "snapshot" for live in (values[sources] == 1.0).tolist()])
    missing = np.flatnonzero(absent)
    _overwrite(cells, missing, [None] * len(missing))
    return cells


def _overwrite(cells: list[Any], places: Ints, values: list[Any]) -> None:
    for place, value in zip(places.tolist(), values, strict=True):
        cells[place] = value
