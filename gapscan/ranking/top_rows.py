"""The top rows of several lists: who may be in each, in which order, and who is among the first.

The lists are ranked together: what costs more to call than to compute is called once for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple, Protocol

import numpy as np

from gapscan.market.columns import Bools, Floats, Ints
from gapscan.ranking.cutoff import Cutoff, merged
from gapscan.ranking.language.closures import Columns
from gapscan.ranking.language.expression import SortKey
from gapscan.ranking.settling import Settling
from gapscan.ranking.spec import ListSpec

_NOWHERE: Final = np.zeros(0, np.intp)


class SortableColumns(Columns, Protocol):
    """Columns that know the alphabetical order of their symbols."""

    def symbol_order(self) -> Floats:
        """Each symbol's place in it."""

    def __len__(self) -> int:
        """How many symbols there are."""


class Doors(NamedTuple):
    """Who passes what lists ask before their filters: a row for each door, a column for each symbol.

    `may_enter` is of newcomers, `may_stay` of rows that are in. `there` has who has traded lately, then everybody.
    """

    may_enter: Bools
    may_stay: Bools
    there: Bools


class TopRows:
    """The lists `specs` over one universe. `top` has the positions of each list's rows, in order.

    A list's members are its rows as they are published. Those within the cutoff are candidates anyway; the others may
    stay for as long as they pass the relaxed conditions. What concerns a list is a change of one or the other.
    Matrices have a row for each symbol and a column for each list.
    """

    def __init__(
        self,
        specs: Sequence[ListSpec],
        columns_at: Callable[[Ints | None], SortableColumns],
        doors: Sequence[int] = (),
    ) -> None:
        self.specs = specs
        self.top: list[Ints] = [_NOWHERE] * len(specs)
        self._columns_at = columns_at
        self._all = list(range(len(specs)))
        self._limits = np.array([spec.definition.limit for spec in specs], np.intp)
        self._doors = np.array(doors, np.intp)
        self._settling = Settling(np.array([1000.0 * spec.definition.settle for spec in specs]))
        self._ranked_before: Bools = np.zeros(len(specs), np.bool_)
        self._lingering = _NOWHERE, _NOWHERE
        self._cutoff = Cutoff(self._limits)
        self._members: list[Ints] = [_NOWHERE] * len(specs)
        self._others = _NOWHERE, _NOWHERE  # members beyond the cutoff when last ranked, and their lists
        self._changed: list[list[Ints]] = [[] for _ in specs]  # positions that each list has still to judge again
        self._concerned: Bools = np.ones(len(specs), np.bool_)  # lists to be ranked when they are due
        self._begin(np.zeros((0, len(specs)), np.bool_), np.zeros((0, len(specs))))

    def update(self, at: Ints | None, may_enter: Bools) -> None:
        """The columns of the symbols at positions `at` (None: of all) changed.

        `may_enter` has all symbols, as in `Doors`.
        """
        if at is None:
            self._begin(*self._judge(self._columns_at(None), may_enter, self._all))
        else:
            for changed in self._changed:
                changed.append(at)

    def _judge(self, columns: SortableColumns, may_enter: Bools, lists: list[int]) -> tuple[Bools, Floats]:
        """Which of the symbols pass as newcomers to the lists, and their values under the first sort keys."""
        shape = (len(columns), len(lists))
        entitled, values = np.empty(shape, np.bool_), np.empty(shape)
        for place, at in enumerate(lists):
            np.logical_and(may_enter[self._doors[at]], self.specs[at].filter.entry(columns), out=entitled[:, place])
        for key, places in self._by_first_key(lists):
            values[:, places] = sort_values(key, columns)[:, None]
        return entitled, values

    def _by_first_key(self, lists: list[int]) -> Iterable[tuple[SortKey, list[int]]]:
        """Each of the lists' first sort keys, and at which places of `lists` those are that have it."""
        keys = [self.specs[at].keys[0] for at in lists]
        places: dict[str, list[int]] = {}
        for place, key in enumerate(keys):
            places.setdefault(key.text, []).append(place)
        return [(keys[having[0]], having) for having in places.values()]

    def _begin(self, entitled: Bools, values: Floats) -> None:
        self._entitled, self._values = entitled, values  # who passes as a newcomer; the values under the first keys
        self._stays, self._stay_known = (
            np.zeros_like(entitled),
            np.zeros_like(entitled),
        )  # who passes as a row; where known
        self._cutoff.begin(entitled, values)
        self._settling.grow(len(entitled))
        self._others = _NOWHERE, _NOWHERE
        self._concerned[:] = True
        for changed in self._changed:
            changed.clear()

    def _catch_up(self, lists: list[int], may_enter: Bools) -> None:
        """Judge anew, for these lists, what changed since they were last ranked."""
        at = _union(places for one in lists for places in self._changed[one])
        for one in lists:
            self._changed[one].clear()
        if len(at):
            self._change(at, lists, *self._judge(self._columns_at(at), may_enter[:, at], lists))

    def _change(self, at: Ints, lists: list[int], entitled: Bools, values: Floats) -> None:
        columns = np.array(lists, np.intp)
        # Whole rows of the matrices are written much faster.
        where = at if len(lists) == len(self.specs) else np.ix_(at, columns)
        self._concerned[columns] |= self._cutoff.change(at, columns, where, entitled, values)
        self._concern_others(at)
        self._entitled[where], self._values[where] = entitled, values
        self._stay_known[where] = False

    def _concern_others(self, at: Ints) -> None:
        """The symbols at positions `at` changed: that concerns every list that has one of them as another member."""
        changed = np.zeros(len(self._entitled), np.bool_)
        changed[at] = True
        symbols, of = self._others
        self._concerned[of[changed[symbols]]] = True

    def new_session(self) -> None:
        """Nobody settles over the end of a session."""
        self._settling.forget()
        self._settling.grow(len(self._entitled))
        self._ranked_before[:] = False

    def rank(self, due: list[int], members: Sequence[Ints], doors: Doors, now: int) -> list[int]:
        """Find the top rows of the lists `due`; which of them something concerned: the rows of others are as before.

        `members` are the positions of the rows of each list that are published; `now` is market time.
        """
        self._catch_up(due, doors.may_enter)
        self._concerned |= self._settling.is_due(now)
        lists = [at for at in due if self._concerned[at] or not _same(members[at], self._members[at])]
        if lists:
            for at in lists:
                self._members[at] = members[at]
            self._rank(lists, doors, now)
            self._concerned[lists] = False
        self._settling.ranked(due, now)
        return lists

    def _rank(self, lists: list[int], doors: Doors, now: int) -> None:
        before = [self.top[at] if self._ranked_before[at] else _NOWHERE for at in lists]
        self._settling.begin(lists, now)
        self._cutoff.adjust(lists, self._entitled, self._values, self._settling.waiting())
        newcomers = self._settling.may_come(self._cutoff.keys_of(lists), self._members)
        self._select(lists, merged(newcomers, self._kept(lists, doors, now)))
        self._settling.end(lists, before, self.top, self._lingering, now)
        self._ranked_before[lists] = True

    def _kept(self, lists: list[int], doors: Doors, now: int) -> Ints:
        """Keys of the rows that do not pass as newcomers, but may stay."""
        members = [self._members[at] for at in lists]
        symbols, of = np.concatenate(members), np.repeat(lists, [len(places) for places in members])
        others = np.flatnonzero(~self._cutoff.flags[symbols, of])
        symbols, of = symbols[others], of[others]
        self._note_others(lists, symbols, of)
        fallen = ~self._entitled[symbols, of]
        symbols, of = symbols[fallen], of[fallen]
        self._judge_stay(symbols, of)
        stays = doors.may_stay[self._doors[of], symbols] & self._stays[symbols, of]
        lingers = ~stays & doors.there[self._doors[of] % 2, symbols] & self._settling.lingers(symbols, of, now)
        self._lingering = symbols[lingers], of[lingers]
        kept = stays | lingers
        keys: Ints = of[kept] * len(self._entitled) + symbols[kept]
        return keys

    def _note_others(self, lists: list[int], symbols: Ints, of: Ints) -> None:
        anew = np.zeros(len(self.specs), np.bool_)
        anew[lists] = True
        held_symbols, held_of = self._others
        held = ~anew[held_of]
        self._others = np.concatenate([held_symbols[held], symbols]), np.concatenate([held_of[held], of])

    def _judge_stay(self, symbols: Ints, of: Ints) -> None:
        """Find out, where that is not known, whether these symbols pass as rows of these lists."""
        unknown = np.flatnonzero(~self._stay_known[symbols, of])
        if not len(unknown):
            return
        symbols, of = symbols[unknown], of[unknown]
        self._stay_known[symbols, of] = True
        for begin, end in pairwise([0, *(np.flatnonzero(np.diff(of)) + 1).tolist(), len(of)]):
            at, here = of[begin], symbols[begin:end]
            self._stays[here, at] = self.specs[at].filter.stay(self._columns_at(here))

    def _select(self, lists: list[int], keys: Ints) -> None:
        """Of the candidates, the best of each list become its top rows, in order."""
        bounds = self._cutoff.bounds(keys)
        of = np.repeat(np.arange(len(self.specs)), np.diff(bounds))
        symbols = keys - of * len(self._entitled)
        values = self._values.ravel().take(symbols * len(self.specs) + of)
        orders = [begin + values[begin:end].argsort() for begin, end in pairwise(bounds.tolist())]
        tied = _tied(values[np.concatenate(orders)], of)
        for at in lists:
            begin, order = bounds[at], orders[at]
            if at in tied:
                order = begin + self._by_all_keys(at, symbols[begin : bounds[at + 1]])
            self.top[at] = symbols[order[: self._limits[at]]]

    def _by_all_keys(self, at: int, symbols: Ints) -> Ints:
        """The order of the symbols, some of which have the same value under the first sort key."""
        columns = self._columns_at(symbols)
        return np.lexsort([sort_values(key, columns) for key in reversed(self.specs[at].keys)])


def sort_values(key: SortKey, columns: SortableColumns) -> Floats:
    """What the key compares: ascending, missing last."""
    if key.value is None:
        order = columns.symbol_order()
        return -order if key.descending else order
    values: Floats = np.asarray(key.value(columns), np.float64)
    return values if values.ndim else np.broadcast_to(values, (len(columns),))


def _tied(values: Floats, of: Ints) -> set[int]:
    """Lists in whose ordered values two are equal or missing; `of` is the list of each value."""
    missing = np.isnan(values)
    equal = (values[1:] == values[:-1]) | (missing[1:] & missing[:-1])
    return set(of[1:][equal & (of[1:] == of[:-1])].tolist())


def _union(places: Iterable[Ints]) -> Ints:
    """All of the positions, ascending; each of the arrays is, and most are the same one."""
    different = [*{id(one): one for one in places}.values()]
    return different[0] if len(different) == 1 else np.unique(np.concatenate([_NOWHERE, *different]))


def _same(one: Ints, other: Ints) -> bool:
    return one is other or np.array_equal(one, other)
