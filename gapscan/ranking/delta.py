"""Differences between two states of a ranked list: make them (diff), apply them, prove them (checksum).

A list is a sequence of rows with distinct symbols; a row's rank is its position, counted from 1. Rows are never
changed in place, so states may share them. Folding several deltas into one is `diff` between the two ends.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import compress, count
from operator import ne
from typing import Any, cast

from gapscan.errors import DeltaError
from gapscan.protocol.messages import Add, Change, Fields, Remove, Rerank, Row, Update

Rows = Sequence[Row]


# By the id of a row that is new: the row that it came from, and the fields in which it differs from that.
Origins = Mapping[int, tuple[Row, Fields]]
_UNKNOWN: Origins = {}


class RowList(list[Row]):
    """Rows with what their maker knows of them at hand, which `diff` need not find out again. Never changed."""

    __slots__ = ("origins", "symbols")

    def __init__(self, rows: Iterable[Row], symbols: list[str], origins: Origins = _UNKNOWN) -> None:
        super().__init__(rows)
        self.symbols = symbols
        self.origins = origins


def symbols_of(rows: Iterable[Row]) -> list[str]:
    """The symbols of `rows`, in order; not to be changed."""
    return rows.symbols if isinstance(rows, RowList) else [row["symbol"] for row in rows]


def checksum(rows: Iterable[Row]) -> int:
    """CRC-32 of the symbols in order, joined by a newline; 0 for an empty list."""
    return zlib.crc32("\n".join(symbols_of(rows)).encode())


def diff(old: Rows, new: Rows) -> list[Change]:
    """The least changes that turn `old` into `new`, in the order in which a delta carries them.

    Removes come first, then adds and reranks by ascending rank, then updates. A row is reranked only when it
    lies outside a longest increasing subsequence of the rows that stay; where others merely moved around it,
    nothing is sent. A field that `new` lacks is sent as null.
    """
    before, after = symbols_of(old), symbols_of(new)
    if before == after:
        return _updates(old, new, range(len(after)))
    was = dict(zip(before, range(len(before)), strict=True))
    came_from = list(map(was.get, after))
    return [*_removes(before, after), *_placed(new, came_from), *_updates(old, new, came_from)]


def _updates(old: Rows, new: Rows, came_from: Iterable[int | None]) -> list[Change]:
    """Changed fields of the rows that stay. Rows that both states share are passed over by identity."""
    origins = new.origins if isinstance(new, RowList) else _UNKNOWN
    return [
        Update(rank, row["symbol"], changed)
        for rank, (at, row) in enumerate(zip(came_from, new, strict=True), 1)
        if at is not None and old[at] is not row and (changed := _changed(old[at], row, origins))
    ]


def _removes(before: list[str], after: list[str]) -> list[Change]:
    arrived = set(after)
    if len(arrived) != len(after):
        raise ValueError("a list holds a symbol twice")
    return [Remove(symbol) for symbol in before if symbol not in arrived]


def _placed(new: Rows, came_from: list[int | None]) -> list[Change]:
    """Adds and reranks by ascending rank; `came_from` is where each row was, None for a new one."""
    moved = _movers([at for at in came_from if at is not None])
    placed: list[Change] = []
    for rank, at in enumerate(came_from, 1):
        if at is None:
            row = new[rank - 1]
            placed.append(Add(rank, row["symbol"], _fields(row)))
        elif at in moved:
            placed.append(Rerank(new[rank - 1]["symbol"], at + 1, rank))
    return placed


def _movers(places: list[int]) -> set[int]:
    """Which of the old places, given in new order, lie outside one longest increasing subsequence.

    Where the highest place so far is the one that belongs there, all that came before stays before: the places
    fall into blocks that can be looked at alone, and most blocks of a real list hold one row.
    """
    moved: set[int] = set()
    ordered = sorted(places)
    done = 0
    for begin in compress(count(), map(ne, places, ordered)):
        if begin >= done:
            done = _block_end(places, ordered, begin)
            moved |= _outside_longest_run(places[begin:done])
    return moved


def _block_end(places: list[int], ordered: list[int], begin: int) -> int:
    """The end of the block that begins at `begin`."""
    end, highest = begin + 1, places[begin]
    while highest != ordered[end - 1]:
        highest = max(highest, places[end])
        end += 1
    return end


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


def _fields(row: Row) -> Fields:
    data = dict(row)
    del data["symbol"]
    return cast(Fields, data)


def _changed(old: Row, new: Row, origins: Origins) -> Fields:
    origin = origins.get(id(new))
    if origin and origin[0] is old:
        return origin[1]
    before: Mapping[str, Any] = old
    after: Mapping[str, Any] = new
    if [*before] == [*after]:  # the same fields in the same order, as rows of one list mostly have
        return cast(Fields, dict(compress(after.items(), map(ne, before.values(), after.values()))))
    data = {name: value for name, value in after.items() if before.get(name) != value}
    data.update((name, None) for name, value in before.items() if value is not None and name not in after)
    return cast(Fields, data)


def apply(rows: Rows, changes: Sequence[Change]) -> list[Row]:
    """`rows` after `changes`, taken as one step: a new list that shares the rows nobody touched.

    Takes out every removed and reranked row, inserts the placed ones by ascending rank, merges the updates.
    Raises DeltaError when the changes do not fit these rows; `rows` is untouched then.
    """
    lifted, placed, updates = _sort_out(rows, changes)
    result = [row for row in rows if row["symbol"] not in lifted]
    for rank, row in placed:
        if rank > len(result) + 1:
            raise DeltaError(f"{row['symbol']} is placed at rank {rank}, past the end ({len(result)} rows)")
        result.insert(rank - 1, row)
    for update in updates:
        at = update.rank - 1
        if not 0 <= at < len(result) or result[at]["symbol"] != update.symbol:
            raise DeltaError(f"update of {update.symbol} at rank {update.rank}, but it is not there")
        result[at] = cast(Row, {**result[at], **update.data})
    return result


def _sort_out(rows: Rows, changes: Sequence[Change]) -> tuple[set[str], list[tuple[int, Row]], list[Update]]:
    """Which symbols are taken out, what is put where, and what is merged after that."""
    held = {row["symbol"]: rank for rank, row in enumerate(rows, 1)}
    lifted: set[str] = set()
    placed: list[tuple[int, Row]] = []
    updates: list[Update] = []
    for change in changes:
        match change:
            case Update():
                updates.append(change)
            case Remove(symbol):
                _lift(symbol, held.get(symbol), lifted)
            case Rerank(symbol, old_rank, new_rank):
                rank = _lift(symbol, held.get(symbol), lifted)
                if rank != old_rank:
                    raise DeltaError(f"rerank of {symbol} from rank {old_rank}, but it is at {rank}")
                placed.append((new_rank, rows[rank - 1]))
            case Add(rank, symbol, data):
                if symbol in held:
                    raise DeltaError(f"add of {symbol}, which is in the list already")
                held[symbol] = 0
                placed.append((rank, cast(Row, {"symbol": symbol, **data})))
    _check_order([rank for rank, _ in placed])
    return lifted, placed, updates


def _lift(symbol: str, rank: int | None, lifted: set[str]) -> int:
    if not rank or symbol in lifted:
        raise DeltaError(f"{symbol} is to be taken out, but it is not in the list")
    lifted.add(symbol)
    return rank


def _check_order(ranks: list[int]) -> None:
    if any(later <= earlier for earlier, later in zip([0, *ranks], ranks, strict=False)):
        raise DeltaError("adds and reranks are not in the order of their ranks")
