"""The twelve lists ranked again and again by Polars and DuckDB, beside our rank cycle.

`python -m tests.bench.rank_rivals ENGINE THREADS` prints what a cycle took, and who was in each list at the beginning.
They have less to do: rows of 14 numbers, rounded alike, and no memory of who was in. The state is at hand in memory as
they like it best; what differs from the cycle before is found by a join. Who is in the lists is compared at the
beginning, before ours have a memory. Perspective is left out: one of its views alone takes longer than our cycle.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec
import numpy as np

from gapscan.lists.delta import symbols_of
from gapscan.market.bars import merge_bars
from gapscan.market.curve import share_traded
from gapscan.market.sessions import session_times
from gapscan.runtime import calm_collector
from tests.bench.core import Cycles
from tests.bench.registry import Benchmark, Figure, median
from tests.bench.workload import DAY, RandomWalk, twelve_lists

CHANGED: Final = 1_000
_CYCLES, _ROUNDS, _TOP = 60, 3, 200
Columns = Mapping[str, np.ndarray]

# Each list's condition and what it is sorted by, as SQL that both understand.
_USUAL: Final = "(rvol >= 1.5 or (rvol is null and volume >= 50000))"
_LISTS: Final = {
    "gappers_up": ("gap >= 2 and volume >= 100000", "gap", True),
    "gappers_down": ("gap <= -2 and volume >= 100000", "gap", False),
    "winners": (f"change >= 5 and {_USUAL}", "change", True),
    "losers": (f"change <= -5 and {_USUAL}", "change", False),
    "most_active": ("dollars >= 1000000", "dollars", True),
    "near_high": (
        "from_high >= -1 and change >= 1 and price > vwap * 0.99 and volume >= 100000", "change", True
    ),
    "falling": ("change <= -1 and volume >= 100000", "change", False),
    "high_volume": ("rvol >= 2 and dollars >= 1000000", "rvol", True),
    "reversals": ("(gap >= 2 and from_open <= -1) or (gap <= -2 and from_open >= 1)", "swing", True),
    "mid_priced": ("price >= 5 and price <= 50 and age <= 120000", "rvol", True),
    "by_volume": ("change > 1", "volume", True),
    "by_price": ("exchange in ('XNAS', 'XNYS')", "price", True),
}  # fmt: skip
_METRICS: Final = {
    "change": "(price / prev - 1) * 100",
    "gap": "(open / prev - 1) * 100",
    "from_open": "(price / open - 1) * 100",
    "from_high": "(price / high - 1) * 100",
    "from_low": "(price / low - 1) * 100",
    "dollars": "volume * vwap",
    "rvol": "case when average * share >= 1000 then volume / (average * share) end",
    "swing": "abs((open / prev - 1) * 100) + abs((price / open - 1) * 100)",
    "age": "now - time",
}
_SHOWN: Final = (
    "price", "volume", "open", "high", "low", "prev", "vwap", "change", "gap", "from_open", "from_high", "from_low",
    "dollars", "rvol",
)  # fmt: skip


class Market:
    """The random walk as arrays: what engines keep, and the bars that they take in."""

    def __init__(self) -> None:
        self.walk = walk = RandomWalk()
        average = walk.universe.number("average_volume").copy()
        self._fixed = {"open": walk.open, "prev": walk.prev_close, "average": average}
        self.symbols, self.exchange = np.array(walk.symbols), np.full(len(walk.symbols), "XNAS")
        self._moving = {name: getattr(walk, name).copy() for name in ("price", "high", "low", "volume", "time")}

    @property
    def columns(self) -> Columns:
        """All numbers of all symbols."""
        return self._moving | {"vwap": self._moving["price"]} | self._fixed

    def trade(self) -> tuple[np.ndarray, Columns]:
        """Who has traded a second later, and what the new bars say."""
        at = self.walk.move(CHANGED)
        return at, {name: getattr(self.walk, name)[at] for name in self._moving}

    def take_in(self, at: np.ndarray, bars: Columns) -> None:
        """Merge bars: no engine merges a thousand rows as fast as this."""
        for name, values in bars.items():
            self._moving[name][at] = values

    @property
    def share(self) -> float:
        """Of a usual day's volume, what has traded by now."""
        return float(share_traded(session_times(DAY).regular, np.array([float(self.walk.as_of)]))[0])


class Engine(Protocol):
    """One of them."""

    def load(self, columns: Columns) -> None:
        """The columns are these from now on."""

    def rank(self, share: float, now: int) -> None:
        """Rank all lists, and find what is new, what is different, and what has left."""

    def members(self) -> dict[str, list[str]]:
        """Who is in each list."""


class Polars:
    """One lazy plan: the metrics once for all lists."""

    def __init__(self, market: Market) -> None:
        import polars

        self._pl: Any = polars
        self._symbols = polars.Series("symbol", market.symbols)
        self._exchange = polars.Series("exchange", market.exchange)
        self._before: Any = None
        self._state: Any = None

    def load(self, columns: Columns) -> None:
        self._state = self._pl.DataFrame(dict(columns)).with_columns(self._symbols, self._exchange)

    def rank(self, share: float, now: int) -> None:
        pl = self._pl
        state = self._state.lazy().with_columns(share=pl.lit(share), now=pl.lit(now)).filter(pl.col("price") >= 1)
        state = state.with_columns(pl.sql_expr(f"{how} as {name}") for name, how in _METRICS.items())
        lists = [
            (state.filter(pl.sql_expr(where)).top_k(_TOP, by=key) if falling
             else state.filter(pl.sql_expr(where)).bottom_k(_TOP, by=key))
            .sort(key, descending=falling)
            .select(pl.lit(number).alias("list"), "symbol", *(pl.col(name).round(4) for name in _SHOWN))
            .with_row_index("rank")
            for number, (where, key, falling) in enumerate(_LISTS.values())
        ]  # fmt: skip
        rows = pl.concat(pl.collect_all(lists))
        if self._before is not None:
            self._differences(rows, self._before)
        self._before = rows

    def _differences(self, rows: Any, before: Any) -> tuple[Any, Any]:
        pl, keys = self._pl, ["list", "symbol"]
        both = rows.join(before, on=keys, how="left", suffix="_before")
        differs = (pl.col(name).ne_missing(pl.col(f"{name}_before")) for name in ("rank", *_SHOWN))
        return both.filter(pl.any_horizontal(*differs)), before.join(rows, on=keys, how="anti")

    def members(self) -> dict[str, list[str]]:
        return {
            name: self._before.filter(self._pl.col("list") == number)["symbol"].to_list()
            for number, name in enumerate(_LISTS)
        }


class DuckDb:
    """One query for all lists, and one for the differences."""

    def __init__(self, market: Market, threads: int) -> None:
        import duckdb

        self._db: Any = duckdb.connect(config={"threads": threads})
        self._market = market
        self._has_before = False

    def load(self, columns: Columns) -> None:
        import pyarrow as pa

        table = pa.table(dict(columns) | {"symbol": self._market.symbols, "exchange": self._market.exchange})
        self._db.register("state", table)

    def rank(self, share: float, now: int) -> None:
        metrics = ", ".join(f"{how} as {name}" for name, how in _METRICS.items())
        shown = ", ".join(f"round({name}, 4) as {name}" for name in _SHOWN)
        lists = " union all ".join(
            f"(select {number} as list, row_number() over () as rank, symbol, {shown} from (select * from wide "
            f"where {where} order by {key}{' desc' if falling else ''} nulls last limit {_TOP}))"
            for number, (where, key, falling) in enumerate(_LISTS.values())
        )
        self._db.execute(
            f"create or replace temp table rows as with base as (select *, {share} as share, {now} as now from state "
            f"where price >= 1), wide as materialized (select *, {metrics} from base) {lists}"
        )
        if self._has_before:
            self._differences()
        self._db.execute("drop table if exists before; alter table rows rename to before")
        self._has_before = True

    def _differences(self) -> None:
        differs = " or ".join(f"n.{name} is distinct from b.{name}" for name in ("rank", *_SHOWN))
        self._db.execute(f"select n.* from rows n left join before b using (list, symbol) where {differs}").fetchnumpy()
        self._db.execute("select list, symbol from before anti join rows using (list, symbol)").fetchnumpy()

    def members(self) -> dict[str, list[str]]:
        found = self._db.execute("select list, symbol from before order by list, rank").fetchall()
        return {name: [symbol for at, symbol in found if at == number] for number, name in enumerate(_LISTS)}


def _cycles(market: Market, engine: Engine) -> dict[str, Any]:
    """Milliseconds a cycle, and with the bars merged."""
    engine.load(market.columns)
    engine.rank(market.share, market.walk.as_of)
    members, alone, merged = engine.members(), list[float](), list[float]()
    for _ in range(_CYCLES):
        at, bars = market.trade()
        share, now, began = market.share, market.walk.as_of, time.perf_counter()
        market.take_in(at, bars)
        engine.load(market.columns)
        loaded = time.perf_counter()
        engine.rank(share, now)
        alone.append(1000 * (time.perf_counter() - loaded))
        merged.append(1000 * (time.perf_counter() - began))
    return {"alone": median(alone), "merged": median(merged), "members": members}


def main(engine: str, threads: str) -> None:
    """Measure, and print."""
    os.environ["POLARS_MAX_THREADS"] = threads
    market = Market()
    made: Engine = Polars(market) if engine == "polars" else DuckDb(market, int(threads))
    print(msgspec.json.encode(_cycles(market, made)).decode())


def _ours() -> dict[str, Any]:
    calm_collector()
    cycles = Cycles(twelve_lists())
    members = {name: symbols_of(rows) for name, rows in cycles.published.items()}
    cycles.run(CHANGED, 10)
    alone, merged = list[float](), list[float]()
    for _ in range(_CYCLES):
        bars = cycles.walk.bars(cycles.walk.move(CHANGED))
        began = time.perf_counter()
        merge_bars(cycles.walk.universe, bars)
        loaded = time.perf_counter()
        cycles.cycle()
        alone.append(1000 * (time.perf_counter() - loaded))
        merged.append(1000 * (time.perf_counter() - began))
    return {"alone": median(alone), "merged": median(merged), "members": members}


def rank_rivals() -> Sequence[Figure]:
    """In turn, the least of a few rounds; of an engine with one thread and with two, whichever is faster."""
    runs: dict[str, Callable[[], dict[str, Any]]] = {"ours": _ours}
    runs |= {
        f"{engine} {threads}": lambda engine=engine, threads=threads: _of(engine, threads)  # type: ignore[misc]
        for engine in ("polars", "duckdb")
        for threads in ("1", "2")
    }
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in runs}
    for _ in range(_ROUNDS):
        for name, run in runs.items():
            found[name].append(run())
    for name, rounds in found.items():
        if any(one["members"] != found["ours"][0]["members"] for one in rounds):
            raise AssertionError(f"{name} has other symbols in the lists")
    least = {name: [min(one[what] for one in rounds) for what in ("alone", "merged")] for name, rounds in found.items()}
    return [*_figures("rank cycle", 0, 7.0, least), *_figures("rank cycle with the bars merged", 1, 5.0, least)]


def _of(engine: str, threads: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.rank_rivals", engine, threads]
    found: dict[str, Any] = msgspec.json.decode(subprocess.run(command, capture_output=True, check=True).stdout)
    return found


def _figures(what: str, number: int, goal: float, least: dict[str, list[float]]) -> list[Figure]:
    ours = least["ours"][number]
    figures = [Figure(f"{what}, 1,000 of 11,000 changed, 12 lists", ours, "ms")]
    for engine in ("polars", "duckdb"):
        theirs = min(least[f"{engine} {threads}"][number] for threads in ("1", "2"))
        figures.append(Figure(f"that, by {engine}", theirs / ours, "times", goal, f"{theirs:.1f} ms", lower_bound=True))
    return figures


BENCHMARKS: dict[str, Benchmark] = {"rank_rivals": rank_rivals}

if __name__ == "__main__":
    main(*sys.argv[1:])
