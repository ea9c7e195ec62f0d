"""From the universe's columns to ranked lists: what `plain.rank` gives, without doing again what is as it was.

An expression reads the columns of one symbol, and the session and the time that all share. So a verdict holds until
that symbol's columns change, or the session, or the step of time; a list's order, until one changes that is or was near
its best; a row, until a number in it does. Next to `plain.py`:

    plain                        here
    every row, every condition   `Filter.entry` on the columns of the symbols that changed since the last scan; of all
                                 symbols when session, day or step of time is another (`Scanner._changed`)
    `gone`, and the gate         computed once for all lists that have the same (`Scanner._update`)
    may_be_in, is_in=False       `TopRows`: who is entitled, and each symbol's value under the first sort key
    may_be_in, is_in=True        `Filter.stay`, of those published rows only that do not pass as newcomers
    sort all, take the first     only who is within the cutoff, the value that the best were lately within, is put in
                                 order; by all sort keys only where two have the same value under the first one
    `Memory`                     `Settling`: who fell behind a moment ago stays, who left a moment ago waits
    the lists that are open      `Scanner._open`; a list without a change is the same object as before
    a row                        `RowCache`: rounded and built when something in it has changed, once for all lists

Property tests hold the two together over random markets, lists and histories (tests/property/test_scanner.py).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import numpy as np

from gapscan.lists.delta import Rows, symbols_of
from gapscan.market import computed, metrics
from gapscan.market.columns import Bools, Floats, Ints
from gapscan.market.universe import Universe
from gapscan.ranking.language.closures import RAMP_COLUMN, Test
from gapscan.ranking.rows import RowCache, RowState, compare_states
from gapscan.ranking.spec import ListSet
from gapscan.ranking.top_rows import Doors, TopRows

_NOWHERE: Final = np.zeros(0, np.intp)


class UniverseColumns:
    """A universe as expressions see it: all symbols, or those at positions `at`.

    `given` are their columns where they are at hand. What is the same for all symbols is a column of one.
    """

    def __init__(self, universe: Universe, at: Ints | None = None, given: computed.Computed | None = None) -> None:
        self.found: dict[str, Bools] = {}
        self._universe = universe
        self._at = at
        self._given = given
        self._gathered: dict[str, Floats] = {}

    def number(self, name: str) -> Floats:
        """The numeric column `name`; `now` is market time, in steps."""
        column = self._gathered.get(name)
        if column is None:
            column = self._gathered[name] = self._gather(name)
        return column

    def _gather(self, name: str) -> Floats:
        if name == "now":
            return np.full(1, float(metrics.step_of(self._universe.as_of)))
        if name == RAMP_COLUMN:
            return np.full(1, computed.open_ramp_of(self._universe))
        if self._given is not None:
            return self._given[name]
        column = self._universe.number(name)
        return column if self._at is None else column[self._at]

    def matches(self, name: str, values: frozenset[str]) -> Bools:
        """Where the text field `name` is one of `values`."""
        if name == "session":
            return np.full(1, str(self._universe.session) in values)
        if name == "symbol":
            found = self._symbols_in(values)
            return found if self._at is None else found[self._at]
        return self._universe.text(name).matches(values, self._at)

    def known(self, name: str) -> Bools:
        """Where the text field `name` has a value."""
        if name in ("session", "symbol"):
            return np.full(1, True)
        return self._universe.text(name).known(self._at)

    def symbol_order(self) -> Floats:
        """Each symbol's place in alphabetical order."""
        order = self._universe.symbol_order
        return order if self._at is None else order[self._at]

    def __len__(self) -> int:
        return len(self._universe) if self._at is None else len(self._at)

    def _symbols_in(self, values: frozenset[str]) -> Bools:
        index = self._universe.index
        found = np.zeros(len(self._universe), np.bool_)
        found[[index[value] for value in values if value in index]] = True
        return found


class Scanner:
    """Ranks a set of lists over one universe."""

    def __init__(self, universe: Universe, lists: ListSet) -> None:
        self.universe = universe
        self._lists = lists
        self._cache = RowCache(universe)
        self._top_rows = TopRows((), self._columns_at)
        self._states: dict[str, RowState] = {}  # the lists' rows, as they were last built
        self._scanned: tuple[Any, ...] = ()  # what all symbols' values hang on, as it was at the last scan

    @property
    def lists(self) -> ListSet:
        """The lists that are ranked; others may be set between two scans."""
        return self._lists

    @lists.setter
    def lists(self, lists: ListSet) -> None:
        self._lists = lists
        self._top_rows = TopRows((), self._columns_at)
        self._states.clear()
        self._scanned = ()

    def scan(self, published: Mapping[str, Rows], also: Collection[str] = ()) -> dict[str, RowState]:
        """Every list that is open in the universe's session, and `also` these, at its market time.

        `published` gives the present rows of each list: they stay until they fall behind the relaxed thresholds.
        A list in which nothing changed since it was last ranked is the same object as then.
        """
        at = self._changed(frozenset(also))
        given = computed.compute(self.universe, at)
        self._cache.forget(self.universe.drain_retexted())
        self._cache.mark_dirty(at)
        with np.errstate(all="ignore"):  # what overflows or is undefined is missing or infinite, on purpose
            self._update(at, UniverseColumns(self.universe, at, given), also)
            concerned = self._rank(published)
        self._build(concerned)
        self._compare(concerned, published)
        return {spec.name: self._states[spec.name] for spec in self._top_rows.specs}

    def _rank(self, published: Mapping[str, Rows]) -> dict[str, Ints]:
        """The positions of the top rows of each of the lists that something concerns."""
        names = [spec.name for spec in self._top_rows.specs]
        members = [self._positions(published.get(name, ())) for name in names]
        ranked = self._top_rows.rank(members, self.universe.as_of)
        return {names[at]: self._top_rows.top[at] for at in ranked}

    def _changed(self, also: frozenset[str]) -> Ints | None:
        """Positions whose values may have changed since the last scan; None: all."""
        dirty = self.universe.drain_dirty()
        universe = self.universe
        now = (universe.date, universe.session, metrics.step_of(universe.as_of), len(universe), also)
        if now == self._scanned:
            return dirty
        if now[:2] != self._scanned[:2]:
            self._top_rows.new_session()
        self._scanned = now
        return None

    def _update(self, at: Ints | None, columns: UniverseColumns, also: Collection[str]) -> None:
        """Pass what changed on to the open lists."""
        there = columns.number("gone") != 1.0
        doors = Doors(_through([gate.entry for gate in self._lists.gates], columns, there), there)
        if at is None:
            self._open(also)
        self._top_rows.update(at, columns, doors)

    def _open(self, also: Collection[str]) -> None:
        """The lists that are open now; another session has others."""
        session = self.universe.session
        specs = tuple(spec for spec in self._lists.specs if spec.is_open(session) or spec.name in also)
        if specs != self._top_rows.specs:
            # A list that opens has no rows before it is ranked: what it had at its close is of another session, or day.
            stayed = {spec.name for spec in specs if spec in self._top_rows.specs}
            self._states = {name: state for name, state in self._states.items() if name in stayed}
            doors = [self._lists.door_of(spec) for spec in specs]
            self._top_rows = TopRows(specs, self._columns_at, doors, self._lists.gates)

    def _columns_at(self, at: Ints) -> UniverseColumns:
        return UniverseColumns(self.universe, at)

    def _positions(self, rows: Rows) -> Ints:
        """Where the rows' symbols are."""
        if isinstance(rows, RowState) and rows.cache is self._cache:
            return rows.places
        index = self.universe.index
        return np.array([index[symbol] for symbol in symbols_of(rows) if symbol in index], np.intp)

    def _build(self, tops: Mapping[str, Ints]) -> None:
        """Build the rows of the lists in one go, since they share most of them."""
        self._cache.refresh(np.concatenate([_NOWHERE, *tops.values()]))
        held = [self._states.get(name) for name in tops]
        self._states |= zip(tops, self._cache.states([*tops.values()], held), strict=True)

    def _compare(self, names: Collection[str], published: Mapping[str, Rows]) -> None:
        """Find out what differs from the published rows, of all lists in one go."""
        pairs = [(published.get(name), self._states[name]) for name in names]
        compare_states(
            [
                (old, new)
                for old, new in pairs
                if isinstance(old, RowState) and old.cache is self._cache and new is not old
            ]
        )


def _through(gates: Sequence[Test], columns: UniverseColumns, there: Bools) -> Bools:
    """Who passes the gates: for each, a row for lists that idle symbols leave, and one for those that keep them."""
    doors = np.empty((2 * len(gates), len(there)), np.bool_)
    for at, gate in enumerate(gates):
        doors[2 * at + 1] = passes = gate(columns)
        np.logical_and(there, passes, out=doors[2 * at])
    return doors
