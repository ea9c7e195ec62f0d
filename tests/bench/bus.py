"""Over a real nats-server: from a snapshot body to published deltas, and from a publish to a follower."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.publisher import ListPublisher
from gapscan.bus.topology import Retention, ensure_shared
from gapscan.client.api import Follower
from gapscan.market.scans import merge_reference, merge_scan
from gapscan.market.universe import Universe
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as, encode
from gapscan.protocol.messages import Row, UniverseFrame
from gapscan.ranking.scanner import Scanner
from gapscan.ranking.spec import shipped_lists
from gapscan.runtime import calm_collector, loop_factory
from tests.bench.registry import Benchmark, Figure, median, percentile
from tests.bench.workload import MOMENT, SyntheticMarket
from tests.support.nats import NatsServer

DISCOVERED = 13_200  # symbols of a market whose snapshot is of 6 MB
SCANS = 12
PUBLISHES = 500

Work = Callable[[Bus, str], Awaitable[Sequence[Figure]]]


def with_server(work: Work) -> Sequence[Figure]:
    """Run `work` as a service runs, on a connection to a fresh server, whose URL it is given, too."""

    async def run(url: str) -> Sequence[Figure]:
        async with connect(BusOptions(url), "bench") as bus:
            await ensure_shared(bus, Retention())
            return await work(bus, url)

    with tempfile.TemporaryDirectory() as directory:
        server = NatsServer(Path(directory))
        server.start()
        try:
            calm_collector()
            with asyncio.Runner(loop_factory=loop_factory()) as runner:
                return runner.run(run(server.url))
        finally:
            server.close()


class Discovery:
    """What feed and ranker do with a scan, one after the other in one process."""

    def __init__(self, bus: Bus, market: SyntheticMarket) -> None:
        self._bus = bus
        self._market = market
        self._universe = Universe()
        merge_reference(self._universe, market.reference())
        self._scanner = Scanner(self._universe, shipped_lists())
        self.publishers = [ListPublisher(bus, name) for name in shipped_lists().names]

    async def recover(self) -> None:
        for publisher in self.publishers:
            await publisher.recover(Retention())

    async def scan(self, body: bytes, ms: int) -> None:
        """Decode, publish as frames, decode those, rank, publish the deltas."""
        parts = []
        for frame in self._market.frames(body, ms):
            payload = encode(frame)
            await self._bus.js.publish(names.DEFAULT.feed_universe, payload)
            parts.append(decode_as(UniverseFrame, payload))
        merge_scan(self._universe, *parts)
        ranked = self._scanner.scan({p.name: p.rows for p in self.publishers})
        await asyncio.gather(*(p.publish(ranked[p.name], ms) for p in self.publishers if p.name in ranked))


async def _discovery(bus: Bus, url: str) -> Sequence[Figure]:
    market = SyntheticMarket(DISCOVERED)
    discovery = Discovery(bus, market)
    await discovery.recover()
    wall, cpu, size = [], [], 0
    for number in range(SCANS):
        ms = MOMENT + number * 30_000
        body = market.body_at(ms)
        size = len(body)
        began, began_cpu = time.perf_counter(), time.process_time()
        await discovery.scan(body, ms)
        wall.append((time.perf_counter() - began) * 1000)
        cpu.append((time.process_time() - began_cpu) * 1000)
    what = f"discovery: {size / 1e6:.1f} MB body to published deltas"
    deltas = sum(publisher.published for publisher in discovery.publishers)
    return [
        Figure(f"{what}: CPU median", median(cpu[1:]), "ms", 80.0, f"{deltas} deltas of {SCANS} scans"),
        Figure(f"{what}: wall median", median(wall[1:]), "ms"),
    ]


def discovery() -> Sequence[Figure]:
    return with_server(_discovery)


def _rows(number: int) -> list[Row]:
    """A list of 200 rows of which ten change and one moves with every number."""
    rows = [Row(symbol=f"S{at}", price=10.0 + (at % 20 == number % 20) * number) for at in range(200)]
    rows.insert(number % 199, rows.pop())
    return rows


async def _latency(bus: Bus, url: str) -> Sequence[Figure]:
    publisher = ListPublisher(bus, "latency")
    await publisher.recover(Retention())
    sent: dict[int, float] = {}
    taken: list[float] = []

    async def follow(ready: asyncio.Event) -> None:
        async with connect(BusOptions(url), "bench follower") as link:
            async for view in Follower(link, "latency").views():
                ready.set()
                if view.sequence in sent:
                    taken.append((time.perf_counter() - sent[view.sequence]) * 1000)
                if view.sequence == PUBLISHES:
                    return

    ready = asyncio.Event()
    following = asyncio.create_task(follow(ready))
    await ready.wait()
    for number in range(PUBLISHES):
        sent[publisher.sequence + 1] = time.perf_counter()
        await publisher.publish(_rows(number), MOMENT + number)
        await asyncio.sleep(0.005)
    await following
    return [
        Figure(
            "publish to follower: p50", median(taken), "ms", None, f"{len(taken)} of {PUBLISHES} deltas seen singly"
        ),
        Figure("publish to follower: p99", percentile(taken, 0.99), "ms"),
    ]


def latency() -> Sequence[Figure]:
    return with_server(_latency)


BENCHMARKS: dict[str, Benchmark] = {"discovery": discovery, "latency": latency}
