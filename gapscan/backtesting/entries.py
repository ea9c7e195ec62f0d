"""Who enters which list when, at which rank, and how long it stays; beside each, symbols chosen at random."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from gapscan.backtesting.controls import CONTROLS, Controls
from gapscan.backtesting.entry_rows import RowLog
from gapscan.backtesting.ranked import Ranked
from gapscan.market.columns import Bools, Ints

_NONE: Final = -1


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
        self._controls = Controls(seed) if with_controls else None

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
            places = np.concatenate([places for _, _, places, _ in self._found[begin:]])
            if self._controls is not None:
                self._controls.add(ranked.minute, ranked.price, ranked.eligible, places)
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
        left = np.concatenate([nothing[0], *(entries for entries, _ in self._left)])
        until[left] = np.repeat([minute for _, minute in self._left], [len(entries) for entries, _ in self._left])
        still_in[left] = False
        controls = np.zeros((0, CONTROLS), np.intp) if self._controls is None else self._controls.found()
        return Entries(of, minute, place, rank, until, still_in, controls)
