"""The top rows of several lists: who may be in each, in which order, and who is among the first.

The lists are ranked together: what costs more to call than to compute is called once for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
        columns_at: Callable[[Ints], SortableColumns],
        doors: Sequence[int] = (),
    ) -> None:
        self.specs = specs
        self.top: list[Ints] = [_NOWHERE] * len(specs)
        self._columns_at = columns_at
        texts = [spec.keys[0].text for spec in specs]
        self._first_keys = {text: spec.keys[0] for text, spec in zip(texts, specs, strict=True)}
        self._key_of = np.array([[*self._first_keys].index(text) for text in texts], np.intp)
        self._limits = np.array([spec.definition.limit for spec in specs], np.intp)
        self._doors = np.array(doors, np.intp)
        self._settling = Settling(np.array([1000.0 * spec.definition.settle for spec in specs]))
        self._ranked_before: Bools = np.zeros(len(specs), np.bool_)
        self._lingering = _NOWHERE, _NOWHERE
        self._cutoff = Cutoff(self._limits)
        self._members: list[Ints] = [_NOWHERE] * len(specs)
        self._others = _NOWHERE, _NOWHERE  # members beyond the cutoff when last ranked, and their lists
        self._concerned: Bools = np.ones(len(specs), np.bool_)  # lists to be ranked
        self._begin(np.zeros((0, len(specs)), np.bool_), np.zeros((0, len(specs))))

    def update(self, at: Ints | None, columns: SortableColumns, may_enter: Bools) -> None:
        """The columns of the symbols at positions `at` (None: of all) changed; `may_enter` is theirs, as in `Doors`."""
        entitled, values = self._judge(columns, may_enter)
        if at is None:
            self._begin(entitled, values)
        elif len(at):
            self._change(at, entitled, values)

    def _judge(self, columns: SortableColumns, may_enter: Bools) -> tuple[Bools, Floats]:
        """Which of the symbols pass as newcomers to the lists, and their values under the first sort keys."""
        by_list = np.empty((len(self.specs), len(columns)), np.bool_)  # each verdict in one piece: written faster
        for at, (spec, door) in enumerate(zip(self.specs, self._doors.tolist(), strict=True)):
            np.logical_and(may_enter[door], spec.filter.entry(columns), out=by_list[at])
        by_key = np.empty((len(columns), len(self._first_keys)))
        for number, key in enumerate(self._first_keys.values()):
            by_key[:, number] = _compared_by(key, columns)
        return np.ascontiguousarray(by_list.T), by_key.take(self._key_of, axis=1)

    def _begin(self, entitled: Bools, values: Floats) -> None:
        self._entitled, self._values = entitled, values  # who passes as a newcomer; the values under the first keys
        self._stays, self._stay_known = np.zeros_like(entitled), np.zeros_like(entitled)  # who may stay; where known
        self._cutoff.begin(entitled, values)
        self._settling.grow(len(entitled))
        self._others = _NOWHERE, _NOWHERE
        self._concerned[:] = True

    def _change(self, at: Ints, entitled: Bools, values: Floats) -> None:
        self._concerned |= self._cutoff.change(at, entitled, values)
        self._concern_others(at)
        self._entitled[at], self._values[at], self._stay_known[at] = entitled, values, False

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

    def rank(self, members: Sequence[Ints], doors: Doors, now: int) -> list[int]:
        """Find the top rows of all lists; which of these something concerned: the rows of others are as before.

        `members` are the positions of the rows of each list that are published; `now` is market time.
        """
        concerned = (self._concerned | self._settling.is_due(now)).tolist()
        lists = [at for at, new in enumerate(members) if concerned[at] or not _same(new, self._members[at])]
        if lists:
            self._members = [*members]
            self._rank(lists, doors, now)
            self._concerned[:] = False
        self._settling.ranked(now)
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
    return np.broadcast_to(_compared_by(key, columns), (len(columns),))


def _compared_by(key: SortKey, columns: SortableColumns) -> Floats:
    """The same; one value where that is the same for all symbols."""
    if key.value is None:
        order = columns.symbol_order()
        return -order if key.descending else order
    return np.asarray(key.value(columns), np.float64)


def _tied(values: Floats, of: Ints) -> set[int]:
    """Lists in whose ordered values two are equal or missing; `of` is the list of each value."""
    missing = np.isnan(values)
    equal = (values[1:] == values[:-1]) | (missing[1:] & missing[:-1])
    return set(of[1:][equal & (of[1:] == of[:-1])].tolist())


def _same(one: Ints, other: Ints) -> bool:
    return one is other or np.array_equal(one, other)
