"""From the universe's columns to ranked lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from gapscan.market import metrics
from gapscan.market.universe import Bools, Floats, Ints, Universe
from gapscan.protocol.messages import Row
from gapscan.ranking.expression import SortKey
from gapscan.ranking.rows import RowCache
from gapscan.ranking.spec import ListSet, ListSpec


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

    def scan(self, members: Mapping[str, Iterable[str]]) -> dict[str, list[Row]]:
        """Every list that is open in the universe's session, at its market time.

        `members` gives each list's present symbols: they stay until they fall behind the relaxed thresholds.
        """
        metrics.compute(self.universe)
        columns = UniverseColumns(self.universe)
        may_enter = self.lists.gate.entry(columns) & ~(self.universe.number("gone") == 1.0)
        ranked = {
            spec.name: self._rank(spec, columns, may_enter, self._positions(members.get(spec.name, ())))
            for spec in self.lists.specs
            if spec.is_open(self.universe.session)
        }
        return self._rows(ranked)

    def texts_changed(self) -> None:
        """Reference data came in: rows are built anew."""
        self._cache.forget()

    def _positions(self, symbols: Iterable[str]) -> Ints:
        index = self.universe.index
        return np.array([index[symbol] for symbol in symbols if symbol in index], np.intp)

    def _rank(self, spec: ListSpec, columns: UniverseColumns, may_enter: Bools, members: Ints) -> Ints:
        chosen = may_enter & spec.filter.entry(columns)
        if len(members):
            chosen[members] |= self._stay(spec, members)
        return self._best(spec, np.flatnonzero(chosen))

    def _stay(self, spec: ListSpec, members: Ints) -> Bools:
        columns = UniverseColumns(self.universe, members)
        there = self.universe.number("gone")[members] != 1.0
        return there & self.lists.gate.stay(columns) & spec.filter.stay(columns)

    def _best(self, spec: ListSpec, at: Ints) -> Ints:
        """The positions among `at` that the list shows, in order."""
        limit = spec.definition.limit
        if len(at) > limit:
            at = _lowest(self._sort_values(spec.keys[0], at), limit, at)
        values = [self._sort_values(key, at) for key in reversed(spec.keys)]
        return at[np.lexsort(values)][:limit]

    def _sort_values(self, key: SortKey, at: Ints) -> Floats:
        if key.value is None:
            order = self.universe.symbol_order[at]
            return -order if key.descending else order
        values = key.value(UniverseColumns(self.universe, at))
        return np.broadcast_to(np.asarray(values, np.float64), at.shape)

    def _rows(self, ranked: dict[str, Ints]) -> dict[str, list[Row]]:
        """Build the rows of all lists in one go, since they share most of them."""
        if not ranked:
            return {}
        rows = iter(self._cache.rows(np.concatenate(list(ranked.values()))))
        return {name: [next(rows) for _ in range(len(at))] for name, at in ranked.items()}


def _lowest(values: Floats, count: int, at: Ints) -> Ints:
    """The positions whose value is among the `count` lowest, all ties of the last one included."""
    last = np.partition(values, count - 1)[count - 1]
    return at if np.isnan(last) else at[values <= last]
