"""The least delta between two states of a list. Folding several deltas into one is `diff` between the two ends.

Where states differ is found for many lists in one go: they lie one behind the other in one array.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from gapscan.lists.delta import Rows, TrackedRows, changed_fields, symbols_of
from gapscan.lists.subsequence import is_mover
from gapscan.protocol.messages import Add, Change, Fields, Remove, Rerank, Row, Update

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


def diff(old: Rows, new: Rows) -> list[Change]:
    """The least changes that turn `old` into `new`, in the order in which a delta carries them.

    Removes come first, then adds and reranks by ascending rank, then updates. A row is reranked only when it
    lies outside a longest increasing subsequence of the rows that stay; where others merely moved around it,
    nothing is sent. A field that `new` lacks is sent as null.
    """
    if old is new:
        return []
    if isinstance(new, TrackedRows) and (known := new.changes_from(old)) is not None:
        return known
    before, after = symbols_of(old), symbols_of(new)
    if before == after:
        return _updates(old, new, range(len(after)))
    if len(set(after)) != len(after):
        raise ValueError("a list holds a symbol twice")
    was = dict(zip(before, range(len(before)), strict=True))
    came_from = [was.get(symbol, NOWHERE) for symbol in after]
    (difference,) = compare([np.array(came_from, np.intp)], [len(before)])
    return [*moves(difference, before, new), *_updates(old, new, came_from)]


def moves(difference: Difference, before: list[str], new: Rows) -> list[Change]:
    """Removes, then adds and reranks, of the difference between the list of the symbols `before` and `new`."""
    symbols = symbols_of(new)
    placed = list(zip(difference.placed, difference.placed_from, strict=True))
    added = iter(_rows_at(new, [at for at, was in placed if was == NOWHERE]))
    changes: list[Change] = [Remove(before[was]) for was in difference.removed]
    for at, was in placed:
        if was == NOWHERE:
            changes.append(Add(at + 1, symbols[at], _fields(next(added))))
        else:
            changes.append(Rerank(symbols[at], was + 1, at + 1))
    return changes


def _rows_at(rows: Rows, places: list[int]) -> list[Row]:
    return rows.rows_at(places) if isinstance(rows, TrackedRows) else [rows[place] for place in places]


def _updates(old: Rows, new: Rows, came_from: Iterable[int]) -> list[Change]:
    """Changed fields of the rows that stay. Rows that both states share are passed over by identity."""
    return [
        Update(rank, row["symbol"], changed)
        for rank, (was, row) in enumerate(zip(came_from, new, strict=True), 1)
        if was != NOWHERE and old[was] is not row and (changed := changed_fields(old[was], row))
    ]


def _fields(row: Row) -> Fields:
    data = dict(row)
    del data["symbol"]
    return cast(Fields, data)
