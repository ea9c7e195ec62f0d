"""Which symbols may be among the best of each list, so that only they are put in order."""

from __future__ import annotations

from typing import Final

import numpy as np

from gapscan.market.columns import Bools, Floats, Ints

# A cutoff lets in as many as the list has rows, and a quarter more; one that comes to let in twice as many as there are
# rows is chosen anew, and so is one that lets in too few.
_ROOM: Final = 1.25
_TOO_MANY: Final = 2.0


class Cutoff:
    """The entitled whose value is within their list's cutoff: a value that its best were lately within.

    The value that was far enough at an earlier ranking mostly still is, which saves the selection. A list whose cutoff
    is infinite lets in all of its entitled, those whose value is missing as well.

    `flags` has a row for each symbol and a column for each list. `keys` always say the same as numbers, ascending:
    list * number of symbols + symbol, so that those of one list follow one another.
    """

    def __init__(self, limits: Ints) -> None:
        self._limits = limits
        self._cutoffs: Floats = np.full(len(limits), np.inf)
        shape = (0, len(limits))
        self.begin(np.zeros(shape, np.bool_), np.zeros(shape))

    def begin(self, entitled: Bools, values: Floats) -> None:
        """Judge all symbols: who is entitled to be in each list, and the values that the lists sort by."""
        self.flags = self._within(entitled, values, self._cutoffs)
        self.keys = np.flatnonzero(np.ascontiguousarray(self.flags.T))
        self._first_keys = np.arange(len(self._limits) + 1) * len(entitled)

    def change(self, at: Ints, entitled: Bools, values: Floats) -> Bools:
        """Judge these symbols anew; which lists have one that is or was within their cutoff."""
        was = self.flags.take(at, axis=0)
        within = self._within(entitled, values, self._cutoffs)
        found = np.zeros(len(self._limits), np.bool_)
        touched = np.flatnonzero(within | was)  # far fewer than there are symbols and lists
        which, lists = np.divmod(touched, len(found))
        found[lists] = True
        differ = within.take(touched) != was.take(touched)
        self.keys = _toggled(self.keys, lists[differ] * len(self.flags) + at[which[differ]])
        self.flags[at] = within
        return found

    def _within(self, entitled: Bools, values: Floats, cutoff: Floats) -> Bools:
        return entitled & ((values <= cutoff) | np.isinf(cutoff))

    def adjust(self, lists: list[int], entitled: Bools, values: Floats, waiting: Ints) -> None:
        """Choose the cutoff anew of those of the lists for which it lets in too few, or far more than needed.

        `waiting` is how many of those that it lets in may be of no use to each list.
        """
        numbers = np.diff(self.bounds(self.keys)) - waiting
        too_many = numbers > _TOO_MANY * self._limits
        off = too_many | ((numbers < self._limits) & ~np.isinf(self._cutoffs))
        for at in [at for at in lists if off[at]]:
            begin, end = self.bounds(self.keys)[at : at + 2].tolist()
            # The best of all are the best of those that it lets in, where these are enough.
            some = self.keys[begin:end] - at * len(entitled) if too_many[at] else np.flatnonzero(entitled[:, at])
            within = self._choose(at, some, values[some, at], int(waiting[at]))
            self.flags[some, at] = False
            self.flags[within, at] = True
            self.keys = np.concatenate([self.keys[:begin], within + at * len(entitled), self.keys[end:]])

    def _choose(self, at: int, symbols: Ints, values: Floats, waiting: int) -> Ints:
        """A cutoff that the best of the symbols are within, all ties included; which of the symbols are."""
        place = int(self._limits[at] * _ROOM) + waiting
        cutoff = float(np.partition(values, place)[place]) if place < len(values) else np.inf
        self._cutoffs[at] = np.inf if np.isnan(cutoff) else cutoff
        return symbols if np.isinf(self._cutoffs[at]) else symbols[values <= self._cutoffs[at]]

    def bounds(self, keys: Ints) -> Ints:
        """Where in ascending keys each list begins, and where the last ends."""
        return np.searchsorted(keys, self._first_keys)

    def keys_of(self, lists: list[int]) -> Ints:
        """The keys of some of the lists."""
        if len(lists) == len(self._limits):
            return self.keys
        bounds = self.bounds(self.keys)
        return np.concatenate([self.keys[bounds[at] : bounds[at + 1]] for at in lists])


def merged(some: Ints, others: Ints) -> Ints:
    """All of them, ascending: `some` are already, and far more than the others."""
    both: Ints = np.concatenate([some, np.sort(others)])
    both.sort(kind="stable")
    return both


def _toggled(held: Ints, others: Ints) -> Ints:
    """Ascending: those that are in one of the two only."""
    both = merged(held, others)
    differs: Bools = both[1:] != both[:-1]
    once = np.ones(len(both), np.bool_)
    once[1:] = differs
    once[:-1] &= differs
    found: Ints = both[once]
    return found
