"""Where many lists differ from what they were, found in one go: they lie one behind the other in one array.

The differences are those that `difference.diff` finds for each list alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gapscan.lists.difference import NOWHERE, Difference
from gapscan.lists.subsequence import outside_longest_run

Places = NDArray[np.intp]
Versions = NDArray[np.int64]

_NONE: Final = np.zeros(0, np.intp)


def compare(
    came_from: Sequence[Places], old_sizes: Sequence[int], versions: tuple[Versions, Versions] | None = None
) -> list[Difference]:
    """The difference of each list.

    `came_from` says where in the old list each row of the new one was, NOWHERE for a new row. `versions` are those of
    the rows of all old lists, and of all new ones, one behind the other; without them no update is found.
    """
    sizes = np.array([len(places) for places in came_from])
    begins, old_begins = _begins(sizes), _begins(np.array(old_sizes))
    where = np.concatenate(came_from)
    (stays,) = (where != NOWHERE).nonzero()
    stayed = where[stays] + old_begins[:-1].repeat(sizes)[stays]
    gone = np.ones(old_begins[-1], np.bool_)
    gone[stayed] = False
    placed = np.ones(len(where), np.bool_)
    placed[stays] = _is_mover(stayed, (~gone).nonzero()[0])
    updated = _NONE if versions is None else stays[versions[1][stays] != versions[0][stayed]]
    parts = (
        *_split(gone.nonzero()[0], old_begins),
        *_split(placed.nonzero()[0], begins, where),
        *_split(updated, begins, where),
    )
    return [Difference(*part) for part in zip(*parts, strict=True)]


def _begins(sizes: Places) -> Places:
    """Where each of several lists begins, and where the last ends."""
    begins = np.zeros(len(sizes) + 1, np.intp)
    sizes.cumsum(out=begins[1:])
    return begins


def _split(at: Places, begins: Places, values: Places | None = None) -> Iterator[list[list[int]]]:
    """For each list, which of its places are in `at` (ascending), counted from its begin; and the values there."""
    cuts = at.searchsorted(begins)
    yield _cut(at - begins[:-1].repeat(cuts[1:] - cuts[:-1]), cuts)
    if values is not None:
        yield _cut(values[at], cuts)


def _cut(values: Places, cuts: Places) -> list[list[int]]:
    held = values.tolist()
    return [held[a:b] for a, b in pairwise(cuts.tolist())]


def _is_mover(places: Places, ordered: Places) -> NDArray[np.bool_]:
    """Which of the old places (distinct, in new order) lie outside one longest increasing subsequence.

    `ordered` are the same places, ascending. Where the highest place so far is the one that belongs there, all that
    came before stays before: the places fall into blocks that can be looked at alone, and most blocks of a real list
    hold one row. Of the others, most hold one row that went up or down past its neighbours: the block has one descent,
    at its end or at its beginning.
    """
    moved = np.zeros(len(places), np.bool_)
    (falls,) = (places[1:] < places[:-1]).nonzero()
    if not len(falls):
        return moved
    ends = np.concatenate([[0], (np.maximum.accumulate(places) == ordered).nonzero()[0] + 1])  # of block n - 1
    block_of = ends.searchsorted(falls, side="right")
    is_last = np.concatenate([block_of[1:] != block_of[:-1], [True]])  # of the falls in its block
    is_first = np.concatenate([[True], is_last[:-1]])
    blocks, fall = block_of[is_first], falls[is_first]
    single = is_last[is_first]
    begin, end = ends[blocks - 1], ends[blocks]
    went_down = single & (fall == begin)
    went_up = single & (fall == end - 2) & ~went_down
    moved[begin[went_down]] = moved[end[went_up] - 1] = True
    (tangled,) = (~(went_down | went_up)).nonzero()
    found: list[int] = []
    for start, stop in zip(begin[tangled].tolist(), end[tangled].tolist(), strict=True):
        found += [start + at for at in outside_longest_run(places[start:stop].tolist())]
    moved[found] = True
    return moved
