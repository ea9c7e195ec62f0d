"""Where two states of a list differ, found for many lists in one go: they lie one behind the other in one array."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gapscan.ranking.subsequence import is_mover

NOWHERE: Final = -1
Places = NDArray[np.intp]
Versions = NDArray[np.int64]


class Difference(NamedTuple):
    """Places, counted from 0, of what differs between an old list and a new one."""

    removed: list[int]  # in the old list
    placed: list[int]  # in the new list, ascending: new rows, and those outside a longest increasing subsequence
    placed_from: list[int]  # where each of these was in the old list, NOWHERE for a new row
    updated: list[int]  # in the new list: rows that stayed and have another version
    updated_from: list[int]


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
    placed[stays] = is_mover(stayed, np.flatnonzero(~gone))
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
