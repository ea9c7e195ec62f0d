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
        which, lists = np.nonzero(within != was)
        self.keys = _toggled(self.keys, lists * len(self.flags) + at[which])
        self.flags[at] = within
        found: Bools = np.any(within | was, axis=0)
        return found

    def _within(self, entitled: Bools, values: Floats, cutoff: Floats) -> Bools:
        return entitled & ((values <= cutoff) | np.isinf(cutoff))

    def adjust(self, lists: list[int], entitled: Bools, values: Floats, waiting: Ints) -> None:
        """Choose the cutoff anew of those of the lists for which it lets in too few, or far more than needed.

        `waiting` is how many of those that it lets in may be of no use to each list.
        """
        numbers = np.diff(self.bounds(self.keys)) - waiting
        off = (numbers > _TOO_MANY * self._limits) | ((numbers < self._limits) & ~np.isinf(self._cutoffs))
        for at in [at for at in lists if off[at]]:
            self._choose(at, entitled[:, at], values[:, at], int(waiting[at]))

    def _choose(self, at: int, entitled: Bools, values: Floats, waiting: int) -> None:
        """A cutoff that the list's best are within, all ties included."""
        place, inside = int(self._limits[at] * _ROOM) + waiting, values[entitled]
        cutoff = float(np.partition(inside, place)[place]) if place < len(inside) else np.inf
        self._cutoffs[at] = np.inf if np.isnan(cutoff) else cutoff
        self.flags[:, at] = self._within(entitled, values, self._cutoffs[at : at + 1])
        begin, end = self.bounds(self.keys)[at : at + 2]
        keys = np.flatnonzero(self.flags[:, at]) + at * len(entitled)
        self.keys = np.concatenate([self.keys[:begin], keys, self.keys[end:]])

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
