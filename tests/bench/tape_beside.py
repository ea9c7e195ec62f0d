"""What the tape costs others: the way of deltas with a recorder beside them."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
from nats.aio.msg import Msg

from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.tape import tape_info
from gapscan.bus.topology import Retention, ensure_shared
from gapscan.protocol import names
from gapscan.protocol.messages import Row
from tests.bench.page import Market
from tests.bench.registry import Benchmark, Figure, median, percentile
from tests.browser.stage import Feed
from tests.support.nats import NatsServer
from tests.support.processes import started

LISTS = 16
A_SECOND = 10  # deltas of each list
WINDOWS = 5  # of each kind
WINDOW_SECONDS = 8.0
CAUGHT_UP_SECONDS = 5.0  # after the start of a recorder


class TimedFeed(Feed):
    """A list, and how long each of its deltas was under way to a follower, ms."""

    def __init__(self, bus: Bus, name: str) -> None:
        super().__init__(bus, name)
        self.took: list[float] = []
        self._sent: dict[int, float] = {}

    async def publish(self, rows: Sequence[Row]) -> int:
        self.truth.clear()
        self._sent[self.publisher.sequence + 1] = time.perf_counter()
        return await super().publish(rows)

    async def hear(self, message: Msg) -> None:
        sent = self._sent.pop(int((message.headers or {})[names.HEADER_SEQUENCE]), None)
        if sent is not None:
            self.took.append((time.perf_counter() - sent) * 1000)


@asynccontextmanager
async def _recorder(url: str) -> AsyncIterator[psutil.Process]:
    """A recorder that has caught up."""
    command = (sys.executable, "-m", "gapscan_cli", "run", "recorder", "--nats", url)
    env = {**os.environ, "GAPSCAN_LOG_LEVEL": "error", "GAPSCAN_RANKER_LEASE": "1"}
    async with started(*command, env=env) as process:
        await asyncio.sleep(CAUGHT_UP_SECONDS)
        yield psutil.Process(process.pid)


async def _publish(feeds: Sequence[TimedFeed], markets: Sequence[Market], seconds: float) -> list[float]:
    """How long deltas of all lists took, ms."""
    for feed in feeds:
        feed.took.clear()
    due = time.monotonic()
    for step in range(int(seconds * A_SECOND)):
        for feed, market in zip(feeds, markets, strict=True):
            await feed.publish(market.step())
            if step % A_SECOND == 0:
                await feed.publisher.heartbeat("live", feed.as_of(), simulated=False)
        due += 1 / A_SECOND
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    return [each for feed in feeds for each in feed.took]


async def _feeds(bus: Bus) -> list[TimedFeed]:
    await ensure_shared(bus, Retention())
    feeds = [TimedFeed(bus, f"list_{number}") for number in range(LISTS)]
    for feed in feeds:
        await feed.publisher.recover(Retention())
        await bus.nc.subscribe(names.DEFAULT.live_subject(feed.publisher.name), cb=feed.hear)
    return feeds


async def _beside(server: NatsServer) -> list[Figure]:
    alone, beside, share = [], [], []
    async with connect(BusOptions(server.url), "bench") as bus:
        feeds = await _feeds(bus)
        markets = [Market(feed) for feed in feeds]
        await _publish(feeds, markets, 1.0)
        for feed in feeds:
            await feed.publisher.write_snapshot(simulated=False)
        for _ in range(WINDOWS):
            alone += await _publish(feeds, markets, WINDOW_SECONDS)
            async with _recorder(server.url) as process:
                await _publish(feeds, markets, 1.0)
                before, began = process.cpu_times(), time.monotonic()
                beside += await _publish(feeds, markets, WINDOW_SECONDS)
                after, lasted = process.cpu_times(), time.monotonic() - began
                share.append((after.user + after.system - before.user - before.system) / lasted * 100)
        info = await tape_info(bus, simulated=False)
        assert info is not None
        assert info.state.messages > LISTS * WINDOWS * WINDOW_SECONDS / 2, "it has recorded"
    what = f"{LISTS} lists of 200 rows, {A_SECOND}/s each"
    return [
        Figure(f"live: a delta's way to a follower, {what}, p50", median(alone), "ms"),
        Figure("live: the same with a recorder beside it, p50", median(beside), "ms"),
        Figure("live: with a recorder against without, p50", median(beside) / median(alone), "x", 1.1),
        Figure("live: a delta's way to a follower, p99", percentile(alone, 0.99), "ms"),
        Figure("live: the same with a recorder beside it, p99", percentile(beside, 0.99), "ms"),
        Figure("tape: recorder of these lists, share of a core", median(share), "%"),
    ]


def beside() -> Sequence[Figure]:
    """With and without a recorder in turn; about two minutes."""
    with tempfile.TemporaryDirectory() as directory:
        server = NatsServer(Path(directory))
        server.start()
        try:
            return asyncio.run(_beside(server))
        finally:
            server.close()


BENCHMARKS: dict[str, Benchmark] = {"tape_beside": beside}
