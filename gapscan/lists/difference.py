"""The least delta between two states of a list. Folding several deltas into one is `diff` between the two ends.

Without numpy, so that a client need not load it; `comparison` finds the same differences for many lists in one go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple, cast

from gapscan.lists.delta import Rows, TrackedRows, changed_fields, symbols_of
from gapscan.lists.subsequence import outside_longest_run
from gapscan.protocol.messages import Add, Change, Fields, Remove, Rerank, Row, Update

NOWHERE: Final = -1


class Difference(NamedTuple):
    """Places, counted from 0, of what differs between an old list and a new one."""

    removed: list[int]  # in the old list
    placed: list[int]  # in the new list, ascending: new rows, and those outside a longest increasing subsequence
    placed_from: list[int]  # where each of these was in the old list, NOWHERE for a new row
    updated: list[int]  # in the new list: rows that stayed and have another version
    updated_from: list[int]


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
    return [*moves(_moved(came_from, len(before)), before, new), *_updates(old, new, came_from)]


def _moved(came_from: list[int], old_size: int) -> Difference:
    """The difference between a list of `old_size` rows and one whose rows were there, or NOWHERE; without updates."""
    stays = [at for at, was in enumerate(came_from) if was != NOWHERE]
    stayed = [came_from[at] for at in stays]
    kept = set(stayed)
    removed = [place for place in range(old_size) if place not in kept]
    reranked = {stays[at] for at in outside_longest_run(stayed)}
    placed = [at for at, was in enumerate(came_from) if was == NOWHERE or at in reranked]
    return Difference(removed, placed, [came_from[at] for at in placed], [], [])


def moves(difference: Difference, before: list[str], new: Rows) -> list[Change]:
    """Removes, then adds and reranks, of the difference between the list of the symbols `before` and `new`."""
    changes: list[Change] = [Remove(before[was]) for was in difference.removed]
    if not difference.placed:
        return changes
    symbols = symbols_of(new)
    placed = list(zip(difference.placed, difference.placed_from, strict=True))
    added = iter(_rows_at(new, [at for at, was in placed if was == NOWHERE]))
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
