"""Rows as clients see them: values rounded once, and made anew only when something shown has changed.

What a row shows is kept as numbers. A dict is made of it when somebody wants one (a snapshot, a row that enters a
list): most changes only ever need the few fields that changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, cast, overload

import numpy as np
from numpy.typing import NDArray

from gapscan.market.columns import Bools, Floats, Ints
from gapscan.market.fields import TEXTS
from gapscan.market.universe import Universe
from gapscan.protocol.messages import Change, Fields, Row, Update
from gapscan.ranking.delta import Rows, TrackedRows, changed_fields, moves

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
_NAMES_AT: Final = np.array(_NAMES, object)
_ALL: Final = np.arange(len(_SHOWN))
_SCALES: Final = np.array([10.0**places for places in DECIMALS.values()])[:, None]
# A greater number would not survive every JSON reader; no share trades at one.
_LARGEST: Final = 2.0**53

_NOWHERE: Final = -1
Objects = NDArray[np.object_]


class Shown:
    """What one symbol's row shows: made anew whenever that changes, and never changed itself."""

    __slots__ = ("dict", "news", "texts", "values", "version")

    def __init__(self, texts: dict[str, Any], values: Floats, news: Fields | None, version: int) -> None:
        self.values = values
        self.news = news  # what is different from the version before; None: more than its numbers
        self.version = version
        self.texts = texts
        self.dict: Row | None = None  # what `as_rows` made of it

    def changes_from(self, old: Shown) -> Fields:
        """The fields that differ from an older version of the same row."""
        if self.news is not None and old.version == self.version - 1:
            return self.news
        before, after = as_rows([old, self])
        return changed_fields(before, after)


def as_rows(shown: Sequence[Shown]) -> list[Row]:
    """Dicts of what is shown; the same object gives the same dict. Many are made at much less cost than one by one."""
    missing = [one for one in shown if one.dict is None]
    if missing:
        values = np.array([one.values for one in missing])
        cells = _cells(values.ravel(), np.tile(_ALL, len(missing)))
        for begin, one in zip(range(0, len(cells), len(_NAMES)), missing, strict=True):
            numbers = dict(zip(_NAMES, cells[begin : begin + len(_NAMES)], strict=True))
            one.dict = cast(Row, one.texts | numbers)
    return [cast(Row, one.dict) for one in shown]


class RowState(TrackedRows):
    """The rows of one list at one moment."""

    def __init__(self, cache: RowCache, places: Ints, shown: list[Shown], versions: NDArray[np.int64]) -> None:
        self.cache = cache
        self.places = places
        self.versions = versions
        self.symbols = cache.symbols_at(places)
        self._shown = shown

    def __len__(self) -> int:
        return len(self._shown)

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Row]: ...
    def __getitem__(self, at: int | slice) -> Row | Sequence[Row]:
        return as_rows(self._shown[at]) if isinstance(at, slice) else as_rows([self._shown[at]])[0]

    def __iter__(self) -> Iterator[Row]:
        return iter(as_rows(self._shown))

    def rows_at(self, places: Sequence[int]) -> list[Row]:
        """Some of the rows."""
        return as_rows([self._shown[place] for place in places])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def changes_from(self, old: Rows) -> list[Change] | None:
        """The difference to an older state, found by place and version; None for rows from elsewhere."""
        if not isinstance(old, RowState) or old.cache is not self.cache:
            return None
        came_from = self.cache.came_from(old.places, self.places)
        stayed = np.flatnonzero(came_from != _NOWHERE)
        anew = stayed[self.versions[stayed] != old.versions[came_from[stayed]]]
        pairs = zip(anew.tolist(), came_from[anew].tolist(), strict=True)
        updates = (
            Update(at + 1, self.symbols[at], changed)
            for at, was in pairs
            if (changed := self._shown[at].changes_from(old._shown[was]))
        )
        return [*moves(old.symbols, came_from, self), *updates]


class RowCache:
    """What every symbol's row shows. The same object is held as long as that is the same, so that lists share it."""

    def __init__(self, universe: Universe) -> None:
        self._universe = universe
        self._values: Floats = np.full((len(_SHOWN), 0), np.nan)  # the numbers that are shown
        self._shown: Objects = np.empty(0, object)
        self._texts: Objects = np.empty(0, object)
        self._symbols: Objects = np.empty(0, object)
        self._told: Bools = np.zeros(0, np.bool_)  # whether `_texts` are up to date
        self._due: Bools = np.zeros(0, np.bool_)  # to be looked at before the row is shown again
        self._versions: NDArray[np.int64] = np.zeros(0, np.int64)
        self._rank: Ints = np.zeros(0, np.intp)
        self._session = universe.session

    def touch(self, at: Ints | None) -> None:
        """The numbers of the symbols at positions `at` (None: of all) may have changed."""
        self._make_room()
        self._due[slice(None) if at is None else at] = True

    def forget(self, at: Ints) -> None:
        """The texts of the symbols at positions `at` changed."""
        self._make_room()
        self._told[at] = False
        self._due[at] = True

    def refresh(self, at: Ints) -> None:
        """Bring the rows of the symbols at positions `at` up to date; a symbol may be there several times."""
        due = np.zeros(len(self._shown), np.bool_)
        due[at] = self._due[at]
        at = np.flatnonzero(due)
        if len(at):
            self._due[at] = False
            self._refresh(at)

    def state(self, at: Ints) -> RowState:
        """The list that shows the symbols at positions `at`, whose rows are up to date."""
        return RowState(self, at, self._shown[at].tolist(), self._versions[at])

    def is_current(self, state: RowState | None, at: Ints) -> bool:
        """Whether `state` shows the symbols at positions `at` as they are."""
        return (
            state is not None
            and np.array_equal(state.places, at)
            and np.array_equal(state.versions, self._versions[at])
        )

    def symbols_at(self, at: Ints) -> list[str]:
        """The symbols at positions `at`."""
        return cast(list[str], self._symbols[at].tolist())

    def came_from(self, old: Ints, new: Ints) -> Ints:
        """Where in the positions `old` each of the positions `new` is, -1 for what is not there."""
        self._rank[old] = np.arange(len(old))
        ranks: Ints = self._rank[new]
        self._rank[old] = _NOWHERE
        return ranks

    def _make_room(self) -> None:
        held, missing = len(self._shown), len(self._universe) - len(self._shown)
        if missing:
            nothing = np.empty(missing, object)
            self._shown = np.concatenate([self._shown, nothing])
            self._texts = np.concatenate([self._texts, nothing])
            self._symbols = np.concatenate([self._symbols, np.array(self._universe.symbols[held:], object)])
            self._told = np.concatenate([self._told, np.zeros(missing, np.bool_)])
            self._due = np.concatenate([self._due, np.ones(missing, np.bool_)])
            self._versions = np.concatenate([self._versions, np.zeros(missing, np.int64)])
            self._values = np.hstack([self._values, np.full((len(_SHOWN), missing), np.nan)])
            self._rank = np.full(len(self._shown), _NOWHERE, np.intp)
        if self._session != self._universe.session:
            self._session = self._universe.session
            self._told[:] = False
            self._due[:] = True

    def _refresh(self, at: Ints) -> None:
        """Round the numbers at `at`, and make the rows anew in which one has changed."""
        values, before = _rounded(self._universe.numbers(_SHOWN, at)), self._values[:, at]
        changed = (values != before) & ~(np.isnan(values) & np.isnan(before))
        retold = ~self._told[at]
        stale = np.flatnonzero(changed.any(axis=0) | retold)
        at, retold = at[stale], retold[stale]
        self._values[:, at] = values = values[:, stale]
        self._versions[at] += 1
        self._tell(at[retold])
        self._make(at, values, changed[:, stale], retold)

    def _make(self, at: Ints, values: Floats, changed: Bools, retold: Bools) -> None:
        """New objects for the rows at positions `at`."""
        who, which = np.nonzero(changed.T)
        cells, names = _cells(values[which, who], which), _NAMES_AT[which].tolist()
        made: list[Shown] = []
        begin = 0
        columns = (np.cumsum(changed.sum(axis=0)), retold, self._texts[at], self._versions[at])
        for row, end, anew, texts, version in zip(values.T.copy(), *(c.tolist() for c in columns), strict=True):
            news = None if anew else cast(Fields, dict(zip(names[begin:end], cells[begin:end], strict=True)))
            made.append(Shown(texts, row, news, version))
            begin = end
        self._shown[at] = made

    def _tell(self, at: Ints) -> None:
        """What rows show beside numbers."""
        texts = [self._universe.text(name).take(at) for name in TEXTS]
        session = str(self._session)
        for position, symbol, *words in zip(at.tolist(), self.symbols_at(at), *texts, strict=True):
            self._texts[position] = {"symbol": symbol, **dict(zip(TEXTS, words, strict=True)), "session": session}
        self._told[at] = True


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
