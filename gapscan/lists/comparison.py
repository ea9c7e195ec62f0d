"""Where many lists differ from what they were, found in one go: they lie one behind the other in one array.

The differences are those that `difference.diff` finds for each list alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gapscan.lists.difference import NOWHERE, Difference
from gapscan.lists.subsequence import outside_longest_run

Places = NDArray[np.intp]
Versions = NDArray[np.int64]


def compare(
    came_from: Sequence[Places], old_sizes: Sequence[int], versions: tuple[Versions, Versions] | None = None
) -> list[Difference]:
    """The difference of each list.

    `came_from` says where in the old list each row of the new one was, NOWHERE for a new row. `versions` are those of
    the rows of all old lists, and of all new ones, one behind the other; without them no update is found.
    """
    begins, old_begins = _begins([len(places) for places in came_from]), _begins(old_sizes)
    where = np.concatenate(came_from)
    stays = where != NOWHERE
    stayed = (where + np.repeat(old_begins[:-1], np.diff(begins)))[stays]
    gone = np.ones(old_begins[-1], np.bool_)
    gone[stayed] = False
    placed, updated = ~stays, np.zeros(len(where), np.bool_)
    placed[stays] = _is_mover(stayed, np.flatnonzero(~gone))
    if versions is not None:
        old, new = versions
        updated[stays] = new[stays] != old[stayed]
    at_gone, at_placed, at_updated = np.flatnonzero(gone), np.flatnonzero(placed), np.flatnonzero(updated)
    within, old_within = _within(begins), _within(old_begins)
    parts = (
        _split(old_within, at_gone, old_begins),
        *(_split(values, at_placed, begins) for values in (within, where)),
        *(_split(values, at_updated, begins) for values in (within, where)),
    )
    return [Difference(*part) for part in zip(*parts, strict=True)]


def _begins(sizes: Sequence[int]) -> Places:
    """Where each of several lists begins, and where the last ends."""
    return np.cumsum([0, *sizes])


def _within(begins: Places) -> Places:
    """Every row's place in its list."""
    return np.arange(begins[-1]) - np.repeat(begins[:-1], np.diff(begins))


def _split(values: Places, at: Places, begins: Places) -> list[list[int]]:
    """For each list, the values at those of the places `at`, ascending, that are in it."""
    held, cuts = values[at].tolist(), np.searchsorted(at, begins).tolist()
    return [held[a:b] for a, b in pairwise(cuts)]


def _is_mover(places: Places, ordered: Places) -> NDArray[np.bool_]:
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
        found += [start + at for at in outside_longest_run(places[start:stop].tolist())]
    moved[found] = True
    return moved
