"""The top rows of several lists: who may be in each, in which order, and who is among the first.

The lists are ranked together: what costs more to call than to compute is called once for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple, Protocol

import numpy as np

from gapscan.market.columns import Bools, Floats, Ints
from gapscan.ranking.language.closures import Columns
from gapscan.ranking.language.expression import Filter, SortKey
from gapscan.ranking.settling import Settling
from gapscan.ranking.spec import ListSpec

_NOWHERE: Final = np.zeros(0, np.intp)
# A cutoff lets in as many as the list has rows, and a quarter more; one that comes to let in twice as many as there are
# rows is chosen anew, and so is one that lets in too few.
_ROOM: Final = 1.25
_TOO_MANY: Final = 2.0


class SortableColumns(Columns, Protocol):
    """Columns that know the alphabetical order of their symbols."""

    def symbol_order(self) -> Floats:
        """Each symbol's place in it."""

    def __len__(self) -> int:
        """How many symbols there are."""


class Doors(NamedTuple):
    """Who passes, as a newcomer, what lists ask before their filters: a row for each door, a column for each symbol.

    `there` has who has traded lately; every other door, from the second on, is one of lists that do not ask for that.
    """

    may_enter: Bools
    there: Bools


class TopRows:
    """The lists `specs` over one universe. `top` has the positions of each list's rows, in order.

    Candidates are the entitled within the list's cutoff, the value that the best were within when it was chosen: what
    was far enough then mostly still is, which saves the selection. Members, the rows as they are published, may also
    stay for as long as they pass the relaxed conditions. What concerns a list is a change of one or the other.
    Matrices have a row for each list and a column for each symbol; keys are places in them, one row behind the other.
    """

    def __init__(
        self,
        specs: Sequence[ListSpec],
        columns_at: Callable[[Ints], SortableColumns],
        doors: Sequence[int] = (),
        gates: Sequence[Filter] = (),
    ) -> None:
        self.specs = specs
        self.top: list[Ints] = [_NOWHERE] * len(specs)
        self._columns_at = columns_at
        texts = [spec.keys[0].text for spec in specs]
        self._first_keys = {text: spec.keys[0] for text, spec in zip(texts, specs, strict=True)}
        self._key_of = np.array([[*self._first_keys].index(text) for text in texts], np.intp)
        self._limits = np.array([spec.definition.limit for spec in specs], np.intp)
        self._doors = np.array(doors, np.intp)
        self._keeps_idle = self._doors % 2 == 1
        self._gates = gates
        self._settling = Settling(np.array([1000.0 * spec.definition.settle for spec in specs]))
        self._keys = [*self.top]  # the same rows as keys
        self._cutoffs: Floats = np.full(len(specs), np.inf)
        self._members: list[Ints] = [_NOWHERE] * len(specs)
        self._update_number = 0
        self._concerned: Bools = np.ones(len(specs), np.bool_)  # lists to be ranked
        self._entitled: Bools = np.zeros((len(specs), 0), np.bool_)  # who passes as a newcomer

    def update(self, at: Ints | None, columns: SortableColumns, doors: Doors) -> None:
        """The columns of the symbols at positions `at` (None: of all) changed, and so who passes the doors."""
        entitled, values = self._judge(columns, doors.may_enter)
        self._update_number += 1
        if at is None:
            self._begin(entitled, values, doors)
        elif len(at):
            self._change(at, entitled, values, doors)

    def _judge(self, columns: SortableColumns, may_enter: Bools) -> tuple[Bools, Floats]:
        """Which of the symbols pass as newcomers to the lists, and their values under each first sort key."""
        entitled = np.empty((len(self.specs), len(columns)), np.bool_)
        for row, spec, door in zip(entitled, self.specs, self._doors.tolist(), strict=True):
            np.logical_and(may_enter[door], spec.filter.entry(columns), out=row)
        values = np.empty((len(self._first_keys), len(columns)))
        for number, key in enumerate(self._first_keys.values()):
            values[number] = _compared_by(key, columns)
        np.copyto(values, np.inf, where=np.isnan(values))  # those are tied then, and put in order by all keys
        return entitled, values

    def _begin(self, entitled: Bools, values: Floats, doors: Doors) -> None:
        more = entitled.shape[1] - self._entitled.shape[1]
        self._keys = [keys + at * more for at, keys in enumerate(self._keys)]
        self._entitled, self._values = entitled, values  # by list; under each first key
        self._within = self._is_within(entitled, values)
        self._watched = self._within.copy()  # whose change concerns the list: those, and the other members
        # By key, in which update it was found that the symbol passes as a row, minus that if it does not; 0 is unknown.
        self._verdicts = np.zeros(entitled.shape, np.int32)
        self._updated = np.full(entitled.shape[1], self._update_number, np.int32)  # in which the symbol changed last
        self._there = doors.there
        self._settling.grow(entitled.shape[1])
        self._concerned[:] = True

    def _is_within(self, entitled: Bools, values: Floats) -> Bools:
        within: Bools = entitled & (values[self._key_of] <= self._cutoffs[:, None])
        return within

    def _change(self, at: Ints, entitled: Bools, values: Floats, doors: Doors) -> None:
        within = self._is_within(entitled, values)
        self._concerned |= (within | self._watched.take(at, axis=1)).any(axis=1)
        self._entitled[:, at], self._values[:, at], self._within[:, at] = entitled, values, within
        self._there[at] = doors.there
        self._updated[at] = self._update_number

    def new_session(self) -> None:
        """Nobody settles over the end of a session."""
        self._settling.begin(self._entitled.shape[1])
        self.top, self._keys = [_NOWHERE] * len(self.specs), [_NOWHERE] * len(self.specs)

    def rank(self, members: Sequence[Ints], now: int) -> list[int]:
        """Find the top rows of all lists; which of these something concerned: the rows of others are as before.

        `members` are the positions of the rows of each list that are published; `now` is market time.
        """
        concerned = (self._concerned | self._settling.is_due(now)).tolist()
        lists = [at for at, new in enumerate(members) if concerned[at] or not _same(new, self._members[at])]
        if lists:
            self._members = [*members]
            self._rank(lists, now)
            self._concerned[:] = False
        self._settling.ranked(now)
        return lists

    def _rank(self, lists: list[int], now: int) -> None:
        was, members = np.concatenate([self._keys[at] for at in lists]), self._keys_of_members(lists)
        waiting, (kept, lingering) = self._settling.waiting(now), self._kept(members, now)
        keys, bounds = self._candidates(lists, members, waiting, kept)
        if self._adjust(lists, bounds[1:] - bounds[:-1], waiting, kept):
            keys, bounds = self._candidates(lists, members, waiting, kept)
        self._settling.end(lists, was, self._select(lists, keys, bounds), lingering, now)

    def _keys_of_members(self, lists: list[int]) -> Ints:
        """Mostly these are the rows as they were ranked."""
        size = self._entitled.shape[1]
        pairs = ((at, self._members[at]) for at in lists)
        return np.concatenate([self._keys[at] if some is self.top[at] else at * size + some for at, some in pairs])

    def _kept(self, members: Ints, now: int) -> tuple[Ints, Ints]:
        """Of the members, those that do not pass as newcomers, but may stay; and those that only linger."""
        fallen = members[~self._entitled.ravel()[members]]
        of, symbols = np.divmod(fallen, self._entitled.shape[1])
        self._judge_stay(fallen, of, symbols)
        there = self._there[symbols] | self._keeps_idle[of]
        stays = there & (self._verdicts.ravel()[fallen] > 0)
        lingers = there & ~stays & self._settling.lingers(fallen, now)
        return fallen[stays | lingers], fallen[lingers]

    def _judge_stay(self, keys: Ints, of: Ints, symbols: Ints) -> None:
        """Find out, where that is not known, whether these symbols pass as rows of these lists."""
        (unknown,) = (np.abs(self._verdicts.ravel()[keys]) < self._updated[symbols]).nonzero()
        if not len(unknown):
            return
        of, columns = of[unknown], self._columns_at(symbols[unknown])
        gates = [gate.stay(columns) for gate in self._gates]
        passes = np.empty(len(unknown), np.bool_)
        for begin, end in pairwise([0, *((of[1:] != of[:-1]).nonzero()[0] + 1).tolist(), len(of)]):
            at = of[begin]
            # Of all of them, for what lists have in common is looked at once.
            everyone = np.logical_and(gates[self._doors[at] // 2], self.specs[at].filter.stay(columns))
            passes[begin:end] = everyone[begin:end] if everyone.size > 1 else everyone
        self._verdicts.ravel()[keys[unknown]] = np.where(passes, self._update_number, -self._update_number)

    def _candidates(self, lists: list[int], members: Ints, waiting: Ints, kept: Ints) -> tuple[Ints, Ints]:
        """Keys of those that the best of the lists are among, ascending; where each list begins, and the last ends."""
        some = slice(None) if len(lists) == len(self.specs) else lists
        found = np.zeros_like(self._within)
        self._watched[some] = found[some] = self._within[some]
        flags = found.ravel()
        flags[waiting] = False
        flags[members] = self._within.ravel()[members]  # who is published never waits
        flags[kept] = True
        self._watched.ravel()[members] = True
        (keys,) = flags.nonzero()
        return keys, keys.searchsorted(np.arange(len(found) + 1) * found.shape[1])

    def _adjust(self, lists: list[int], numbers: Ints, waiting: Ints, kept: Ints) -> bool:
        """Choose the cutoffs anew that let in too few, or far more than needed; whether there are any."""
        if not self._is_off(numbers, len(kept)).any():  # whoever is kept, as it mostly is
            return False
        size, number = self._entitled.shape[1], len(self.specs)
        waiting, kept = (np.bincount(some // size, minlength=number) for some in (waiting, kept))
        off = self._is_off(numbers - kept)
        wrong = [at for at in lists if off[at]]
        for at in wrong:
            entitled, values = self._entitled[at], self._values[self._key_of[at]]
            self._cutoffs[at] = _cutoff(values[entitled], int(self._limits[at] * _ROOM) + int(waiting[at]))
            self._within[at] = entitled & (values <= self._cutoffs[at])
        return bool(wrong)

    def _is_off(self, numbers: Ints, fewer: int = 0) -> Bools:
        """Which cutoffs let in too few, or far more than needed, if they let in so many, or so many fewer."""
        too_few = (numbers - fewer < self._limits) & ~np.isinf(self._cutoffs)
        return too_few | (numbers > _TOO_MANY * self._limits)

    def _select(self, lists: list[int], keys: Ints, bounds: Ints) -> Ints:
        """Of the candidates, the best of each list become its top rows, in order; their keys."""
        size, numbers = self._entitled.shape[1], np.arange(len(self.specs))
        of = numbers.repeat(bounds[1:] - bounds[:-1])
        symbols = keys - of * size
        values = self._values.ravel().take(keys + ((self._key_of - numbers) * size)[of])
        orders = [begin + values[begin:end].argsort() for begin, end in pairwise(bounds.tolist())]
        ordered = values[np.concatenate(orders)]
        for at in set(of[1:][(ordered[1:] == ordered[:-1]) & (of[1:] == of[:-1])].tolist()):
            begin, end = bounds[at : at + 2]
            orders[at] = begin + self._by_all_keys(at, symbols[begin:end])
        best = [orders[at][: self._limits[at]] for at in lists]
        cuts, places = pairwise(np.cumsum([0, *map(len, best)]).tolist()), np.concatenate(best)
        rows: Ints = keys[places]
        symbols = symbols[places]
        for at, (begin, end) in zip(lists, cuts, strict=True):
            self._keys[at], self.top[at] = rows[begin:end], symbols[begin:end]
        return rows

    def _by_all_keys(self, at: int, symbols: Ints) -> Ints:
        """The order of the symbols, some of which have the same value under the first sort key."""
        columns = self._columns_at(symbols)
        return np.lexsort([sort_values(key, columns) for key in reversed(self.specs[at].keys)])


def _cutoff(values: Floats, place: int) -> float:
    """The value that so many of the best are within, all ties included; infinite where there are not as many."""
    return float(np.partition(values, place)[place]) if place < len(values) else np.inf


def sort_values(key: SortKey, columns: SortableColumns) -> Floats:
    """What the key compares: ascending, missing last."""
    return np.broadcast_to(_compared_by(key, columns), (len(columns),))


def _compared_by(key: SortKey, columns: SortableColumns) -> Floats:
    """The same; one value where that is the same for all symbols."""
    if key.value is None:
        order = columns.symbol_order()
        return -order if key.descending else order
    return np.asarray(key.value(columns), np.float64)


def _same(one: Ints, other: Ints) -> bool:
    return one is other or np.array_equal(one, other)
