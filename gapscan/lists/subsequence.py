"""Which elements moved: those outside one longest increasing subsequence of their old places."""

from __future__ import annotations

from bisect import bisect_left


def outside_longest_run(places: list[int]) -> list[int]:
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
