"""Who enters which list when, at which rank, and how long it stays; beside each, symbols chosen at random."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gapscan.backtesting import dice
from gapscan.backtesting.entry_rows import RowLog
from gapscan.backtesting.ranked import Ranked
from gapscan.market.columns import Bools, Floats, Ints

# Symbols are compared with others of their price class: from these prices on, in USD.
PRICE_CLASSES: Final = (2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0)
CONTROLS: Final = 4  # for each entry
_NONE: Final = -1
_AT_A_TIME: Final = 16  # minutes


@dataclass(frozen=True, slots=True)
class Entries:
    """One day's entries by ascending minute: of symbol `place` into list number `of`, at `rank` from 1.

    `minute` is after how many minutes of the day it was in; `until` after how many it was no longer, or the last that
    was ranked for one that was still in (`still_in`). `controls` has CONTROLS places for each entry, -1 for none.
    """

    of: Ints
    minute: Ints
    place: Ints
    rank: Ints
    until: Ints
    still_in: Bools
    controls: Ints

    def __len__(self) -> int:
        return len(self.of)


class _List:
    """What is known of one list while a day is gone through."""

    def __init__(self, size: int) -> None:
        self.members: Ints = np.zeros(0, np.intp)
        self.is_in = np.zeros(size, np.bool_)
        self.entry = np.full(size, _NONE, np.intp)  # the number of each member's entry
        self.shown = np.full(size, _NONE, np.intp)  # the minute in which each was in it, when that was last asked
        self.last = 0  # the last minute in which the list was ranked


class EntryLog:
    """Takes in a day's lists minute by minute."""

    def __init__(self, lists: int, symbols: int, seed: int, *, with_controls: bool = True) -> None:
        self._lists = [_List(symbols) for _ in range(lists)]
        self._found: list[tuple[Ints, ...]] = []
        self._left: list[tuple[Ints, int]] = []
        self._count = 0
        self._choice = _Choice(seed) if with_controls else None

    def add_all(self, minutes: Iterable[Ranked], rows: RowLog | None = None) -> Entries:
        """The entries of a whole day. `rows` takes in what was seen of them."""
        for ranked in minutes:
            self._add(ranked, rows)
            del ranked  # the matrices that it is of: there would be those of the next minutes beside them
        return self._entries()

    def _add(self, ranked: Ranked, rows: RowLog | None) -> None:
        begin = len(self._found)
        for number, (top, held) in enumerate(zip(ranked.tops, self._lists, strict=True)):
            if top is None:
                continue
            held.last = ranked.minute
            fresh = (~held.is_in[top]).nonzero()[0]
            if len(fresh) or len(top) != len(held.members):
                self._leave(held, top, ranked.minute)
            if len(fresh):
                self._enter(number, held, top, fresh, ranked.minute)
            held.members = top
        if len(self._found) > begin:
            of, _, places, _ = (np.concatenate(columns) for columns in zip(*self._found[begin:], strict=True))
            if self._choice is not None:
                self._choice.add(ranked, of, places)
            if rows is not None and ranked.seen is not None:
                rows.add(ranked.seen, ranked.row, ranked.minute, places)

    def _leave(self, held: _List, top: Ints, minute: int) -> None:
        was = held.members
        held.shown[top] = minute
        gone = was[held.shown[was] != minute]
        if len(gone):
            held.is_in[gone] = False
            self._left.append((held.entry[gone], minute))

    def _enter(self, number: int, held: _List, top: Ints, fresh: Ints, minute: int) -> None:
        places, size = top[fresh], len(fresh)
        held.entry[places] = np.arange(self._count, self._count + size)
        held.is_in[places] = True
        self._count += size
        self._found.append((np.full(size, number), np.full(size, minute), places, fresh + 1))

    def _entries(self) -> Entries:
        nothing = (np.zeros(0, np.intp),) * 4
        of, minute, place, rank = (np.concatenate(columns) for columns in zip(nothing, *self._found, strict=True))
        until = np.array([held.last for held in self._lists], np.intp)[of]
        still_in = np.ones(len(of), np.bool_)
        for entries, left in self._left:
            until[entries], still_in[entries] = left, False
        controls = np.zeros((0, CONTROLS), np.intp) if self._choice is None else self._choice.found()
        return Entries(of, minute, place, rank, until, still_in, controls)


@dataclass(frozen=True, slots=True)
class _Moment:
    """Of one minute, every symbol's price class and whether it could be chosen, and who `entered` the lists `of`."""

    minute: int
    classes: NDArray[np.uint8]
    eligible: Bools
    of: Ints
    entered: Ints

    def chosen(self, luck: Floats) -> Ints:
        """By luck, a number from 0 to below 1 for each."""
        others = np.flatnonzero(self.eligible)
        classes = self.classes[others]
        order = np.argsort(classes, kind="stable")
        others = others[order]
        bounds = np.searchsorted(classes[order], np.arange(len(PRICE_CLASSES) + 2, dtype=classes.dtype))
        own = self.classes[self.entered]
        first, number = bounds[own], bounds[own + 1] - bounds[own]
        found = np.full(luck.shape, _NONE, np.intp)
        rows = number > 0
        found[rows] = others[first[rows, None] + (luck[rows] * number[rows, None]).astype(np.intp)]
        found[found == self.entered[:, None]] = _NONE
        return found


class _Choice:
    """Chooses CONTROLS others of each one's price class; a symbol is not chosen for itself, and may be chosen twice.

    What is known of a few minutes waits, so that random numbers are made of many at a time.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._waiting: list[_Moment] = []
        self._found = [np.zeros((0, CONTROLS), np.intp)]

    def add(self, ranked: Ranked, of: Ints, entered: Ints) -> None:
        """Symbols that entered the lists `of`, one each, at a minute."""
        self._waiting.append(_Moment(ranked.minute, _class_of(ranked.price), ranked.eligible, of, entered))
        if len(self._waiting) == _AT_A_TIME:
            self._choose()

    def found(self) -> Ints:
        """The places of those that were chosen for each, in their order; _NONE for none."""
        self._choose()
        return np.concatenate(self._found)

    def _choose(self) -> None:
        if not self._waiting:
            return
        sizes = [len(each.entered) for each in self._waiting]
        of = np.concatenate([each.of for each in self._waiting])
        places = np.concatenate([each.entered for each in self._waiting])
        minutes = np.repeat([each.minute for each in self._waiting], sizes)
        keys = (each[:, None] for each in (of, minutes, places))
        luck = dice.uniform(self._seed, *keys, np.arange(CONTROLS)[None, :])
        parts = np.split(luck, np.cumsum(sizes)[:-1])
        self._found += [each.chosen(own) for each, own in zip(self._waiting, parts, strict=True)]
        self._waiting.clear()


def _class_of(prices: Floats) -> NDArray[np.uint8]:
    classes = np.zeros(len(prices), np.uint8)
    for bound in PRICE_CLASSES:
        classes += prices >= bound
    return classes
