"""The hot path: how long a bar takes to become a delta, and how many bars a second feed and ranker sustain."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Protocol

import psutil

from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.client.api import Follower
from gapscan.errors import UnknownListError
from gapscan.market.columns import packed
from gapscan.polygon import KEY_VARIABLE
from gapscan.protocol import names
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import Bars, Row
from gapscan.runtime import end
from gapscan.service.status import collect
from gapscan.supervisor import ports
from tests.bench.bus import with_server
from tests.bench.registry import Benchmark, Figure, median, percentile
from tests.bench.workload import MOMENT, RandomWalk
from tests.support.nats import NatsServer
from tests.support.processes import started
from tests.support.up import running_set

LIST = "most_active"
LONE_BARS = 60
SPREAD_SECONDS = 8
SPREAD_RATE = 1000  # bars a second
WINDOW_SECONDS = 15.0
LOAD_SPEED = 100.0
STARTS_WITHIN = 60.0
SETTLE_SECONDS = 45.0  # reference data and the details of the first hot symbols are loaded first
DETAILS_SECONDS = 60.0  # until the details of the first hot symbols are loaded


class BarSource:
    """Bars of listed symbols whose every price is new, and when each was sent."""

    def __init__(self, bus: Bus, rows: Sequence[Row]) -> None:
        self._bus = bus
        self._rows = rows
        self._dice = random.Random(1)
        self._began = time.perf_counter()
        self._end = MOMENT + 60_000
        self.sent: dict[tuple[str, float], float] = {}

    async def send(self, count: int) -> None:
        """One message with bars of `count` symbols. Market time goes on as time does."""
        passed = round((time.perf_counter() - self._began) * 1000)
        self._end = max(self._end + 1, MOMENT + 60_000 + passed)
        chosen = self._dice.sample(self._rows, count)
        symbols = [row["symbol"] for row in chosen]
        closes = [round((row["price"] or 1.0) * self._dice.uniform(0.9, 1.1), 4) for row in chosen]
        prices, none = packed(closes), packed([None] * count)
        times = [self._end - 1000] * count, [self._end] * count
        bars = Bars(True, symbols, *times, prices, prices, prices, prices, none, none, none, none)
        moment = time.perf_counter()
        for key in zip(symbols, closes, strict=True):
            self.sent[key] = moment
        await self._bus.nc.publish(names.DEFAULT.feed_bars, encode(bars))


class Arrivals:
    """When each price that was sent shows in the list."""

    def __init__(self, follower: Follower) -> None:
        self.rows: Sequence[Row] = ()
        self.milliseconds: list[float] = []
        self.source: BarSource | None = None
        self._follower = follower

    async def follow(self) -> None:
        async for view in self._follower.views():
            now = time.perf_counter()
            before = {id(row) for row in self.rows}
            for row in view.rows:
                if self.source is not None and id(row) not in before:
                    sent = self.source.sent.pop((row["symbol"], row["price"] or 0.0), None)
                    if sent is not None:
                        self.milliseconds.append((now - sent) * 1000)
            self.rows = view.rows


class RowVersion(Protocol):
    """Whoever watches the list, and notes how long each price of the source took to show in it."""

    rows: Sequence[Row]
    milliseconds: list[float]
    source: BarSource | None


async def lone_bars(bus: Bus, shown: RowVersion, pause: float) -> list[float]:
    """Milliseconds that single bars took, `pause` seconds apart."""
    source = shown.source = BarSource(bus, shown.rows[:100])
    for _ in range(LONE_BARS):
        await source.send(1)
        await asyncio.sleep(pause)
    lone, shown.milliseconds = shown.milliseconds, []
    return lone


async def spread_bars(bus: Bus, shown: RowVersion) -> list[float]:
    """Milliseconds that bars took of which SPREAD_RATE came a second. Market time goes on from bars before them."""
    source = shown.source = shown.source or BarSource(bus, shown.rows[:100])
    began = time.perf_counter()
    for number in range(SPREAD_SECONDS * SPREAD_RATE):
        await source.send(1)
        await asyncio.sleep(max(0.0, began + number / SPREAD_RATE - time.perf_counter()))
    await asyncio.sleep(0.5)
    return shown.milliseconds


@contextmanager
def cores_used(*pids: int) -> Iterator[list[float]]:
    """The cores that these processes use together meanwhile, in the list when it ends."""
    found: list[float] = []
    began, before = time.perf_counter(), _cpu_seconds(pids)
    yield found
    found.append((_cpu_seconds(pids) - before) / (time.perf_counter() - began))


def _cpu_seconds(pids: Sequence[int]) -> float:
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids)


async def publish_market(bus: Bus) -> None:
    """Reference data and one scan, as a feed tells them."""
    walk = RandomWalk()
    for frame in walk.reference_parts():
        await bus.js.publish(names.DEFAULT.feed_reference, encode(frame))
    for part in walk.scan_parts():
        await bus.js.publish(names.DEFAULT.feed_universe, encode(part))


def service(name: str, url: str, **settings: str) -> AbstractAsyncContextManager[asyncio.subprocess.Process]:
    """A service in a process of its own."""
    env = {**os.environ, "GAPSCAN_NATS_URL": url, "GAPSCAN_LOG_LEVEL": "error", **settings}
    return started(sys.executable, "-m", "gapscan.supervisor.run_service", name, env=env)


def ranker(url: str, budget: float | None = None) -> AbstractAsyncContextManager[asyncio.subprocess.Process]:
    """A ranker in a process of its own, with that share of a core, or the usual one."""
    return service("ranker", url, **{"GAPSCAN_RANKER_CPU_BUDGET": str(budget)} if budget else {})


@asynccontextmanager
async def arrivals(url: str) -> AsyncIterator[Arrivals]:
    async with connect(BusOptions(url), "bench follower") as link:
        while True:
            found = Arrivals(Follower(link, LIST))
            task = asyncio.create_task(found.follow())
            while not found.rows and not task.done():
                await asyncio.sleep(0.05)
            if not task.done():
                break
            assert isinstance(task.exception(), UnknownListError), task.exception()
        try:
            yield found
        finally:
            await end(task)


async def _latency(bus: Bus, url: str, budget: float) -> Sequence[Figure]:
    await publish_market(bus)
    async with ranker(url, budget) as process, arrivals(url) as found:
        lone = await lone_bars(bus, found, 0.25)
        with cores_used(process.pid) as used:
            spread = await spread_bars(bus, found)
    what, share = f"bar to delta, budget {budget * 100:.0f} %", f"ranker {used[0] * 100:.0f} % of a core"
    return [
        Figure(f"{what}: lone bar p50", median(lone), "ms", 6.0, f"{len(lone)} of {LONE_BARS} bars"),
        Figure(f"{what}: 1,000 bars/s p50", median(spread), "ms", None, f"{len(spread)} prices shown; {share}"),
        Figure(f"{what}: 1,000 bars/s p99", percentile(spread, 0.99), "ms"),
    ]


def bars() -> Sequence[Figure]:
    figures: list[Figure] = []
    for budget in (0.05, 0.12, 0.3):
        figures += with_server(partial(_latency, budget=budget))
    return figures


Processes = dict[str, int]  # their ids, by name


async def _shares(pids: Processes) -> dict[str, float]:
    """The share of a core (%) that each process takes."""
    processes = {name: psutil.Process(pid) for name, pid in pids.items()}
    before = {name: sum(process.cpu_times()[:2]) for name, process in processes.items()}
    began = time.perf_counter()
    await asyncio.sleep(WINDOW_SECONDS)
    seconds = time.perf_counter() - began
    return {name: (sum(p.cpu_times()[:2]) - before[name]) / seconds * 100 for name, p in processes.items()}


async def _under_load(
    what: str, services: AbstractAsyncContextManager[tuple[BusOptions, Processes]], goals: dict[str, float],
    settle: float,
) -> Sequence[Figure]:  # fmt: skip
    async with services as (options, pids):
        await asyncio.sleep(settle)
        async with connect(options, "bench") as bus:
            first = await collect(bus)
            shares = await _shares(pids)
            last = await collect(bus)
    feeds, rankers = (
        [report.services[name].instances[0]["counts"] for report in (first, last)] for name in ("feed", "ranker")
    )
    rate, taken = ((counts[1]["bars"] - counts[0]["bars"]) / WINDOW_SECONDS for counts in (feeds, rankers))
    rounds = (rankers[1]["cycles"] - rankers[0]["cycles"]) / WINDOW_SECONDS
    dropped = rankers[1].get("parts_dropped", 0) + feeds[1].get("frames_dropped", 0)
    behind = last.services["feed"].instances[0]["link"]["newest_bar_age"]
    figures = [
        Figure(f"{what}: bars from the provider", rate, "1/s", None, f"{dropped} messages dropped"),
        Figure(f"{what}: bars into the lists", taken, "1/s", None, f"newest bar {behind:.1f} s of market time old"),
        Figure(f"{what}: rank cycles", rounds, "1/s"),
    ]
    for name in ("feed", "ranker", "nats"):
        by_rate = f"{shares[name] / rate * 10_000:.1f} % per 10,000 bars/s"
        figures.append(Figure(f"{what}: {name}", shares[name], "% of a core", goals.get(name), by_rate))
    return figures


@asynccontextmanager
async def _as_up() -> AsyncIterator[tuple[BusOptions, Processes]]:
    """A whole set at the market's own speed."""
    with tempfile.TemporaryDirectory() as directory:
        async with running_set(Path(directory), symbols=11_000, start="10:30", speed=1) as running:
            yield running.nats, running.pids_by_name()


@asynccontextmanager
async def _flood() -> AsyncIterator[tuple[BusOptions, Processes]]:
    """What ranks every symbol of a market that goes LOAD_SPEED times as fast, and waits for nobody.

    One that waits for the ranker, as that of `gapscan up` does, shows itself by scans alone at such a speed. The ranker
    ranks ten times a second, whatever it costs: with a budget it would rank the more often, the less a round costs.
    """
    port = str(ports.free_port())
    host = f"127.0.0.1:{port}"
    settings = {
        "SIM_PORT": port, "SIM_SPEED": str(LOAD_SPEED), "SIM_SYMBOLS": "11000", "SIM_START": "10:00",
        "PROVIDER_SIMULATED": "true", "PROVIDER_REST_URL": f"http://{host}", "PROVIDER_WEBSOCKET_HOST": host,
        "PROVIDER_SECURE_WEBSOCKET": "false", "FEED_DISCOVERY_INTERVAL": "1", "FEED_MODE": "all", "FEED_CACHE_DIR": "",
        "RANKER_HOT_INTERVAL": "0.1", "RANKER_CPU_BUDGET": "0.01",
    }  # fmt: skip
    env = {f"GAPSCAN_{name}": value for name, value in settings.items()} | {KEY_VARIABLE: "x"}
    with tempfile.TemporaryDirectory() as directory:
        server = NatsServer(Path(directory))
        server.start()
        try:
            async with AsyncExitStack() as stack:
                pids = {"nats": server.pid}
                for name in ("sim", "feed", "ranker", "hot"):
                    pids[name] = (await stack.enter_async_context(service(name, server.url, **env))).pid
                    if name == "sim":
                        await ports.listening(int(port), STARTS_WITHIN)
                yield BusOptions(server.url), pids
        finally:
            server.close()


def load() -> Sequence[Figure]:
    """Every symbol hot, at about 10,000 bars a second."""
    goals = {"feed": 60.0, "ranker": 60.0}
    return asyncio.run(_under_load("every symbol hot", _flood(), goals, SETTLE_SECONDS))


def normal() -> Sequence[Figure]:
    """The hot set alone, at the market's own speed, once the companies' details are there; a scan every 5 s."""
    goals = {"ranker": 10.0}
    return asyncio.run(_under_load("normal market", _as_up(), goals, DETAILS_SECONDS))


BENCHMARKS: dict[str, Benchmark] = {"bars": bars, "load": load, "normal": normal}
