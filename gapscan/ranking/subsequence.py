"""Which elements moved: those outside one longest increasing subsequence of their old places."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.intp]


def movers(places: Places) -> set[int]:
    """Which of the old places (distinct, in new order) lie outside one longest increasing subsequence.

    Where the highest place so far is the one that belongs there, all that came before stays before: the places
    fall into blocks that can be looked at alone, and most blocks of a real list hold one row.
    """
    if (places[1:] > places[:-1]).all():
        return set()
    ends = np.flatnonzero(np.maximum.accumulate(places) == np.sort(places)) + 1
    begins = np.concatenate([[0], ends[:-1]])
    several = ends - begins > 1
    plain: list[int] = places.tolist()
    moved: set[int] = set()
    for begin, end in zip(begins[several].tolist(), ends[several].tolist(), strict=True):
        moved |= _outside_longest_run(plain[begin:end])
    return moved


def _outside_longest_run(places: list[int]) -> set[int]:
    """The places outside one longest increasing subsequence, by patience sorting with back links.

    O(n log n); Fredman, "On computing the length of longest increasing subsequences", 1975.
    """
    if len(places) == 2:  # two neighbours that changed places
        return {places[0]}
    tails: list[int] = []
    tail_at: list[int] = [-1]  # one longer than tails: what precedes the first pile is nothing
    before: list[int] = []
    for position, place in enumerate(places):
        pile = bisect_left(tails, place)
        before.append(tail_at[pile])
        if pile == len(tails):
            tails.append(place)
            tail_at.append(position)
        else:
            tails[pile] = place
            tail_at[pile + 1] = position
    moved = set(places)
    position = tail_at[-1]
    while position >= 0:
        moved.discard(places[position])
        position = before[position]
    return moved
