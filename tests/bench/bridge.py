"""What a browser sees: how long a bar takes to reach it through the real chain, and what a bad neighbour costs it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
from websockets.asyncio.client import ClientConnection, connect

from gapscan.bus.client import Bus
from gapscan.protocol.messages import Add, Delta, Row, Snapshot, Update
from gapscan.protocol.websocket import Lists
from gapscan.runtime import end
from gapscan.supervisor import ports
from tests.bench import fanout
from tests.bench.bus import with_server
from tests.bench.hot import (
    LIST,
    LONE_BARS,
    BarSource,
    cores_used,
    lone_bars,
    publish_market,
    ranker,
    service,
    spread_bars,
)
from tests.bench.registry import Benchmark, Figure, median, percentile
from tests.support.answers import decode_answer

ROUNDS = 4
PATIENCE = 30.0


class Watcher:
    """A WebSocket client that notes when each price that was sent shows."""

    def __init__(self, ws: ClientConnection) -> None:
        self.rows: Sequence[Row] = ()
        self.milliseconds: list[float] = []
        self.source: BarSource | None = None
        self.came = asyncio.Event()
        self._ws = ws

    async def watch(self) -> None:
        async for text in self._ws:
            now, message = time.perf_counter(), decode_answer(text)
            if isinstance(message, Lists) and not self.rows and LIST in [info.name for info in message.lists]:
                await self._ws.send(msgspec.json.encode({"action": "subscribe", "lists": [{"list": LIST}]}).decode())
            if isinstance(message, Snapshot) and message.rows:
                self.rows = message.rows
                self.came.set()
            if isinstance(message, Snapshot):
                self._note(now, [(row["symbol"], row.get("price")) for row in message.rows])
            elif isinstance(message, Delta):
                changes = [change for change in message.changes if isinstance(change, Add | Update)]
                self._note(now, [(change.symbol, change.data.get("price")) for change in changes])

    def _note(self, now: float, prices: list[tuple[str, float | None]]) -> None:
        for symbol, price in prices if self.source is not None else ():
            assert self.source is not None
            sent = self.source.sent.pop((symbol, price or 0.0), None)
            if sent is not None:
                self.milliseconds.append((now - sent) * 1000)


@asynccontextmanager
async def bridge(url: str) -> AsyncIterator[tuple[str, int]]:
    """A bridge as it is deployed; its WebSocket's URL and its process id."""
    port = ports.free_port()
    async with service("bridge", url, GAPSCAN_BRIDGE_PORT=str(port)) as process:
        await ports.listening(port, PATIENCE)
        yield f"ws://127.0.0.1:{port}/ws", process.pid


@asynccontextmanager
async def watching(url: str) -> AsyncIterator[Watcher]:
    async with connect(url, compression=None, proxy=None, max_size=None) as ws:
        watcher = Watcher(ws)
        task = asyncio.create_task(watcher.watch())
        try:
            async with asyncio.timeout(PATIENCE):
                await watcher.came.wait()
            yield watcher
        finally:
            await end(task)


async def _latency(bus: Bus, url: str) -> Sequence[Figure]:
    await publish_market(bus)
    async with ranker(url) as ranking, bridge(url) as (address, pid), watching(address) as watcher:
        lone = await lone_bars(bus, watcher, 0.25)
        with cores_used(ranking.pid, pid) as used:
            spread = await spread_bars(bus, watcher)
    return [
        Figure("bar to browser: 1,000 bars/s, ranker and bridge", 100 * used[0], "% of a core", 20),
        Figure("bar to browser: lone bar p50", median(lone), "ms", 4, f"{len(lone)} of {LONE_BARS} bars"),
        Figure("bar to browser: 1,000 bars/s p50", median(spread), "ms", 25, f"{len(spread)} prices shown"),
        Figure("bar to browser: 1,000 bars/s p99", percentile(spread, 0.99), "ms", 60),
    ]


def browser_latency() -> Sequence[Figure]:
    """A bar on NATS, through ranker and bridge, each a process of its own, to a WebSocket client."""
    return with_server(_latency)


def _delivery(*options: str) -> dict[str, float]:
    with fanout.bridge(10) as server:
        return server.load(500, "--timed", *options, seconds=5)


def never_reading() -> Sequence[Figure]:
    """500 clients alone and beside one that never reads, in turn, so that the difference stands beside the noise."""
    alone, beside = [], []
    for _ in range(ROUNDS):
        alone.append(_delivery())
        beside.append(_delivery("--never-reading", "1"))
    figures = []
    for key in ("p50", "p99"):
        before, after = ([result[key] for result in results] for results in (alone, beside))
        noise = max(before) - min(before)
        reference = f"alone {median(before):.1f} ms; runs alone differ by {noise:.1f} ms"
        goal = median(before) + noise
        figures.append(Figure(f"500 clients beside a never-reading one, {key}", median(after), "ms", goal, reference))
    return figures


BENCHMARKS: dict[str, Benchmark] = {"browser-latency": browser_latency, "never-reading": never_reading}
