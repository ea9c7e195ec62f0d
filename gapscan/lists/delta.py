"""Rows of a ranked list: deltas applied to them, and their checksum. `difference` makes the deltas.

A list is a sequence of rows with distinct symbols; a row's rank is its position, counted from 1. Rows are never
changed in place, so states may share them.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import compress
from operator import ne
from typing import Any, Final, cast

from gapscan.errors import DeltaError
from gapscan.protocol.messages import Add, Change, Fields, Remove, Rerank, Row, Update

Rows = Sequence[Row]


class RowList(list[Row]):
    """Rows with their symbols at hand. Never changed."""

    __slots__ = ("symbols",)

    def __init__(self, rows: Iterable[Row], symbols: list[str]) -> None:
        super().__init__(rows)
        self.symbols = symbols


class TrackedRows(Sequence[Row]):
    """Rows of a maker that knows by itself what changed between two states."""

    symbols: list[str]

    def rows_at(self, places: Sequence[int]) -> list[Row]:
        """Some of the rows; cheaper than one by one."""
        raise NotImplementedError

    def changes_from(self, old: Rows) -> list[Change] | None:
        """The difference to an older state of the same maker; None for any other."""
        raise NotImplementedError


_WITH_SYMBOLS: Final = (RowList, TrackedRows)


def symbols_of(rows: Iterable[Row]) -> list[str]:
    """The symbols of `rows`, in order; not to be changed."""
    return rows.symbols if isinstance(rows, _WITH_SYMBOLS) else [row["symbol"] for row in rows]


def checksum(rows: Iterable[Row]) -> int:
    """CRC-32 of the symbols in order, joined by a newline; 0 for an empty list."""
    return zlib.crc32("\n".join(symbols_of(rows)).encode())


def changed_fields(old: Row, new: Row) -> Fields:
    """The fields of `new` that differ from `old`; null for those that it lacks."""
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
