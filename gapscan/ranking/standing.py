"""How the symbols stand with one list: who may be in it, in which order, and who is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import numpy as np

from gapscan.market.columns import Bools, Floats, Ints
from gapscan.ranking.columns import Columns
from gapscan.ranking.expression import SortKey
from gapscan.ranking.rows import RowState
from gapscan.ranking.spec import ListSpec

_NOWHERE: Final = np.zeros(0, np.intp)


class SortableColumns(Columns, Protocol):
    """Columns that know the alphabetical order of their symbols."""

    def symbol_order(self) -> Floats:
        """Each symbol's place in it."""

    def __len__(self) -> int:
        """How many symbols there are."""


class Standing:
    """One list over one universe. `shown` are the positions of its rows, in order."""

    def __init__(self, spec: ListSpec, columns_at: Callable[[Ints], SortableColumns]) -> None:
        self.spec = spec
        self.shown: Ints = _NOWHERE
        self.state: RowState | None = None  # the rows, as they were last built
        self._columns_at = columns_at
        self._entitled: Bools = np.zeros(0, np.bool_)  # passes as a newcomer
        self._values: Floats = np.zeros(0)  # under the first sort key
        self._members: Ints = _NOWHERE
        self._involved: Bools = np.zeros(0, np.bool_)  # published or shown
        self._stays: Bools = np.zeros(0, np.bool_)  # passes as a row, where that was looked at
        self._looked: Bools = np.zeros(0, np.bool_)
        self._concerned = True
        self._reach = np.inf  # a value that no row was lately behind
        self._near: Bools = np.zeros(0, np.bool_)  # entitled, and not beyond reach

    def update(self, columns: SortableColumns, may_enter: Bools, at: Ints | None) -> None:
        """Take in what changed: the columns of the symbols at positions `at` (None: of all)."""
        entitled = may_enter & self.spec.filter.entry(columns)
        values = sort_values(self.spec.keys[0], columns)
        if at is None:
            self._entitled, self._values, self._concerned = entitled, values.copy(), True
            self._near = self._within_reach(entitled, values).copy()
            self._stays, self._looked = np.zeros_like(entitled), np.zeros_like(entitled)
        else:
            self._concerned = bool((entitled | self._entitled[at] | self._involved[at]).any())
            self._entitled[at], self._values[at] = entitled, values
            self._near[at] = self._within_reach(entitled, values)
            self._looked[at] = False

    def rank(self, members: Ints, may_stay: Bools) -> bool:
        """Find out who is shown; False when nothing concerns the list, so that its rows are as they were.

        `members` are the positions of the rows that are published. `may_stay` tells of all symbols whether they pass
        what every list asks of its rows.
        """
        if not self._concerned and (members is self._members or np.array_equal(members, self._members)):
            return False
        self._members = members
        chosen = self._candidates()
        self._keep(chosen, members[~self._entitled[members]], may_stay)
        at = np.flatnonzero(chosen)
        self.shown = at[self._order(at)[: self.spec.definition.limit]]
        self._involved = np.zeros(len(chosen), np.bool_)
        self._involved[members] = self._involved[self.shown] = True
        return True

    def _keep(self, chosen: Bools, fallen: Ints, may_stay: Bools) -> None:
        """Choose those of the rows at `fallen`, which do not pass as newcomers, that may stay."""
        unknown = fallen[~self._looked[fallen]]
        if len(unknown):
            self._stays[unknown] = self.spec.filter.stay(self._columns_at(unknown))
            self._looked[unknown] = True
        chosen[fallen] = may_stay[fallen] & self._stays[fallen]

    def _candidates(self) -> Bools:
        """Those of the entitled that may be among the best: the `limit` best, all ties included, are.

        The value that was far enough in an earlier scan mostly still is, which saves the selection.
        """
        limit, number = self.spec.definition.limit, np.count_nonzero(self._near)
        if number > 3 * limit or (number < limit and self._reach < np.inf):
            inside = self._values[self._entitled]
            place = limit + limit // 2
            reach = float(np.partition(inside, place)[place]) if place < len(inside) else np.inf
            self._reach = np.inf if np.isnan(reach) else reach
            self._near = self._within_reach(self._entitled, self._values).copy()
        return self._near.copy()

    def _within_reach(self, entitled: Bools, values: Floats) -> Bools:
        """Which of the entitled are not beyond reach; without one, those whose value is missing are not either."""
        return entitled if self._reach == np.inf else entitled & (values <= self._reach)

    def _order(self, at: Ints) -> Ints:
        """The order of the positions `at`."""
        first = self._values[at]
        order = np.argsort(first)
        if _all_differ(first[order]):
            return order
        columns = self._columns_at(at)
        others = [sort_values(key, columns) for key in reversed(self.spec.keys[1:])]
        return np.lexsort([*others, first])


def sort_values(key: SortKey, columns: SortableColumns) -> Floats:
    """What the key compares: ascending, missing last."""
    if key.value is None:
        order = columns.symbol_order()
        return -order if key.descending else order
    values = np.asarray(key.value(columns), np.float64)
    return values if values.ndim else np.broadcast_to(values, (len(columns),))


def _all_differ(ordered: Floats) -> bool:
    """Whether no two of the sorted values are equal, and at most one is missing."""
    return not (ordered[1:] == ordered[:-1]).any() and not np.isnan(ordered[-2:-1]).any()
