"""Bytes on the wire when lists change as the synthetic market makes them change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import msgspec

from gapscan.lists.delta import checksum, symbols_of
from gapscan.lists.difference import diff
from gapscan.lists.state import ranked
from gapscan.market.scans import merge_reference, merge_scan
from gapscan.market.universe import Universe
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import Add, Change, Delta, Fields, Remove, Rerank, Row, Snapshot, Update
from gapscan.ranking.rows import RowState
from gapscan.ranking.scanner import Scanner
from gapscan.ranking.spec import shipped_lists
from tests.bench.registry import Benchmark, Figure
from tests.bench.workload import MOMENT, SyntheticMarket

STEPS = 30
States = Mapping[str, Sequence[Row]]


def states(step_ms: int) -> Iterator[States]:
    """All lists at moments `step_ms` apart, from an hour after the open on."""
    market, universe = SyntheticMarket(), Universe()
    merge_reference(universe, market.reference())
    scanner = Scanner(universe, shipped_lists())
    lists: dict[str, RowState] = {}
    for step in range(STEPS + 1):
        moment = MOMENT + step * step_ms
        for frame in market.frames(market.body_at(moment), moment):
            merge_scan(universe, frame)
        lists = scanner.scan(lists)
        yield lists


def delta_of(changes: list[Change], rows: Sequence[Row]) -> bytes:
    return encode(Delta("a_list", "k3f9", 916, MOMENT, changes, len(rows), checksum(rows)))


def naive(old: Sequence[Row], new: Sequence[Row]) -> list[Change]:
    """One rerank for each row whose ordinal is another, and whole rows where a field changed."""
    was = {symbol: (rank, row) for rank, (symbol, row) in enumerate(zip(symbols_of(old), old, strict=True), 1)}
    held = set(symbols_of(new))
    changes: list[Change] = [Remove(symbol) for symbol in was if symbol not in held]
    updates: list[Change] = []
    for rank, row in enumerate(new, 1):
        symbol, data = row["symbol"], whole(row)
        old_rank, before = was.get(symbol, (0, row))
        if not old_rank:
            changes.append(Add(rank, symbol, data))
        elif old_rank != rank:
            changes.append(Rerank(symbol, old_rank, rank))
        if before != row:
            updates.append(Update(rank, symbol, data))
    return [*changes, *updates]


def whole(row: Row) -> Fields:
    return msgspec.convert({name: value for name, value in row.items() if name != "symbol"}, Fields)


def sizes(old: Sequence[Row], new: Sequence[Row]) -> tuple[int, int, int]:
    """Bytes of the delta, of the naive delta, and of the full list."""
    full = encode(Snapshot("a_list", "k3f9", 917, MOMENT, ranked(new), checksum(new)))
    return len(delta_of(diff(old, new), new)), len(delta_of(naive(old, new), new)), len(full)


def mean_sizes(step_ms: int) -> dict[str, tuple[float, ...]]:
    """Of each list, the means over all steps."""
    moments = list(states(step_ms))
    return {
        name: tuple(
            sum(column) / STEPS
            for column in zip(*(sizes(old[name], new[name]) for old, new in pairwise(moments)), strict=True)
        )
        for name in moments[0]
    }


def figure_of(name: str, apart: str, means: tuple[float, ...], goal: float | None = None) -> Figure:
    delta, naive_delta, full = means
    compared = f"naive delta {naive_delta:,.0f}, full list {full:,.0f}"
    return Figure(f"{name}: delta of states {apart} apart, mean", delta, "bytes", goal, compared)


def delta_bytes() -> Sequence[Figure]:
    """In most_active every row trades every second; gappers_up is a list of the usual kind."""
    second, scan = mean_sizes(1_000), mean_sizes(30_000)
    return [
        figure_of("gappers_up", "1 s", second["gappers_up"], 1_300.0),
        figure_of("most_active", "1 s", second["most_active"]),
        figure_of("gappers_up", "30 s", scan["gappers_up"]),
        figure_of("most_active", "30 s", scan["most_active"]),
    ]


BENCHMARKS: dict[str, Benchmark] = {"bytes": delta_bytes}
