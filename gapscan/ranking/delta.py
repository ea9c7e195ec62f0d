"""Differences between two states of a ranked list: make them (diff), apply them, prove them (checksum).

A list is a sequence of rows with distinct symbols; a row's rank is its position, counted from 1. Rows are never
changed in place, so states may share them. Folding several deltas into one is `diff` between the two ends.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import compress
from operator import ne
from typing import Any, Final, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from gapscan.errors import DeltaError
from gapscan.protocol.messages import Add, Change, Fields, Remove, Rerank, Row, Update
from gapscan.ranking.subsequence import movers

Rows = Sequence[Row]


_NOWHERE: Final = -1

# By the id of a row made anew: the row that it came from, and the fields in which it differs from that.
News = Mapping[int, tuple[Row, Fields]]
_NO_NEWS: Final[News] = {}


class Maker:
    """Whoever makes states of lists out of one universe, in which each symbol has a place below `size`."""

    def __init__(self) -> None:
        self._rank: NDArray[np.intp] = np.zeros(0, np.intp)

    def grow(self, size: int) -> None:
        """Make room for `size` symbols."""
        self._rank = np.full(size, _NOWHERE, np.intp)

    def came_from(self, old: NDArray[np.intp], new: NDArray[np.intp]) -> NDArray[np.intp]:
        """Where in the places `old` each of the places `new` is, -1 for what is not there."""
        self._rank[old] = np.arange(len(old))
        ranks: NDArray[np.intp] = self._rank[new]
        self._rank[old] = _NOWHERE
        return ranks


class Origin(NamedTuple):
    """What the maker of a state knows of its rows: where the symbols are, how often each row was made, what is new."""

    maker: Maker
    places: NDArray[np.intp]
    versions: NDArray[np.int64]
    news: News


class RowList(list[Row]):
    """Rows with what their maker knows of them at hand, which `diff` need not find out again. Never changed."""

    __slots__ = ("origin", "symbols")

    def __init__(self, rows: Iterable[Row], symbols: list[str], origin: Origin | None = None) -> None:
        super().__init__(rows)
        self.symbols = symbols
        self.origin = origin


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
    if old is new:
        return []
    one, other = _origin(old), _origin(new)
    if one is not None and other is not None and one.maker is other.maker:
        return _diff_by_place(old, one, new, other)
    before, after = symbols_of(old), symbols_of(new)
    if before == after:
        return _updates(old, new, enumerate(range(len(after))), _NO_NEWS)
    if len(set(after)) != len(after):
        raise ValueError("a list holds a symbol twice")
    was = dict(zip(before, range(len(before)), strict=True))
    came_from = np.array([was.get(symbol, _NOWHERE) for symbol in after], np.intp)
    stayed = ((at, was) for at, was in enumerate(came_from.tolist()) if was != _NOWHERE)
    return [*_removes(before, came_from), *_placed(new, came_from), *_updates(old, new, stayed, _NO_NEWS)]


def _origin(rows: Rows) -> Origin | None:
    return rows.origin if isinstance(rows, RowList) else None


def _diff_by_place(old: Rows, before: Origin, new: Rows, after: Origin) -> list[Change]:
    """The same difference for two states of one maker, which knows without looking what is the same."""
    came_from = after.maker.came_from(before.places, after.places)
    stayed = np.flatnonzero(came_from != _NOWHERE)
    was = came_from[stayed]
    anew = after.versions[stayed] != before.versions[was]
    pairs = zip(stayed[anew].tolist(), was[anew].tolist(), strict=True)
    return [*_removes(symbols_of(old), came_from), *_placed(new, came_from), *_updates(old, new, pairs, after.news)]


def _updates(old: Rows, new: Rows, pairs: Iterable[tuple[int, int]], news: News) -> list[Change]:
    """Changed fields of rows that stay; `pairs` are where they are and where they were."""
    return [
        Update(at + 1, row["symbol"], changed)
        for at, was in pairs
        if old[was] is not (row := new[at]) and (changed := _changed(old[was], row, news))
    ]


def _removes(before: list[str], came_from: NDArray[np.intp]) -> list[Change]:
    gone = np.ones(len(before), np.bool_)
    gone[came_from[came_from != _NOWHERE]] = False
    return [Remove(before[was]) for was in np.flatnonzero(gone).tolist()]


def _placed(new: Rows, came_from: NDArray[np.intp]) -> list[Change]:
    """Adds and reranks by ascending rank; `came_from` is where each row was, -1 for a new one."""
    moved = movers(came_from[came_from != _NOWHERE])
    placed: list[Change] = []
    if not moved and (came_from != _NOWHERE).all():
        return placed
    for rank, was in enumerate(came_from.tolist(), 1):
        if was == _NOWHERE:
            row = new[rank - 1]
            placed.append(Add(rank, row["symbol"], _fields(row)))
        elif was in moved:
            placed.append(Rerank(new[rank - 1]["symbol"], was + 1, rank))
    return placed


def _fields(row: Row) -> Fields:
    data = dict(row)
    del data["symbol"]
    return cast(Fields, data)


def _changed(old: Row, new: Row, news: News) -> Fields:
    origin = news.get(id(new))
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
