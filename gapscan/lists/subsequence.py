"""Which elements moved: those outside one longest increasing subsequence of their old places."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.intp]


def is_mover(places: Places, ordered: Places) -> NDArray[np.bool_]:
    """Which of the old places (distinct, in new order) lie outside one longest increasing subsequence.

    `ordered` are the same places, ascending. Where the highest place so far is the one that belongs there, all that
    came before stays before: the places fall into blocks that can be looked at alone, and most blocks of a real list
    hold one row. Of the others, most hold one row that went up or down past its neighbours: the block has one descent,
    at its end or at its beginning.
    """
    moved = np.zeros(len(places), np.bool_)
    falls = np.flatnonzero(places[1:] < places[:-1])
    if not len(falls):
        return moved
    ends = np.flatnonzero(np.maximum.accumulate(places) == ordered) + 1
    block_of = np.searchsorted(ends, falls, side="right")
    first = np.flatnonzero(np.concatenate([[True], block_of[1:] != block_of[:-1]]))
    single = np.diff(np.append(first, len(falls))) == 1
    blocks, fall = block_of[first], falls[first]
    begin, end = np.where(blocks > 0, ends[blocks - 1], 0), ends[blocks]
    went_down = single & (fall == begin)
    went_up = single & (fall == end - 2) & ~went_down
    moved[begin[went_down]] = moved[end[went_up] - 1] = True
    tangled = np.flatnonzero(~(went_down | went_up))
    found: list[int] = []
    for start, stop in zip(begin[tangled].tolist(), end[tangled].tolist(), strict=True):
        found += [start + at for at in _outside_longest_run(places[start:stop].tolist())]
    moved[found] = True
    return moved


def _outside_longest_run(places: list[int]) -> list[int]:
    """Where the places outside one longest increasing subsequence are, by patience sorting with back links.

    O(n log n); Fredman, "On computing the length of longest increasing subsequences", 1975.
    """
    tails: list[int] = []
    tail_at: list[int] = [-1]  # one longer than tails: what precedes the first pile is nothing
    before: list[int] = []
    for position, place in enumerate(places):
        if not tails or place > tails[-1]:  # as most do
            before.append(tail_at[-1])
            tails.append(place)
            tail_at.append(position)
        else:
            pile = bisect_left(tails, place)
            before.append(tail_at[pile])
            tails[pile] = place
            tail_at[pile + 1] = position
    inside: set[int] = set()
    position = tail_at[-1]
    while position >= 0:
        inside.add(position)
        position = before[position]
    return [position for position in range(len(places)) if position not in inside]
