"""From the universe's columns to ranked lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from gapscan.market import metrics
from gapscan.market.universe import Bools, Floats, Ints, Universe
from gapscan.ranking.delta import RowList
from gapscan.ranking.expression import SortKey
from gapscan.ranking.rows import RowCache
from gapscan.ranking.spec import ListSet, ListSpec

_NOWHERE: Final = np.zeros(0, np.intp)


class UniverseColumns:
    """A universe as expressions see it: all symbols, or those at positions `at`."""

    def __init__(self, universe: Universe, at: Ints | None = None) -> None:
        self._universe = universe
        self._at = at

    def _taken(self, column: Bools) -> Bools:
        return column if self._at is None else column[self._at]

    def number(self, name: str) -> Floats:
        """The numeric column `name`."""
        column = self._universe.number(name)
        return column if self._at is None else column[self._at]

    def matches(self, name: str, values: frozenset[str]) -> Bools:
        """Where the text field `name` is one of `values`."""
        if name == "session":
            return self._everywhere(str(self._universe.session) in values)
        if name == "symbol":
            return self._taken(self._symbols_in(values))
        return self._taken(self._universe.text(name).matches(values))

    def known(self, name: str) -> Bools:
        """Where the text field `name` has a value."""
        if name in ("session", "symbol"):
            return self._everywhere(True)
        return self._taken(self._universe.text(name).known())

    def symbol_order(self) -> Floats:
        """Each symbol's place in alphabetical order."""
        order = self._universe.symbol_order
        return order if self._at is None else order[self._at]

    def _everywhere(self, value: bool) -> Bools:
        size = len(self._universe) if self._at is None else len(self._at)
        return np.full(size, value, np.bool_)

    def _symbols_in(self, values: frozenset[str]) -> Bools:
        index = self._universe.index
        found = np.zeros(len(self._universe), np.bool_)
        found[[index[value] for value in values if value in index]] = True
        return found


class Scanner:
    """Ranks a set of lists over one universe."""

    def __init__(self, universe: Universe, lists: ListSet) -> None:
        self.universe = universe
        self.lists = lists
        self._cache = RowCache(universe)
        self._last: dict[str, tuple[list[str], Ints]] = {}  # each list's latest symbols, and where they are
        self._reach: dict[str, float] = {}  # a value that no row of the list was lately behind

    def scan(self, members: Mapping[str, Iterable[str]]) -> dict[str, RowList]:
        """Every list that is open in the universe's session, at its market time.

        `members` gives each list's present symbols: they stay until they fall behind the relaxed thresholds.
        """
        metrics.compute(self.universe)
        with np.errstate(all="ignore"):  # what overflows or is undefined is missing or infinite, on purpose
            ranked = self._ranked(members)
        return self._rows(ranked)

    def texts_changed(self) -> None:
        """Reference data came in: rows are built anew."""
        self._cache.forget()

    def _ranked(self, members: Mapping[str, Iterable[str]]) -> dict[str, Ints]:
        """The positions that each open list shows, in order."""
        columns = UniverseColumns(self.universe)
        may_enter = self.lists.gate.entry(columns) & (self.universe.number("gone") != 1.0)
        ranked: dict[str, Ints] = {}
        for spec in self.lists.specs:
            if spec.is_open(self.universe.session):
                chosen = may_enter & spec.filter.entry(columns)
                self._keep(spec, chosen, self._positions(spec.name, members.get(spec.name, ())))
                ranked[spec.name] = self._best(spec, chosen, columns)
        return ranked

    def _positions(self, name: str, symbols: Iterable[str]) -> Ints:
        """Where the symbols are. They mostly are those that the last scan showed, whose places are known."""
        last, at = self._last.get(name, ([], _NOWHERE))
        if symbols == last:
            return at
        index = self.universe.index
        return np.array([index[symbol] for symbol in symbols if symbol in index], np.intp)

    def _keep(self, spec: ListSpec, chosen: Bools, members: Ints) -> None:
        """Choose the members that do not pass as newcomers but may stay."""
        fallen = members[~chosen[members]]
        if len(fallen):
            columns = UniverseColumns(self.universe, fallen)
            there = self.universe.number("gone")[fallen] != 1.0
            chosen[fallen] = there & self.lists.gate.stay(columns) & spec.filter.stay(columns)

    def _best(self, spec: ListSpec, chosen: Bools, columns: UniverseColumns) -> Ints:
        """The chosen positions that the list shows, in order."""
        limit = spec.definition.limit
        values = _sort_values(spec.keys[0], columns, len(chosen))
        if np.count_nonzero(chosen) > limit:
            chosen = self._foremost(spec.name, chosen, values, limit)
        at = np.flatnonzero(chosen)
        return at[self._order(spec, at, values[at])[:limit]]

    def _foremost(self, name: str, chosen: Bools, values: Floats, limit: int) -> Bools:
        """Some of the chosen: those with the `limit` lowest values, all ties included, are among them.

        The value that was far enough in an earlier scan mostly still is, which saves the selection.
        """
        near: Bools = chosen & (values <= self._reach.get(name, -np.inf))
        if limit <= np.count_nonzero(near) <= 3 * limit:
            return near
        inside = values[chosen]
        place = min(limit + limit // 2, len(inside) - 1)
        self._reach[name] = reach = float(np.partition(inside, place)[place])
        return chosen if np.isnan(reach) else chosen & (values <= reach)

    def _order(self, spec: ListSpec, at: Ints, first: Floats) -> Ints:
        """The order of the positions `at`, whose values under the first sort key are `first`."""
        order = np.argsort(first)
        if _all_differ(first[order]):
            return order
        columns = UniverseColumns(self.universe, at)
        others = [_sort_values(key, columns, len(at)) for key in reversed(spec.keys[1:])]
        return np.lexsort([*others, first])

    def _rows(self, ranked: dict[str, Ints]) -> dict[str, RowList]:
        """Build the rows of all lists in one go, since they share most of them."""
        if not ranked:
            return {}
        every = np.concatenate(list(ranked.values()))
        rows, symbols = self._cache.rows(every), self.universe.symbols_at(every)
        lists: dict[str, RowList] = {}
        begin = 0
        for name, at in ranked.items():
            end = begin + len(at)
            lists[name] = RowList(rows[begin:end], symbols[begin:end], self._cache.origins)
            self._last[name] = (lists[name].symbols, at)
            begin = end
        return lists


def _sort_values(key: SortKey, columns: UniverseColumns, size: int) -> Floats:
    """What the key compares: ascending, missing last."""
    if key.value is None:
        order = columns.symbol_order()
        return -order if key.descending else order
    return np.broadcast_to(np.asarray(key.value(columns), np.float64), (size,))


def _all_differ(ordered: Floats) -> bool:
    """Whether no two of the sorted values are equal, and at most one is missing."""
    return not (ordered[1:] == ordered[:-1]).any() and not np.isnan(ordered[-2:-1]).any()
