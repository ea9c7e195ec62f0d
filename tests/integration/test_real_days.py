"""Real market days through the whole chain, against a plain computation from the files."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import json
from pathlib import Path
from typing import NamedTuple

import pytest

from gapscan.bus.snapshots import read_snapshot
from gapscan.lists.state import unranked
from gapscan.market.sessions import session_times
from gapscan.protocol.messages import Row, Snapshot
from gapscan.sim.clock import ManualClock
from gapscan.sim.market import Market
from gapscan.sim.replay import ReplaySource
from gapscan.sim.server import SimServer
from gapscan.sim.source import Split
from tests.support.nats import NatsServer
from tests.support.stack import Stack, running
from tests.support.until import until

pytestmark = [pytest.mark.realdata, pytest.mark.timeout(180)]

DAYS = [
    "2024-01-05", "2024-01-18", "2024-01-26", "2024-02-02", "2024-02-06", "2024-02-13",
    "2024-02-15", "2024-02-22", "2024-02-29", "2024-03-01", "2024-03-05", "2024-03-08",
]  # fmt: skip
SESSIONS_IN_BASELINE = 20
FOLLOWED = ("gappers_up", "gappers_down", "winners", "losers", "reversals", "most_active", "high_volume")


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


def share_traded_in_the_first_half_hour(data: Path) -> float:
    """The share of a day's volume that has traded at 10:00, by the measured profile."""
    profile = json.loads((data / "calibration.json").read_text())["volume_profile_ext_30min_pct_99tech"]
    by_bin = {entry["min_of_day"]: entry["pct"] for entry in profile}
    return float(sum(share for minute, share in by_bin.items() if minute < 600) / sum(by_bin.values()))


def usual_volumes(averages: dict[str, float], share: float) -> dict[str, float]:
    """What has usually traded when that share of a day's volume has."""
    return {symbol: volume * share for symbol, volume in averages.items()}


def gap(bar: Bar, prev_close: float) -> float:
    return (bar.open - prev_close) / prev_close * 100


def change(bar: Bar, prev_close: float) -> float:
    return (bar.close - prev_close) / prev_close * 100


def shown(snapshot: Snapshot | None, *fields: str) -> list[tuple[object, ...]]:
    assert snapshot is not None
    return [tuple(row[field] for field in ("symbol", *fields)) for row in snapshot.rows]  # type: ignore[literal-required]


def prices(bar: Bar, prev_close: float) -> tuple[float, ...]:
    return tuple(round(value, 4) for value in (prev_close, bar.open, bar.high, bar.low, bar.close))


class Traded(NamedTuple):
    """What only the market can say in the midst of a day: a symbol's last price, and its volume so far."""

    price: float
    volume: float


async def traded(stack: Stack, since: int) -> dict[str, Traded]:
    """The symbols that traded since that moment: the others are in no list."""
    snapshot = await stack.provider.snapshot()
    columns = [snapshot.columns[name].tolist() for name in ("price", "volume", "price_time")]
    return {
        symbol: Traded(price, volume)
        for symbol, price, volume, time in zip(snapshot.symbols, *columns, strict=True)
        if time >= since
    }


def agree(shown: list[str], sure: dict[str, float], undecided: dict[str, float]) -> None:
    """The list shows all that is sure, some of what daily data does not decide, and nothing else; lowest key first."""
    ours = sure | {symbol: undecided[symbol] for symbol in shown if symbol in undecided}
    assert shown == sorted(ours, key=lambda symbol: (ours[symbol], symbol))[:200]


async def most_active_is_right(stack: Stack, today: dict[str, Bar], volumes: dict[str, float]) -> None:
    """The average price lies between the day's low and high: dollar volume is decided as far as these are apart."""
    rows = shown(await read_snapshot(stack.bus, "most_active"), "dollar_volume")
    dollars = {str(symbol): float(value) for symbol, value in rows}  # type: ignore[arg-type]
    assert list(dollars.values()) == sorted(dollars.values(), reverse=True)
    for symbol, value in dollars.items():
        bar, volume = today[symbol], volumes[symbol]
        lowest, highest = bar.low * volume * (1 - 1e-6) - 1, bar.high * volume * (1 + 1e-6) + 1
        assert lowest <= value <= highest, symbol
    least = 1_000_000.0 if len(rows) < 200 else min(dollars.values())
    assert least >= 900_000
    for symbol, bar in today.items():
        if bar.low * volumes.get(symbol, 0.0) > least * (1 + 1e-6) and bar.low >= 1:
            assert symbol in dollars, symbol


async def high_volume_is_right(
    stack: Stack, today: dict[str, Bar], volumes: dict[str, float], usual: dict[str, float]
) -> None:
    """Relative volume is decided, dollar volume as far as the day's low and high are not apart."""
    sure: dict[str, float] = {}
    undecided: dict[str, float] = {}
    for symbol, bar in today.items():
        volume, expected = volumes.get(symbol, 0.0), usual.get(symbol, 0.0)
        if expected < 1000 or bar.high < 0.9:
            continue
        rvol = volume / expected
        if rvol >= 2 and bar.low * volume >= 1_000_000 and bar.low >= 1:
            sure[symbol] = -rvol
        elif rvol >= 1.8 and bar.high * volume >= 900_000:
            undecided[symbol] = -rvol
    rows = shown(await read_snapshot(stack.bus, "high_volume"), "rvol")
    agree([str(symbol) for symbol, _ in rows], sure, undecided)
    assert [value for _, value in rows] == [
        pytest.approx(-(sure | undecided)[str(symbol)], abs=0.006) for symbol, _ in rows
    ]


async def much_of_a_usual_day_is_right(
    stack: Stack, today: dict[str, Bar], volumes: dict[str, float], averages: dict[str, float]
) -> None:
    """As `high_volume_is_right`, once nothing says what is usual by now."""
    sure: dict[str, float] = {}
    undecided: dict[str, float] = {}
    for symbol, bar in today.items():
        volume, times = volumes.get(symbol, 0.0), volumes.get(symbol, 0.0) / averages.get(symbol, float("inf"))
        if times >= 1.7 and bar.low * volume >= 1_000_000 and bar.low >= 1:
            sure[symbol] = -times
        elif times >= 1.7 and bar.high * volume >= 900_000 and bar.high >= 0.9:
            undecided[symbol] = -times
    rows = shown(await read_snapshot(stack.bus, "high_volume"), "rvol")
    agree([str(symbol) for symbol, _ in rows], sure, undecided)
    assert all(value is None for _, value in rows)


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
            copies = await stack.enter_following(FOLLOWED)
            averages = files.average_volumes(day)
            usual = usual_volumes(averages, share_traded_in_the_first_half_hour(data_dir))
            await self._after_the_open(stack, times.regular + 30 * 60_000, today, yesterday, usual)
            await self._at_the_close(stack, times.post + 60_000, today, yesterday, averages)
            for name, rows_at in copies.items():
                await follower_is_exact(stack, name, rows_at)

    async def _after_the_open(
        self, stack: Stack, ms: int, today: dict[str, Bar], yesterday: dict[str, Bar], usual: dict[str, float]
    ) -> None:
        """Half an hour into the session the gap is final; what has traded by then only the market can say."""
        await stack.scan_at(ms)
        market = await traded(stack, ms - 30 * 60_000)
        volumes = {symbol: one.volume for symbol, one in market.items()}
        for name, sign in (("gappers_up", 1), ("gappers_down", -1)):
            sure: dict[str, float] = {}
            undecided: dict[str, float] = {}
            for symbol, bar in today.items():
                if symbol in yesterday and volumes.get(symbol, 0.0) >= 100_000:
                    percent, price = sign * gap(bar, yesterday[symbol].close), market[symbol].price
                    chosen = sure if percent >= 2 and price >= 1 else undecided if percent >= 2 and price >= 0.9 else {}
                    chosen[symbol] = -percent
            assert sure
            rows = shown(await read_snapshot(stack.bus, name), "prev_close", "open", "gap_percent")
            symbols = [str(row[0]) for row in rows]
            agree(symbols, sure, undecided)
            assert [row[1:] for row in rows] == [
                (
                    round(yesterday[symbol].close, 4),
                    round(today[symbol].open, 4),
                    round(gap(today[symbol], yesterday[symbol].close), 2),
                )
                for symbol in symbols
            ]
        await self._reversals(stack, today, yesterday, market)
        await most_active_is_right(stack, today, volumes)
        await high_volume_is_right(stack, today, volumes, usual)

    async def _reversals(
        self, stack: Stack, today: dict[str, Bar], yesterday: dict[str, Bar], market: dict[str, Traded]
    ) -> None:
        sure: dict[str, float] = {}
        undecided: dict[str, float] = {}
        for symbol, bar in today.items():
            if symbol in yesterday and symbol in market and market[symbol].price >= 0.9:
                gapped, price = gap(bar, yesterday[symbol].close), market[symbol].price
                moved = (price - bar.open) / bar.open * 100
                turned = min(abs(gapped) / 2, abs(moved)) if gapped * moved < 0 else 0.0
                chosen = sure if turned >= 1 and price >= 1 else undecided if turned >= 0.9 else {}
                chosen[symbol] = -(abs(gapped) + abs(moved))
        assert sure
        agree([str(row[0]) for row in shown(await read_snapshot(stack.bus, "reversals"))], sure, undecided)

    async def _at_the_close(
        self, stack: Stack, ms: int, today: dict[str, Bar], yesterday: dict[str, Bar], averages: dict[str, float]
    ) -> None:
        """Without curves there is no relative volume any more: a usual day's volume is asked for."""
        before = {
            name: {row["symbol"] for row in (await read_snapshot(stack.bus, name)).rows}  # type: ignore[union-attr]
            for name in ("winners", "losers")
        }
        await stack.scan_at(ms)
        volumes = {symbol: bar.volume for symbol, bar in today.items()}
        await most_active_is_right(stack, today, volumes)
        await much_of_a_usual_day_is_right(stack, today, volumes, averages)
        for name, sign in (("winners", 1), ("losers", -1)):
            expected = []
            for symbol, bar in today.items():
                if symbol not in yesterday or bar.volume < averages.get(symbol, float("inf")):
                    continue
                prev = yesterday[symbol].close
                percent = change(bar, prev)
                enters = sign * percent >= 5 and bar.volume >= 50_000 and bar.close >= 1
                stays = symbol in before[name] and sign * percent >= 4.5 and bar.volume >= 45_000 and bar.close >= 0.9
                if enters or stays:
                    values = prices(bar, prev)
                    expected.append((-sign * percent, symbol, values, round(bar.volume), round(percent, 2)))
            expected.sort()
            rows = shown(await read_snapshot(stack.bus, name), *PRICES, "change_percent", "rvol")
            assert rows == [
                (symbol, *values, volume, percent, None) for _, symbol, values, volume, percent in expected[:200]
            ]


class SplitSource(ReplaySource):
    """Real days on which some symbols are said to have split, two for one."""

    said: tuple[str, ...] = ()

    def splits(self, first: dt.date, last: dt.date) -> list[Split]:
        if not first <= self.start_date <= last:
            return []
        return [Split(self.symbols.index(symbol), self.start_date, 1, 2) for symbol in self.said]


@pytest.mark.parametrize("day", ["2024-02-13", "2024-03-08"])
async def test_who_split_is_measured_in_shares_of_today(day: str, data_dir: Path, nats_server: NatsServer) -> None:
    """The symbols that jumped most, against half of their close."""
    files, date = Files(data_dir), dt.date.fromisoformat(day)
    times = session_times(date)
    today, yesterday = files.bars(day), files.bars(files.before(day, 1)[0])
    liquid = [s for s, bar in today.items() if s in yesterday and bar.volume > 5_000_000 and bar.low > 2]
    jumps = sorted(liquid, key=lambda symbol: gap(today[symbol], yesterday[symbol].close))
    source = SplitSource(data_dir, date)
    source.said = (jumps[0], jumps[-1])
    clock = ManualClock(times.regular + 60_000)
    async with SimServer(Market(source), clock) as sim, running(sim, nats_server.url) as stack:
        await stack.load_reference()
        await stack.scan_at(times.regular + 60 * 60_000)
        listed = {name: await read_snapshot(stack.bus, name) for name in FOLLOWED}
        symbols = {name: {row[0] for row in shown(snapshot)} for name, snapshot in listed.items()}
        assert jumps[1] in symbols["gappers_down"]
        assert jumps[-2] in symbols["gappers_up"]
        universe = stack.universe
        at = universe.positions(list(source.said))
        halves = [yesterday[symbol].close / 2 for symbol in source.said]
        gaps = [gap(today[symbol], half) for symbol, half in zip(source.said, halves, strict=True)]
        assert universe.number("split_today")[at].tolist() == [1.0, 1.0]
        assert universe.number("prev_close")[at].tolist() == pytest.approx(halves, abs=1e-4)
        assert universe.number("gap_percent")[at].tolist() == pytest.approx(gaps, abs=0.1)
        for symbol, expected in zip(source.said, gaps, strict=True):
            assert (symbol in symbols["gappers_down"]) <= (expected < 0)
            assert (symbol in symbols["gappers_up"]) <= (expected > 0)
