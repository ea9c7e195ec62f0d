"""The same five lists over a day of minutes as Polars and DuckDB compute them: without hysteresis, which they lack.

`python -m tests.bench.backtest_rivals ENGINE MINUTES DAILY DAY THREADS`, with two flat files, prints what it took.
"""

from __future__ import annotations

import datetime as dt
import os
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import msgspec
import numpy as np

from tests.bench.memory import peak_mb

REGULAR, POST, LENGTH = 330, 720, 960  # minutes from the beginning of pre-market
TOP: Final = 200
_NUMBERS: Final = ("volume", "open", "close", "high", "low")


def by_minute(day: dt.date) -> dict[str, np.ndarray]:
    """The thresholds' ramp, and the share of a usual day's volume, after each minute."""
    from gapscan.market.curve import share_traded
    from gapscan.market.sessions import MINUTE_MS, open_ramp, session_times

    times, minutes = session_times(day), np.arange(LENGTH)
    moments = times.pre + minutes.astype(np.float64) * MINUTE_MS
    regular = (minutes >= REGULAR) & (minutes < POST)
    return {
        "at": minutes.astype(np.int16),
        "ramp": np.array([open_ramp(int(moment), day) for moment in moments]),
        "share": np.where(regular, share_traded(times.regular, moments), np.nan),
    }


def pre_market(day: dt.date) -> int:
    """Its beginning, epoch ns."""
    from gapscan.market.sessions import NS_PER_MS, session_times

    return session_times(day).pre * NS_PER_MS


class Polars:
    """Bars become spans of minutes, and spans rows, one a minute and symbol."""

    def __init__(self, day: dt.date) -> None:
        import polars

        self._pl: Any = polars
        self._day = day

    def read(self, path: str) -> Any:
        """A flat file."""
        pl = self._pl
        types = {"ticker": pl.String, "window_start": pl.Int64} | dict.fromkeys(_NUMBERS, pl.Float64)
        return pl.read_csv(path, columns=list(types), schema_overrides=types)

    def state(self, bars: Any, daily: Any) -> Any:
        """What is known of each symbol after each minute."""
        pl, c = self._pl, self._pl.col
        start = pre_market(self._day)
        bars = (
            bars.lazy()
            .filter(c("volume") > 0)
            .with_columns(minute=((c("window_start") - start) // 60_000_000_000).cast(pl.Int16))
            .with_columns(regular=c("minute").is_between(REGULAR, POST - 1), opened=c("minute") >= REGULAR)
            .with_columns(
                turnover=c("volume") * (c("open") + c("high") + c("low") + c("close")) / 4,
                first=pl.when("regular").then("open"),
                ranged=pl.when(c("minute") < POST).then("high"),
            )
            .with_columns(
                c("volume").cum_sum().over("ticker"),
                c("turnover").cum_sum().over("ticker"),
                c("first").backward_fill().first().over("ticker", "regular"),
                c("ranged").cum_max().forward_fill().over("ticker", "opened"),
                until=c("minute").shift(-1, fill_value=LENGTH - 1).over("ticker"),
            )
            .with_columns(c("first").forward_fill().over("ticker"))
        )
        closes = daily.lazy().select("ticker", prev="close", average="volume").with_row_index("code")
        return (
            bars.join(closes, on="ticker", how="left", maintain_order="left")
            .select(
                "minute",
                "first",
                "ranged",
                "volume",
                "turnover",
                "prev",
                "average",
                price="close",
                ticker=c("code").cast(pl.UInt16),
                at=pl.int_ranges(c("minute") + 1, c("until") + 1, dtype=pl.Int16),
            )
            .explode("at", empty_as_null=False)
            .join(
                pl.LazyFrame(by_minute(self._day)).with_columns(c("share").fill_nan(None)),
                on="at",
                how="left",
                maintain_order="left",
            )
            .with_columns(
                dollars=c("turnover"),
                change=(c("price") / c("prev") - 1) * 100,
                gap=(pl.coalesce("first", "price") / c("prev") - 1) * 100,
                from_high=(c("price") / c("ranged") - 1) * 100,
                before=pl.when(c("ticker").shift(5) == c("ticker")).then(c("price").shift(5)),
                usual=c("average") * c("share"),
            )
            .with_columns(rvol=pl.when(c("usual") >= 1000).then(c("volume") / c("usual")))
        )

    def entries(self, bars: Any, daily: Any) -> int:
        """How many entries into the five lists there are."""
        pl, c = self._pl, self._pl.col
        priced, open_hours = c("price") >= 1, c("at") < POST
        none = c("rvol").is_null()
        much = none & (c("volume") >= 50_000) & (open_hours | (c("volume") >= c("average")))
        usual = c("rvol") >= 1.5 * c("ramp")
        idle = (c("at") - c("minute") - 1) <= pl.when(c("at") >= REGULAR).then(15).otherwise(60)
        gap = (c("gap") >= 2) & (c("volume") >= 50_000 + 50_000 * c("ramp")) & open_hours
        enough = (c("volume") >= 50_000 * (1 - c("ramp"))) & (usual | much)
        moves = (c("from_high") >= -1) & (c("change") >= 1) & (c("price") > c("turnover") / c("volume"))
        lists = {
            "gappers_up": (gap, "gap", True),
            "winners": ((c("change") >= 5) & enough, "change", True),
            "losers": ((c("change") <= -5) & enough, "change", False),
            "momentum_up": (moves & (c("volume") >= 100_000) & (usual | none) & idle & open_hours, "risen", True),
            "most_active": (c("dollars") >= 1_000_000, "dollars", True),
        }
        passes = {name: priced & where for name, (where, _, _) in lists.items()}
        state = (
            self.state(bars, daily)
            .select("ticker", "at", "gap", "change", "dollars", risen=c("price") / c("before"), **passes)
            .filter(pl.any_horizontal(*passes))
            .collect()
        )
        return sum(self._entries(state, c(name), c(key), falling) for name, (_, key, falling) in lists.items())

    def _entries(self, state: Any, where: Any, key: Any, falling: bool) -> int:
        c = self._pl.col
        top = (
            state.lazy()
            .filter(where)
            .select("ticker", "at", key=key)
            .sort("at", "key", descending=[False, falling], nulls_last=True)
            .group_by("at", maintain_order=True)
            .head(TOP)
            .sort("ticker", "at")
            .filter(((c("at") - c("at").shift(1).over("ticker")) == 1).fill_null(value=False).not_())
        )
        return int(top.select(self._pl.len()).collect().item())


class DuckDb:
    """The same as SQL."""

    def __init__(self, day: dt.date, threads: int) -> None:
        import duckdb

        self._db: Any = duckdb.connect(config={"threads": threads})
        self._day = day
        minutes = by_minute(day)
        self._db.execute("create table clock(moment smallint, ramp double, share double)")
        rows = zip(*(column.tolist() for column in minutes.values()), strict=True)
        self._db.executemany("insert into clock values (?, ?, ?)", [(a, r, None if s != s else s) for a, r, s in rows])

    def read(self, path: str) -> str:
        """A flat file, as a table; its name."""
        name = f"bars_{abs(hash(path))}"
        types = {"ticker": "VARCHAR", "window_start": "BIGINT"} | dict.fromkeys(_NUMBERS, "DOUBLE")
        columns = "{" + ", ".join(f"'{name}': '{kind}'" for name, kind in types.items()) + "}"
        self._db.execute(
            f"create table {name} as select {', '.join(types)} from read_csv('{path}', types={columns}, header=true)"
        )
        return name

    def entries(self, bars: str, daily: str) -> int:
        """How many entries into the five lists there are."""
        much = f"(rvol is null and volume >= 50000 and (moment < {POST} or volume >= average))"
        enough = f"volume >= 50000 * (1 - ramp) and (rvol >= 1.5 * ramp or {much})"
        moves = "from_high >= -1 and change >= 1 and price > dollars / volume and volume >= 100000"
        idle = f"moment - minute - 1 <= case when moment >= {REGULAR} then 15 else 60 end"
        lists = {
            "gappers_up": (f"gap >= 2 and volume >= 50000 + 50000 * ramp and moment < {POST}", "gap desc"),
            "winners": (f"change >= 5 and {enough}", "change desc"),
            "losers": (f"change <= -5 and {enough}", "change"),
            "momentum_up": (
                f"{moves} and (rvol >= 1.5 * ramp or rvol is null) and {idle} and moment < {POST}",
                "risen desc nulls last",
            ),
            "most_active": ("dollars >= 1000000", "dollars desc"),
        }
        passes = ", ".join(f"price >= 1 and {where} as {name}" for name, (where, _) in lists.items())
        self._db.execute(f"""
            create table state as
            with bars as (
              select *, ((window_start - {pre_market(self._day)}) // 60000000000)::smallint as minute,
                minute >= {REGULAR} and minute < {POST} as regular, minute >= {REGULAR} as opened
              from {bars} where volume > 0),
            sums as (
              select ticker, minute, close as price, sum(volume) over day as volume,
                sum(volume * (open + high + low + close) / 4) over day as dollars,
                arg_min(open, minute) filter (regular) over day as first,
                max(high) filter (minute < {POST}) over (partition by ticker, opened order by minute) as ranged,
                lead(minute, 1, {LENGTH - 1}) over day as until
              from bars window day as (partition by ticker order by minute)),
            closes as (
              select ticker, close as prev, volume as average, (row_number() over ())::smallint as code from {daily}),
            grid as (
              select sums.*, prev, average, code, unnest(range(minute + 1, until + 1))::smallint as moment
              from sums join closes using (ticker)),
            known as (
              select *, price / lag(price, 5) over (partition by code order by moment) as risen,
                (price / prev - 1) * 100 as change, (coalesce(first, price) / prev - 1) * 100 as gap,
                (price / ranged - 1) * 100 as from_high,
                case when average * share >= 1000 then volume / (average * share) end as rvol
              from grid join clock using (moment)),
            judged as (select code, moment, gap, change, dollars, risen, {passes} from known)
            select * from judged where {" or ".join(lists)}""")
        return sum(self._entries(name, key) for name, (_, key) in lists.items())

    def _entries(self, where: str, key: str) -> int:
        found = self._db.execute(f"""
            with top as (
              select code, moment from state where {where}
              qualify row_number() over (partition by moment order by {key}) <= {TOP})
            select count(*) from (
              select moment - lag(moment) over (partition by code order by moment) as step from top)
            where step is distinct from 1
            """).fetchone()
        return int(found[0])


def main(engine: str, minutes: str, daily: str, day: str, threads: str) -> None:
    """Time reading, and the entries after it: by the processor on one thread, by the clock on several."""
    os.environ["POLARS_MAX_THREADS"] = threads
    date = dt.date.fromisoformat(day)
    clock: Callable[[], float] = time.process_time if threads == "1" else time.perf_counter
    rival = Polars(date) if engine == "polars" else DuckDb(date, int(threads))
    pre_market(date)  # the calendar is loaded
    began = clock()
    bars, before = rival.read(minutes), rival.read(daily)
    read = clock()
    found = rival.entries(bars, before)
    seconds = {"read": read - began, "entries": clock() - read}
    memory = peak_mb()
    print(msgspec.json.encode(seconds | {"found": found, "memory": memory}).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
