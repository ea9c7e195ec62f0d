"""Two feed processes on an account with one connection: the one that leads is killed, or frozen and woken again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from nats.aio.msg import Msg

from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.topology import Retention, ensure_shared
from gapscan.errors import BusError
from gapscan.protocol import names
from gapscan.protocol.codec import decode
from gapscan.protocol.messages import Bars, UniverseFrame
from gapscan.runtime import end
from gapscan.service.status import StatusReport, collect
from gapscan.sim import SimServer
from tests.support.hot_set import Writer
from tests.support.nats import NatsServer
from tests.support.processes import started
from tests.support.rig import KEY, market
from tests.support.until import until

pytestmark = pytest.mark.timeout(180)

LEASE = 2.0
SYMBOLS = 40
LATE_MS = 1_500  # of market time, which runs as wall time does: by so much bars of one feed may come in another order


class Pair:
    """The two feeds, what they publish, and what `gapscan status` says of them all the time."""

    def __init__(self, bus: Bus, sim: SimServer, processes: dict[str, asyncio.subprocess.Process]) -> None:
        self.sim = sim
        self.processes = processes
        self.bar_ends: list[int] = []
        self.scans: list[UniverseFrame] = []
        self.scanned_by: list[str] = []  # the connection that each scan came from
        self.problems: list[str] = []
        self.report: StatusReport | None = None
        self._bus = bus

    async def hear(self, message: Msg) -> None:
        said = decode(message.data)
        if isinstance(said, Bars):
            self.bar_ends.append(max(said.end))
        elif isinstance(said, UniverseFrame):
            self.scans.append(said)
            self.scanned_by.append(message.reply.rsplit(".", 1)[0])

    async def watch_status(self) -> None:
        while True:
            try:
                self.report = await collect(self._bus)
            except BusError:  # NATS is away
                self.report = None
                await asyncio.sleep(0.1)
                continue
            self.problems += [problem for problem in self.report.problems if "feed" in problem]

    def instance(self, name: str) -> dict[str, Any]:
        """What that feed says of itself; empty while it says nothing."""
        pid = self.processes[name].pid
        feeds = self.report.services["feed"].instances if self.report and "feed" in self.report.services else []
        return next((feed for feed in feeds if feed["pid"] == pid), {})

    def leads(self, name: str) -> bool:
        """Whether all hot symbols come live of it."""
        found = self.instance(name)
        return found.get("role") == "leader" and found["hot"]["confirmed"] == SYMBOLS and found["last_scan"] > 0

    def stands_by(self, name: str, leader: str) -> bool:
        found = self.instance(name)
        return found.get("role") == "standby" and found["leader"] == f"{leader}/feed"

    def settled(self, leader: str, standby: str) -> bool:
        """Whether the one leads, and the other knows it."""
        return self.leads(leader) and self.stands_by(standby, leader)

    def signal(self, name: str, number: int) -> None:
        os.kill(self.processes[name].pid, number)

    def bars_go_back(self) -> int:
        """By how many ms of market time a bar was older than one before it, at most."""
        newest, worst = 0, 0
        for ms in self.bar_ends:
            newest = max(newest, ms)
            worst = max(worst, newest - ms)
        return worst


def a_feed(nats: NatsServer, sim: SimServer, name: str) -> dict[str, str]:
    settings = {
        "NATS_URL": nats.url, "PROVIDER_REST_URL": sim.url, "PROVIDER_WEBSOCKET_HOST": sim.ws_feed,
        "PROVIDER_SECURE_WEBSOCKET": "false", "PROVIDER_SIMULATED": "true", "FEED_DISCOVERY_INTERVAL": "0.5",
        "FEED_DETAILS_PER_SECOND": "0", "FEED_BASELINE_SESSIONS": "1", "RANKER_LEASE": str(LEASE),
        "SERVICE_INSTANCE": name,
    }  # fmt: skip
    return {**os.environ, "POLYGON_API_KEY": KEY, **{f"GAPSCAN_{key}": value for key, value in settings.items()}}


@asynccontextmanager
async def pair(nats: NatsServer) -> AsyncIterator[Pair]:
    """`first` leads, `second` stands by; on a market that runs as a real one does."""
    command = (sys.executable, "-m", "gapscan.supervisor.run_service", "feed")
    async with (
        market(symbols=60, speed=1.0, kick="old") as sim,
        connect(BusOptions(nats.url), "test") as bus,
    ):
        await ensure_shared(bus, Retention())
        await Writer(bus).send("subscribe", *sim.market.symbols[:SYMBOLS])
        async with started(*command, env=a_feed(nats, sim, "first")) as first:
            processes = {"first": first}
            feeds = Pair(bus, sim, processes)
            for subject in (names.DEFAULT.feed_bars, names.DEFAULT.feed_universe):
                await bus.nc.subscribe(subject, cb=feeds.hear)
            watching = asyncio.create_task(feeds.watch_status())
            try:
                await until(lambda: feeds.leads("first"), "the first feed")
                async with started(*command, env=a_feed(nats, sim, "second")) as processes["second"]:
                    await until(lambda: feeds.stands_by("second", "first"), "the second one standing by")
                    feeds.problems.clear()  # before any feed ran there were some
                    yield feeds
            finally:
                await end(watching)


async def seconds_until(condition: Callable[[], Any], what: str) -> float:
    began = time.monotonic()
    await until(condition, what)
    return time.monotonic() - began


async def test_a_killed_feed_is_replaced_within_the_lease(nats_server: NatsServer) -> None:
    async with pair(nats_server) as feeds:
        feeds.signal("first", signal.SIGKILL)
        bars = len(feeds.bar_ends)
        took = await seconds_until(lambda: feeds.instance("second").get("role") == "leader", "the second one leading")
        await until(lambda: feeds.leads("second"), "its live half")
        await until(lambda: len(feeds.bar_ends) > bars, "bars")
        print(f"the second feed leads {took:.1f} s after the first was killed, with a lease of {LEASE:g} s")
        assert took < 3 * LEASE, "a lease to lapse, a third of it between two looks, and a busy machine"
        assert feeds.problems == []
        assert feeds.sim.stats.stream.rejected == 0, "a connection too many"


async def test_a_frozen_feed_is_replaced_and_says_nothing_when_it_wakes(nats_server: NatsServer) -> None:
    async with pair(nats_server) as feeds:
        zombie = feeds.scanned_by[-1]
        feeds.signal("first", signal.SIGSTOP)
        try:
            await until(lambda: feeds.leads("second"), "the second feed in its place")
            scans = len(feeds.scans)
            await until(lambda: len(feeds.scans) > scans + 2, "its scans")
            rejected, at = feeds.sim.stats.stream.rejected, len(feeds.scans)
        finally:
            feeds.signal("first", signal.SIGCONT)
        assert rejected == 1, "the provider closed the connection of the frozen one"
        await until(lambda: feeds.stands_by("first", "second"), "the first one standing by")
        await asyncio.sleep(2 * LEASE)
        assert zombie not in feeds.scanned_by[at:], "a scan of the feed that was frozen"
        assert feeds.bars_go_back() < LATE_MS, "bars of before the freeze"
        assert feeds.leads("second")
        assert feeds.sim.stats.stream.rejected == rejected, "the one that woke took the stream back"
        frames = [scan.frame for scan in feeds.scans]
        assert frames == sorted(frames)
        assert feeds.problems == []


async def test_a_feed_that_wakes_before_its_lease_is_over_goes_on(nats_server: NatsServer) -> None:
    async with pair(nats_server) as feeds:
        sessions = feeds.sim.stats.stream.connections
        feeds.signal("first", signal.SIGSTOP)
        await asyncio.sleep(LEASE / 4)
        feeds.signal("first", signal.SIGCONT)
        bars = len(feeds.bar_ends)
        await until(lambda: len(feeds.bar_ends) > bars + 3, "bars")
        await asyncio.sleep(LEASE)
        assert feeds.leads("first")
        assert feeds.stands_by("second", "first")
        assert feeds.sim.stats.stream.connections == sessions
        assert feeds.problems == []


async def test_a_feed_without_nats_keeps_the_stream_and_goes_on_with_it(nats_server: NatsServer) -> None:
    """Nobody can have taken over meanwhile. When NATS is back either may be first: the lease has lapsed."""
    async with pair(nats_server) as feeds:
        stats = feeds.sim.stats.stream
        sessions = stats.connections
        await nats_server.restart(2 * LEASE)
        bars = len(feeds.bar_ends)
        await until(lambda: len(feeds.bar_ends) > bars, "bars")
        await until(lambda: feeds.settled("first", "second") or feeds.settled("second", "first"), "a leading feed")
        assert stats.connections == sessions + (1 if feeds.leads("second") else 0), "who leads has the only session"
        await until(lambda: stats.open == 1, "the end of the other's session")
