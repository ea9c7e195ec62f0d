"""Real market days through the whole chain, against a plain computation from the files."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import json
from pathlib import Path

import pytest

from gapscan.bus.snapshots import read_snapshot
from gapscan.market.sessions import session_times
from gapscan.protocol.messages import Row, Snapshot
from gapscan.ranking.copy import unranked
from gapscan.sim.clock import ManualClock
from gapscan.sim.market import Market
from gapscan.sim.replay import ReplaySource
from gapscan.sim.server import SimServer
from tests.support.nats import NatsServer
from tests.support.stack import Stack, running, until

pytestmark = [pytest.mark.realdata, pytest.mark.timeout(180)]

DAYS = [
    "2024-01-05", "2024-01-18", "2024-01-26", "2024-02-02", "2024-02-06", "2024-02-13",
    "2024-02-15", "2024-02-22", "2024-02-29", "2024-03-01", "2024-03-05", "2024-03-08",
]  # fmt: skip
SESSIONS_IN_BASELINE = 20


class Bar:
    def __init__(self, line: dict[str, str]) -> None:
        self.symbol = line["ticker"]
        self.open, self.high, self.low = (float(line[key]) for key in ("open", "high", "low"))
        self.close, self.volume = float(line["close"]), float(line["volume"])


class Files:
    """The flat files, read with nothing but the standard library."""

    def __init__(self, data: Path) -> None:
        self.root = data / "flatfiles" / "us_stocks_sip" / "day_aggs_v1"
        self.days = sorted(path.name.removesuffix(".csv.gz") for path in self.root.glob("*/*/*.csv.gz"))

    def bars(self, day: str) -> dict[str, Bar]:
        year, month, _ = day.split("-")
        with gzip.open(self.root / year / month / f"{day}.csv.gz", "rt") as file:
            return {line["ticker"]: Bar(line) for line in csv.DictReader(file)}

    def before(self, day: str, count: int) -> list[str]:
        at = self.days.index(day)
        return self.days[max(0, at - count) : at]

    def average_volumes(self, day: str) -> dict[str, float]:
        volumes: dict[str, list[float]] = {}
        for earlier in self.before(day, SESSIONS_IN_BASELINE):
            for bar in self.bars(earlier).values():
                volumes.setdefault(bar.symbol, []).append(bar.volume)
        return {symbol: sum(values) / len(values) for symbol, values in volumes.items()}


def share_traded_after_the_close(data: Path) -> float:
    """The share of a day's volume that has traded at 16:01, by the measured profile.

    The half hour from 16:00 holds the closing auction; beyond it, it is as quiet as the next one.
    """
    profile = json.loads((data / "calibration.json").read_text())["volume_profile_ext_30min_pct_99tech"]
    by_bin = {entry["min_of_day"]: entry["pct"] for entry in profile}
    later = by_bin[990] + sum(share for minute, share in by_bin.items() if minute >= 990)
    return 1 - later / sum(by_bin.values())


def gap(bar: Bar, prev_close: float) -> float:
    return (bar.open - prev_close) / prev_close * 100


def change(bar: Bar, prev_close: float) -> float:
    return (bar.close - prev_close) / prev_close * 100


def shown(snapshot: Snapshot | None, *fields: str) -> list[tuple[object, ...]]:
    assert snapshot is not None
    return [tuple(row[field] for field in ("symbol", *fields)) for row in snapshot.rows]  # type: ignore[literal-required]


def prices(bar: Bar, prev_close: float) -> tuple[float, ...]:
    return tuple(round(value, 4) for value in (prev_close, bar.open, bar.high, bar.low, bar.close))


PRICES = ("prev_close", "open", "high", "low", "price", "volume")


async def follower_is_exact(stack: Stack, name: str, rows_at: dict[int, list[Row]]) -> None:
    """The follower's copy is what the snapshot holds, at the snapshot's sequence."""
    snapshot = await read_snapshot(stack.bus, name)
    assert snapshot is not None
    await until(lambda: snapshot.sequence in rows_at, f"the follower of {name}")
    assert rows_at[snapshot.sequence] == unranked(snapshot)


class TestRealDays:
    @pytest.mark.parametrize("day", DAYS)
    async def test_lists_of_the_day(self, day: str, data_dir: Path, nats_server: NatsServer) -> None:
        files = Files(data_dir)
        date = dt.date.fromisoformat(day)
        times = session_times(date)
        today, yesterday = files.bars(day), files.bars(files.before(day, 1)[0])
        clock = ManualClock(times.regular + 60_000)
        async with (
            SimServer(Market(ReplaySource(data_dir, date)), clock) as sim,
            running(sim, nats_server.url) as stack,
        ):
            await stack.load_reference()
            copies = await stack.enter_following(("gappers_up", "winners", "losers"))
            await self._after_the_open(stack, times.regular + 30 * 60_000, today, yesterday)
            await self._at_the_close(stack, times.post + 60_000, today, yesterday, files, day, data_dir)
            for name, rows_at in copies.items():
                await follower_is_exact(stack, name, rows_at)

    async def _after_the_open(self, stack: Stack, ms: int, today: dict[str, Bar], yesterday: dict[str, Bar]) -> None:
        """Half an hour into the session the gap is final; how much has traded by then only the market can say."""
        await stack.scan_at(ms)
        volumes = {ticker.ticker: max(ticker.day.v, ticker.min.av) for ticker in await stack.feed._rest.snapshot()}  # type: ignore[union-attr]
        expected = [
            (-gap(bar, yesterday[symbol].close), symbol, yesterday[symbol].close, bar.open)
            for symbol, bar in today.items()
            if symbol in yesterday
            and gap(bar, yesterday[symbol].close) >= 2
            and volumes[symbol] >= 100_000
            and bar.open >= 1
        ]
        assert expected
        rows = shown(await read_snapshot(stack.bus, "gappers_up"), "prev_close", "open", "gap_percent")
        assert rows == [
            (symbol, round(prev, 4), round(opened, 4), round(-percent, 2))
            for percent, symbol, prev, opened in sorted(expected)[:200]
        ]

    async def _at_the_close(
        self, stack: Stack, ms: int, today: dict[str, Bar], yesterday: dict[str, Bar],
        files: Files, day: str, data: Path,
    ) -> None:  # fmt: skip
        before = {
            name: {row["symbol"] for row in (await read_snapshot(stack.bus, name)).rows}  # type: ignore[union-attr]
            for name in ("winners", "losers")
        }
        await stack.scan_at(ms)
        averages, share = files.average_volumes(day), share_traded_after_the_close(data)
        for name, sign in (("winners", 1), ("losers", -1)):
            expected = []
            for symbol, bar in today.items():
                usual = averages.get(symbol, 0.0) * share
                if symbol not in yesterday or usual < 1000:
                    continue
                prev = yesterday[symbol].close
                percent, rvol = change(bar, prev), bar.volume / usual
                enters = sign * percent >= 5 and rvol >= 1.5 and bar.close >= 1
                stays = symbol in before[name] and sign * percent >= 4.5 and rvol >= 1.35 and bar.close >= 0.9
                if enters or stays:
                    values = prices(bar, prev)
                    expected.append((-sign * percent, symbol, values, round(bar.volume), round(percent, 2), rvol))
            expected.sort()
            rows = shown(await read_snapshot(stack.bus, name), *PRICES, "change_percent", "rvol")
            assert [row[:-1] for row in rows] == [
                (symbol, *values, volume, percent) for _, symbol, values, volume, percent, _ in expected[:200]
            ]
            assert [row[-1] for row in rows] == pytest.approx([entry[-1] for entry in expected[:200]], abs=0.006)
