"""A day ranked as matrices of minutes and symbols: what the plain form gives, many times faster.

The sums and highs of the day are stepped through once, minute by minute (stepped.py). A few minutes of them at a time
are matrices small enough to stay in the processor's cache, on which the live formulas and the live conditions run as
they are. Only who is in a list is a matter of one minute after the other: a row that is in stays by relaxed thresholds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from gapscan.backtesting.dependencies import STEPPED, needed
from gapscan.backtesting.market_day import MarketDay
from gapscan.backtesting.matrix import Matrix, Part, Row, known_before
from gapscan.backtesting.minute_state import OBSERVED
from gapscan.backtesting.ranked import Ranked
from gapscan.backtesting.stepped import SteppedDay
from gapscan.market.columns import Bools, Floats, Ints
from gapscan.market.sessions import MarketSession
from gapscan.ranking.spec import ListSet, ListSpec
from gapscan.ranking.top_rows import sort_values

_CELLS: Final = 120_000  # of a matrix: some of them fit into a processor's cache
_NOBODY: Final = np.zeros(0, np.intp)


class FastForm:
    """One day, and the lists that are ranked over it."""

    def __init__(self, day: MarketDay, lists: ListSet) -> None:
        self._day = day
        self._lists = lists
        read = [gate.fields for gate in lists.gates] + [spec.fields for spec in lists.specs]
        wanted, ago = needed({"price", "gone", "left_at"}.union(*read))
        self._observed = sorted(wanted.intersection(OBSERVED) | (wanted & STEPPED))
        self._ago = sorted(ago)
        self._before = known_before(day)
        self._curves = day.own_curves()
        self._rows = max(1, _CELLS // max(1, len(day.symbols)))
        self._left_at = np.full((1, len(day.symbols)), np.nan)
        self._members = [_NOBODY] * len(lists.specs)
        self._number = np.zeros(len(day.symbols), np.intp)  # of a symbol among those that may stay in a list

    def run(self, step: int = 1) -> Iterator[Ranked]:
        """The lists at the end of each `step`-th minute."""
        stepped = SteppedDay(self._day, self._observed, self._ago)
        minutes = range(step, self._day.length, step)
        at = 0
        while at < len(minutes):
            session = self._day.session(minutes[at])
            end = at + 1
            while end < len(minutes) and end - at < self._rows and self._day.session(minutes[end]) == session:
                end += 1
            yield from self._rank(minutes[at:end], self._matrix(stepped, minutes[at:end], session))
            at = end

    def _matrix(self, stepped: SteppedDay, minutes: range, session: MarketSession) -> Matrix:
        shape = (len(minutes), len(self._day.symbols))
        given = {name: np.empty(shape) for name in self._observed}
        past = {key: np.empty(shape) for key in self._ago}
        for row, minute in enumerate(minutes):
            while stepped.minute < minute:
                stepped.advance()
            stepped.note_spikes()
            for name, matrix in given.items():
                matrix[row] = stepped.columns[name]
            for key, matrix in past.items():
                matrix[row] = stepped.ago(*key)
        moments = np.array([[float(self._day.moment(minute))] for minute in minutes])
        columns = self._before | given | {"left_at": self._left_at}
        return Matrix(self._day, moments, session, columns, past, curves=self._curves)

    def _rank(self, minutes: range, matrix: Matrix) -> Iterator[Ranked]:
        with np.errstate(all="ignore"):
            there = matrix.number("gone") != 1.0
            doors = {gate.text: (gate.entry(matrix), gate.stay(matrix)) for gate in self._lists.gates}
            eligible = self._whole(doors[self._lists.gate.text][0] & there, minutes)
            tops = [
                self._tops(at, spec, matrix, there, doors[self._lists.gate_of(spec).text], minutes)
                if spec.is_open(matrix.session)
                else [None] * len(minutes)
                for at, spec in enumerate(self._lists.specs)
            ]
            # Who had left when these minutes began, and has not traded since, still has left.
            self._left_at = np.where(matrix["gone"][-1:] == 1.0, matrix["price_time"][-1:], np.nan)
        for row, minute in enumerate(minutes):
            yield Ranked(minute, [of_list[row] for of_list in tops], matrix["price"][row], eligible[row])

    def _tops(
        self, at: int, spec: ListSpec, matrix: Matrix, there: Bools, door: tuple[Bools, Bools], minutes: range
    ) -> list[Ints | None]:
        """The rows of one list at each of the minutes; `door` has who passes its gate as a newcomer and as a row."""
        enter, stay = door
        if not spec.keeps_idle:
            enter, stay = enter & there, stay & there
        entry = self._whole(enter & spec.filter.entry(matrix), minutes)
        stays, values = self._stays(at, entry, stay, matrix), self._sort_values(spec, matrix, minutes)
        cells, number = np.flatnonzero(entry), len(self._day.symbols)
        bounds = np.searchsorted(cells, np.arange(len(minutes) + 1) * number)
        found: list[Ints | None] = []
        for row in range(len(minutes)):
            entering, members = cells[bounds[row] : bounds[row + 1]] - row * number, self._members[at]
            kept = members[stays[row][self._number[members]] & ~entry[row][members]]
            candidates = np.concatenate([entering, kept]) if len(kept) else entering
            self._members[at] = top = _best(spec, candidates, values[row][candidates], matrix, row)
            found.append(top)
        return found

    def _stays(self, at: int, entry: Bools, stay: Bools, matrix: Matrix) -> Bools:
        """Who may stay in a list, by `_number`: only who is in it, or comes in, and nobody else is looked at."""
        coming: Bools = np.logical_or.reduce(entry, axis=0)
        coming[self._members[at]] = True
        few = np.flatnonzero(coming)
        self._number[few] = np.arange(len(few))
        part = Part(matrix, few)
        stays = part.picked(stay) & self._lists.specs[at].filter.stay(part)
        return np.broadcast_to(stays, (len(entry), len(few)))

    def _sort_values(self, spec: ListSpec, matrix: Matrix, minutes: range) -> Floats:
        """What all symbols are sorted by, under the first key."""
        key = spec.keys[0]
        values = matrix_order(self._day, descending=key.descending) if key.value is None else key.value(matrix)
        return self._whole(np.asarray(values, np.float64), minutes)

    def _whole(self, values: np.ndarray, minutes: range) -> np.ndarray:
        return np.broadcast_to(values, (len(minutes), len(self._day.symbols)))


def _best(spec: ListSpec, candidates: Ints, values: Floats, matrix: Matrix, row: int) -> Ints:
    """The first of the candidates, in order; those that are equal under the first key are ordered by all keys."""
    limit = spec.definition.limit
    if len(candidates) > limit:
        worst = np.partition(values, limit - 1)[limit - 1]
        if not np.isnan(worst):
            within = values <= worst
            candidates, values = candidates[within], values[within]
    order = values.argsort()
    ordered = values[order]
    missing = np.isnan(ordered[-1:]).any() and np.isnan(ordered[-2:]).sum() > 1
    if missing or (ordered[1:] == ordered[:-1]).any():
        columns = Row(matrix, row, candidates)
        order = np.lexsort([sort_values(key, columns) for key in reversed(spec.keys)])
    top: Ints = candidates[order[:limit]]
    return top


def matrix_order(day: MarketDay, *, descending: bool) -> Floats:
    """Symbols in alphabetical order, as a row."""
    order = np.arange(len(day.symbols), dtype=np.float64)[None, :]
    return -order if descending else order
