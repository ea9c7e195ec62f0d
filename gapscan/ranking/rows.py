"""Rows as clients see them: values rounded once, and made anew only when something in them has changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, cast, overload

import numpy as np
from numpy.typing import NDArray

from gapscan.lists.comparison import compare
from gapscan.lists.delta import Rows, TrackedRows
from gapscan.lists.difference import NOWHERE, Difference, moves
from gapscan.market.columns import Bools, Floats, Ints
from gapscan.market.fields import TEXTS
from gapscan.market.sessions import session_of_rows
from gapscan.market.universe import Universe
from gapscan.protocol.messages import Change, Row, Update
from gapscan.ranking.row_values import NAMES_AT, SHOWN, RowVersion, as_rows, cells_of, rounded

Objects = NDArray[np.object_]


class RowState(TrackedRows):
    """The rows of one list at one moment."""

    def __init__(
        self, cache: RowCache, places: Ints, symbols: list[str], rows: list[RowVersion], versions: NDArray[np.int64]
    ) -> None:
        self.cache = cache
        self.places = places
        self.symbols = symbols
        self.versions = versions
        self._rows = rows
        self._compared: tuple[RowState, Difference] | None = None

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Row]: ...
    def __getitem__(self, at: int | slice) -> Row | Sequence[Row]:
        return as_rows(self._rows[at]) if isinstance(at, slice) else as_rows([self._rows[at]])[0]

    def __iter__(self) -> Iterator[Row]:
        return iter(as_rows(self._rows))

    def rows_at(self, places: Sequence[int]) -> list[Row]:
        """Some of the rows."""
        return as_rows([self._rows[place] for place in places])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def changes_from(self, old: Rows) -> list[Change] | None:
        """The difference to an older state, found by place and version; None for rows from elsewhere."""
        if not isinstance(old, RowState) or old.cache is not self.cache:
            return None
        difference = self._claim_comparison(old)
        if difference is None:
            (difference,) = _differences([(old, self)])
        return self._changes(old, difference)

    def _claim_comparison(self, old: RowState) -> Difference | None:
        """The difference to `old` if it was found beforehand. It is let go, for it holds on to an older state."""
        compared, self._compared = self._compared, None
        return compared[1] if compared is not None and compared[0] is old else None

    def _changes(self, old: RowState, difference: Difference) -> list[Change]:
        symbols, rows, old_rows = self.symbols, self._rows, old._rows
        changes = moves(difference, old.symbols, self)
        for at, was in zip(difference.updated, difference.updated_from, strict=True):
            row, before = rows[at], old_rows[was]
            # Most are of the version before: `changes_from` says the same, and would be called for each.
            is_next = row.news is not None and before.version == row.version - 1
            if changed := row.news if is_next else row.changes_from(before):
                changes.append(Update(at + 1, symbols[at], changed))
        return changes

    def added(self, difference: Difference) -> list[RowVersion]:
        """What was not in the older state."""
        placed = zip(difference.placed, difference.placed_from, strict=True)
        return [self._rows[at] for at, was in placed if was == NOWHERE]

    def compared_to(self, old: RowState, difference: Difference) -> None:
        """Hold the difference to an older state until it is asked for."""
        self._compared = (old, difference)


def compare_states(pairs: Sequence[tuple[RowState, RowState]]) -> None:
    """Find the difference between the old and the new state of each pair, all of one cache: cheaper than one by one."""
    differences = _differences(pairs)
    for (old, new), difference in zip(pairs, differences, strict=True):
        new.compared_to(old, difference)
    as_rows([one for (_, new), difference in zip(pairs, differences, strict=True) for one in new.added(difference)])


def _differences(pairs: Sequence[tuple[RowState, RowState]]) -> list[Difference]:
    if not pairs:
        return []
    came_from = [new.cache.came_from(old.places, new.places) for old, new in pairs]
    versions = (np.concatenate([old.versions for old, _ in pairs]), np.concatenate([new.versions for _, new in pairs]))
    return compare(came_from, [len(old.places) for old, _ in pairs], versions)


class RowCache:
    """The present version of every symbol's row: the same object for as long as the row is, so that lists share it."""

    def __init__(self, universe: Universe) -> None:
        self._universe = universe
        self._values: Floats = np.full((0, len(SHOWN)), np.nan)  # the numbers in every symbol's row
        self._rows: Objects = np.empty(0, object)
        self._texts: Objects = np.empty(0, object)
        self._symbols: Objects = np.empty(0, object)
        self._texts_current: Bools = np.zeros(0, np.bool_)  # whether `_texts` are up to date
        self._dirty: Bools = np.zeros(0, np.bool_)  # to be computed anew before the row is used again
        self._versions: NDArray[np.int64] = np.zeros(0, np.int64)
        self._rank: Ints = np.zeros(0, np.intp)
        self._session = universe.session

    def mark_dirty(self, at: Ints | None) -> None:
        """The numbers of the symbols at positions `at` (None: of all) may have changed."""
        self._make_room()
        self._dirty[slice(None) if at is None else at] = True

    def forget(self, at: Ints) -> None:
        """The texts of the symbols at positions `at` changed."""
        self._make_room()
        self._texts_current[at] = False
        self._dirty[at] = True

    def refresh(self, at: Ints) -> None:
        """Bring the rows of the symbols at positions `at` up to date; a symbol may be there several times."""
        due = np.zeros(len(self._rows), np.bool_)
        due[at] = self._dirty[at]
        at = np.flatnonzero(due)
        if len(at):
            self._dirty[at] = False
            self._refresh(at)

    def states(self, lists: Sequence[Ints], held: Sequence[RowState | None] = ()) -> list[RowState]:
        """The lists of the symbols at these positions, whose rows are up to date: `held` where that is so."""
        if not held:
            return [self._state(at) for at in lists]
        return [
            state if state is not None and self._is_current(state, at) else self._state(at)
            for at, state in zip(lists, held, strict=True)
        ]

    def _state(self, at: Ints) -> RowState:
        return RowState(self, at, self.symbols_at(at), self._rows[at].tolist(), self._versions[at])

    def _is_current(self, state: RowState, at: Ints) -> bool:
        """Whether the state has the symbols at these positions as they are."""
        is_same = len(state.places) == len(at) and bool((state.places == at).all())
        return is_same and bool((state.versions == self._versions[at]).all())

    def symbols_at(self, at: Ints) -> list[str]:
        """The symbols at positions `at`."""
        return cast(list[str], self._symbols[at].tolist())

    def came_from(self, old: Ints, new: Ints) -> Ints:
        """Where in the positions `old` each of the positions `new` is, NOWHERE for what is not there."""
        self._rank[old] = np.arange(len(old))
        found = self._rank[new]
        self._rank[old] = NOWHERE
        return found

    def _make_room(self) -> None:
        held, missing = len(self._rows), len(self._universe) - len(self._rows)
        if missing:
            nothing = np.empty(missing, object)
            self._rows = np.concatenate([self._rows, nothing])
            self._texts = np.concatenate([self._texts, nothing])
            self._symbols = np.concatenate([self._symbols, np.array(self._universe.symbols[held:], object)])
            self._texts_current = np.concatenate([self._texts_current, np.zeros(missing, np.bool_)])
            self._dirty = np.concatenate([self._dirty, np.ones(missing, np.bool_)])
            self._versions = np.concatenate([self._versions, np.zeros(missing, np.int64)])
            self._rank = np.concatenate([self._rank, np.full(missing, NOWHERE, np.intp)])
            self._values = np.vstack([self._values, np.full((missing, len(SHOWN)), np.nan)])
        if self._session != self._universe.session:
            self._session = self._universe.session
            self._texts_current[:] = False
            self._dirty[:] = True

    def _refresh(self, at: Ints) -> None:
        """Round the numbers at `at`, and make the rows anew in which one has changed."""
        values, before = rounded(self._universe.numbers(SHOWN, at)), self._values.take(at, axis=0)
        changed = values.view(np.int64) != before.view(np.int64)  # as bits, so that missing is equal to missing
        retexted = ~self._texts_current[at]
        stale = np.flatnonzero(changed.any(axis=1) | retexted)
        at, retexted, values = at[stale], retexted[stale], values.take(stale, axis=0)
        self._values[at] = values
        self._versions[at] += 1
        if retexted.any():
            self._set_texts(at[retexted])
        self._make(at, values, changed.take(stale, axis=0), retexted)

    def _make(self, at: Ints, values: Floats, changed: Bools, retexted: Bools) -> None:
        """New objects for the rows at positions `at`."""
        row_of, which = changed.nonzero()  # all that changed, row by row
        cells = zip(NAMES_AT[which].tolist(), cells_of(values[row_of, which], which), strict=True)
        numbers_of = np.bincount(row_of, minlength=len(at)).tolist()
        news: list[Any] = [dict(islice(cells, number)) for number in numbers_of]  # each row takes its own
        for anew in retexted.nonzero()[0].tolist():
            news[anew] = None
        # A copy each: views would keep the values of all these rows for as long as one of them is held.
        numbers = np.ascontiguousarray(values).view(f"V{values.itemsize * len(SHOWN)}").ravel().tolist()
        self._rows[at] = [*map(RowVersion, self._texts[at].tolist(), numbers, news, self._versions[at].tolist())]

    def _set_texts(self, at: Ints) -> None:
        """What rows have beside numbers."""
        texts = [self._universe.text(name).words(at) for name in TEXTS]
        session = str(session_of_rows(self._session, self._universe.as_of, self._universe.date))
        for position, symbol, *words in zip(at.tolist(), self.symbols_at(at), *texts, strict=True):
            self._texts[position] = {"symbol": symbol, **dict(zip(TEXTS, words, strict=True)), "session": session}
        self._texts_current[at] = True
