"""Differences between two states of a ranked list: make them (diff), apply them, prove them (checksum).

A list is a sequence of rows with distinct symbols; a row's rank is its position, counted from 1. Rows are never
changed in place, so states may share them. Folding several deltas into one is `diff` between the two ends.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any, cast

from gapscan.errors import DeltaError
from gapscan.protocol.messages import Add, Change, Fields, Remove, Rerank, Row, Update

Rows = Sequence[Row]


def checksum(rows: Iterable[Row]) -> int:
    """CRC-32 of the symbols in order, joined by a newline; 0 for an empty list."""
    return zlib.crc32("\n".join([row["symbol"] for row in rows]).encode())


def diff(old: Rows, new: Rows) -> list[Change]:
    """The least changes that turn `old` into `new`, in the order in which a delta carries them.

    Removes come first, then adds and reranks by ascending rank, then updates. A row is reranked only when it
    lies outside a longest increasing subsequence of the rows that stay; where others merely moved around it,
    nothing is sent. A field that `new` lacks is sent as null.
    """
    before = [row["symbol"] for row in old]
    after = [row["symbol"] for row in new]
    was = dict(zip(before, range(1, len(before) + 1), strict=True))
    updates = _updates(old, new, was)
    return updates if before == after else [*_removes(before, after), *_placed(new, after, was), *updates]


def _updates(old: Rows, new: Rows, was: Mapping[str, int]) -> list[Change]:
    """Changed fields of the rows that stay. Rows that both states share are passed over by identity."""
    shared = set(map(id, old))
    updates: list[Change] = []
    for rank, row in enumerate(new, 1):
        if id(row) in shared or (old_rank := was.get(row["symbol"])) is None:
            continue
        if changed := _changed(old[old_rank - 1], row):
            updates.append(Update(rank, row["symbol"], changed))
    return updates


def _removes(before: list[str], after: list[str]) -> list[Change]:
    arrived = set(after)
    if len(arrived) != len(after):
        raise ValueError("a list holds a symbol twice")
    return [Remove(symbol) for symbol in before if symbol not in arrived]


def _placed(new: Rows, after: list[str], was: Mapping[str, int]) -> list[Change]:
    """Adds and reranks by ascending rank."""
    staying = [was[symbol] for symbol in after if symbol in was]
    moved = _movers(staying)
    placed: list[Change] = []
    for rank, symbol in enumerate(after, 1):
        old_rank = was.get(symbol)
        if old_rank is None:
            placed.append(Add(rank, symbol, _fields(new[rank - 1])))
        elif old_rank in moved:
            placed.append(Rerank(symbol, old_rank, rank))
    return placed


def _movers(ranks: list[int]) -> set[int]:
    """Which of the old ranks, given in new order, lie outside one longest increasing subsequence.

    Where the highest rank so far is the one that belongs there, all that came before stays before: the ranks
    fall into blocks that can be looked at alone, and most blocks of a real list hold one row.
    """
    moved: set[int] = set()
    begin = 0
    for end, (highest, belongs) in enumerate(zip(accumulate(ranks, max), sorted(ranks), strict=True), 1):
        if highest == belongs:
            if end - begin > 1:
                moved |= _outside_longest_run(ranks[begin:end])
            begin = end
    return moved


def _outside_longest_run(ranks: list[int]) -> set[int]:
    """The ranks outside one longest increasing subsequence, by patience sorting with back links.

    O(n log n); Fredman, "On computing the length of longest increasing subsequences", 1975.
    """
    tails: list[int] = []
    tail_at: list[int] = []
    before: list[int] = []
    for position, rank in enumerate(ranks):
        pile = bisect_left(tails, rank)
        before.append(tail_at[pile - 1] if pile else -1)
        tails[pile : pile + 1] = [rank]
        tail_at[pile : pile + 1] = [position]
    moved = set(ranks)
    position = tail_at[-1]
    while position >= 0:
        moved.discard(ranks[position])
        position = before[position]
    return moved


def _fields(row: Row) -> Fields:
    data = dict(row)
    del data["symbol"]
    return cast(Fields, data)


def _changed(old: Row, new: Row) -> Fields | None:
    if old == new:
        return None
    before: Mapping[str, Any] = old
    after: Mapping[str, Any] = new
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
        if at >= len(result) or result[at]["symbol"] != update.symbol:
            raise DeltaError(f"update of {update.symbol} at rank {update.rank}, but it is not there")
        result[at] = cast(Row, {**result[at], **update.data})
    return result


def _sort_out(
    rows: Rows, changes: Sequence[Change]
) -> tuple[set[str], list[tuple[int, Row]], list[Update]]:
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
    if any(later <= earlier for earlier, later in zip(ranks, ranks[1:], strict=False)):
        raise DeltaError("adds and reranks are not in the order of their ranks")
