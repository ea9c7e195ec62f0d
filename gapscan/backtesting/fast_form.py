"""A day ranked as matrices of minutes and symbols: what the plain form gives, many times faster.

The sums and highs of the day are stepped through once, minute by minute (stepped.py). A few minutes of them at a time
are matrices small enough to stay in the processor's cache, on which the live formulas and the live conditions run as
they are. Only who is in a list is a matter of one minute after the other: a row that is in stays by relaxed thresholds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

import numpy as np

from gapscan.backtesting.dependencies import STEPPED, needed
from gapscan.backtesting.market_day import MarketDay
from gapscan.backtesting.matrix import Matrix, Part, known_before
from gapscan.backtesting.minute_state import OBSERVED
from gapscan.backtesting.ranked import Ranked, Seen
from gapscan.backtesting.settling import SettlingRows
from gapscan.backtesting.spikes import Spikes
from gapscan.backtesting.stepped import SteppedDay
from gapscan.market.columns import Bools, Floats, Ints
from gapscan.market.sessions import MINUTE_MS, MarketSession
from gapscan.ranking.language.expression import Filter, SortKey
from gapscan.ranking.spec import ListSet, ListSpec

_CELLS: Final = 143_000  # of a matrix: several of them fit into a processor's cache
_ALL: Final = np.ones((1, 1), np.bool_)
_NOBODY: Final = np.zeros(0, np.intp)
_SORTED_AT_ONCE: Final = 1500  # of more it is faster to find the best first


class FastForm:
    """One day, and the lists that are ranked over it. `also`: further columns that shall be seen of each minute."""

    def __init__(self, day: MarketDay, lists: ListSet, also: Collection[str] = ()) -> None:
        self._day = day
        self._lists = lists
        read = [gate.fields for gate in lists.gates] + [spec.fields for spec in lists.specs]
        wanted, ago = needed({"price", "gone", "left_at"}.union(also, *read))
        self._observed = sorted(wanted.intersection(OBSERVED))
        self._spikes = Spikes(day) if wanted & STEPPED else None
        self._ago = sorted(ago)
        self._before = known_before(day)
        self._curves = day.own_curves()
        self._rows = max(1, _CELLS // max(1, len(day.symbols)))
        self._left_at = np.full((1, len(day.symbols)), np.nan)
        self._settling: list[SettlingRows | None] = []
        self._members = [_NOBODY] * len(lists.specs)
        self._number = np.zeros(len(day.symbols), np.intp)  # of a symbol among those that may stay in a list

    def run(self, step: int = 1) -> Iterator[Ranked]:
        """The lists at the end of each `step`-th minute."""
        stepped = SteppedDay(self._day, self._observed, self._ago)
        minutes = range(step, self._day.length, step)
        self._settling = [self._settling_of(spec, step) for spec in self._lists.specs]
        at, before = 0, None
        while at < len(minutes):
            session = self._day.session(minutes[at])
            if session != before:
                self._forget()
            before = session
            end = at + 1
            while end < len(minutes) and end - at < self._rows and self._day.session(minutes[end]) == session:
                end += 1
            yield from self._rank(minutes[at:end], session, self._seen(stepped, minutes[at:end]))
            at = end

    def _settling_of(self, spec: ListSpec, step: int) -> SettlingRows | None:
        """What a list remembers, where that matters from one ranking to the next."""
        settle = 1000.0 * spec.definition.settle
        return SettlingRows(len(self._day.symbols), settle) if settle >= step * MINUTE_MS else None

    def _forget(self) -> None:
        for settling in self._settling:
            if settling is not None:
                settling.forget()

    def _seen(self, stepped: SteppedDay, minutes: range) -> Seen:
        shape = (len(minutes), len(self._day.symbols))
        moving = [name for name in self._observed if stepped.moves(name, minutes[0], minutes[-1])]
        given = {name: np.empty(shape) for name in moving}
        past = {key: np.empty(shape) for key in self._ago}
        for row, minute in enumerate(minutes):
            while stepped.minute < minute:
                stepped.advance()
            for name, matrix in given.items():
                matrix[row] = stepped.columns[name]
            for key, matrix in past.items():
                matrix[row] = stepped.ago(*key)
        still = {name: stepped.columns[name].copy()[None, :] for name in self._observed if name not in given}
        return Seen(given | still, past)

    def _matrix(self, seen: Seen, minutes: range, session: MarketSession) -> tuple[Matrix, Seen]:
        moments = np.array([[float(self._day.moment(minute))] for minute in minutes])
        columns = self._before | dict(seen.observed) | {"left_at": self._left_at}
        matrix = Matrix(self._day, moments, session, columns, seen.past, curves=self._curves)
        if self._spikes is None:
            return matrix, seen
        spikes = self._spikes.of(matrix)
        for name, values in spikes.items():
            matrix[name] = values
        return matrix, Seen({**seen.observed, **spikes}, seen.past)

    def _rank(self, minutes: range, session: MarketSession, seen: Seen) -> Iterator[Ranked]:
        with np.errstate(all="ignore"):
            matrix, seen = self._matrix(seen, minutes, session)
            gates = _Gates(matrix)
            eligible = self._whole(gates.of(self._lists.gate).of_present[0], minutes)
            tops = [
                self._tops(at, spec, matrix, gates, minutes) if spec.is_open(matrix.session) else [None] * len(minutes)
                for at, spec in enumerate(self._lists.specs)
            ]
            # Who had left when these minutes began, and has not traded since, still has left.
            self._left_at = np.where(matrix["gone"][-1:] == 1.0, matrix["price_time"][-1:], np.nan)
        for row, minute in enumerate(minutes):
            top = [of_list[row] for of_list in tops]
            yield Ranked(minute, top, matrix["price"][row], eligible[row], seen, row)

    def _tops(self, at: int, spec: ListSpec, matrix: Matrix, gates: _Gates, minutes: range) -> Sequence[Ints | None]:
        """The rows of one list at each of the minutes."""
        entry = spec.filter.entry(matrix)
        if not len(self._members[at]) and not entry.any():
            return [_NOBODY] * len(minutes)
        gate = gates.of(self._lists.gate_of(spec))
        enter, stay = gate.of_all if spec.keeps_idle else gate.of_present
        entry = np.atleast_2d(enter & entry)
        few = self._few(at, entry)
        if not len(few):
            return [_NOBODY] * len(minutes)
        part, shape = Part(matrix, few), (len(minutes), len(few))
        comes = np.broadcast_to(part.picked(entry), shape)
        stays = part.picked(stay) & spec.filter.stay(part) & ~comes
        keys, settling = _Keys(part, shape), self._settling[at]
        values, members = keys.of(spec.keys[0]), self._number[self._members[at]]
        there = self._whole(_ALL if spec.keeps_idle else gate.there, minutes)
        moments, found = matrix.moments("price").ravel().tolist(), list[Ints | None]()
        for row in range(len(minutes)):
            passing = comes[row].nonzero()[0]
            kept = members[stays[row][members]]
            candidates = passing = np.concatenate([passing, kept]) if len(kept) else passing
            if settling is not None:
                candidates = self._number[settling.candidates(few[passing], few[members], there[row], moments[row])]
            members = _best(spec.keys, spec.definition.limit, candidates, values[row], keys, row)
            if settling is not None:
                settling.note(few[members], few[passing], moments[row])
            found.append(few[members])
        self._members[at] = few[members]
        return found

    def _few(self, at: int, entry: Bools) -> Ints:
        """Who is in a list, or comes in: nobody else is looked at, and `_number` says which of them a symbol is."""
        coming = np.array(np.broadcast_to(np.logical_or.reduce(entry, axis=0), len(self._day.symbols)))
        coming[self._members[at]] = True
        few = coming.nonzero()[0]
        self._number[few] = np.arange(len(few))
        return few

    def _whole(self, values: np.ndarray, minutes: range) -> np.ndarray:
        return np.broadcast_to(values, (len(minutes), len(self._day.symbols)))


class _Gate:
    """Who passes a gate in some minutes, as a newcomer and as a row: of all symbols, and of those that are `there`."""

    def __init__(self, entry: Bools, stay: Bools, there: Bools) -> None:
        self.there = there
        self.of_all = entry, stay
        self.of_present = entry & there, stay & there


class _Gates:
    """The gates of lists on a matrix, each once, and when it is first asked for."""

    def __init__(self, matrix: Matrix) -> None:
        self._matrix = matrix
        self._there = matrix.number("gone") != 1.0
        self._found: dict[str, _Gate] = {}

    def of(self, gate: Filter) -> _Gate:
        """Who passes the gate."""
        if gate.text not in self._found:
            self._found[gate.text] = _Gate(gate.entry(self._matrix), gate.stay(self._matrix), self._there)
        return self._found[gate.text]


class _Keys:
    """What some symbols are sorted by in some minutes, key by key: computed when it is asked for."""

    def __init__(self, part: Part, shape: tuple[int, int]) -> None:
        self._part = part
        self._shape = shape
        self._found: dict[str, Floats] = {}

    def of(self, key: SortKey) -> Floats:
        """The values of a key, a row a minute: ascending, missing last."""
        if key.text not in self._found:
            values = self._order(descending=key.descending) if key.value is None else key.value(self._part)
            self._found[key.text] = np.broadcast_to(np.asarray(values, np.float64), self._shape)
        return self._found[key.text]

    def _order(self, *, descending: bool) -> Floats:
        """Symbols are in alphabetical order."""
        order = np.arange(self._shape[1], dtype=np.float64)[None, :]
        return -order if descending else order


def _best(sort: Sequence[SortKey], limit: int, candidates: Ints, of_all: Floats, keys: _Keys, row: int) -> Ints:
    """The first of the candidates, in order; those that are equal under the first key are ordered by all keys."""
    values = of_all[candidates]
    if len(candidates) > max(limit, _SORTED_AT_ONCE):
        candidates, values = _up_to(np.partition(values, limit - 1)[limit - 1], candidates, values)
    order = values.argsort()
    ordered = values[order[: limit + 1]]
    if len(order) > 1 and np.isnan(ordered[-2]):  # what is missing stands last: that is so of two
        missing = np.isnan(values)
        known = _best(sort, limit, candidates[~missing], of_all, keys, row)
        others = _best(sort[1:], limit - len(known), candidates[missing], keys.of(sort[1])[row], keys, row)
        return np.concatenate([known, others])
    if (ordered[1:] == ordered[:-1]).any():
        if len(order) > limit:
            candidates, values = _up_to(ordered[limit - 1], candidates, values)
        order = np.lexsort([*(keys.of(key)[row][candidates] for key in reversed(sort[1:])), values])
    top: Ints = candidates[order[:limit]]
    return top


def _up_to(worst: float, candidates: Ints, values: Floats) -> tuple[Ints, Floats]:
    """Those that are no worse, all where that is not known."""
    if np.isnan(worst):
        return candidates, values
    within = values <= worst
    return candidates[within], values[within]
