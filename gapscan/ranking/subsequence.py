"""Which elements moved: those outside one longest increasing subsequence of their old places."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.intp]


def is_mover(places: Places) -> NDArray[np.bool_]:
    """Which of the old places (distinct, in new order) lie outside one longest increasing subsequence.

    Where the highest place so far is the one that belongs there, all that came before stays before: the places
    fall into blocks that can be looked at alone, and most blocks of a real list hold one row.
    """
    moved = np.zeros(len(places), np.bool_)
    if (places[1:] > places[:-1]).all():
        return moved
    ordered = np.sort(places)
    ends = np.flatnonzero(np.maximum.accumulate(places) == ordered) + 1
    begins = np.concatenate([[0], ends[:-1]])
    several = np.flatnonzero(ends - begins > 1)
    plain, sorted_ones = places.tolist(), ordered.tolist()
    found: list[int] = []
    for begin, end in zip(begins[several].tolist(), ends[several].tolist(), strict=True):
        found += [begin + at for at in _movers(plain[begin:end], sorted_ones[begin:end])]
    moved[found] = True
    return moved


def _movers(places: list[int], ordered: list[int]) -> list[int]:
    """Where in the block the movers are; mostly it is one row that went up or down past others."""
    if places[1:] == ordered[:-1]:
        return [0]
    if places[:-1] == ordered[1:]:
        return [len(places) - 1]
    return _outside_longest_run(places)


def _outside_longest_run(places: list[int]) -> list[int]:
    """Where the places outside one longest increasing subsequence are, by patience sorting with back links.

    O(n log n); Fredman, "On computing the length of longest increasing subsequences", 1975.
    """
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
    inside: set[int] = set()
    position = tail_at[-1]
    while position >= 0:
        inside.add(position)
        position = before[position]
    return [position for position in range(len(places)) if position not in inside]
