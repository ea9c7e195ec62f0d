"""What stands behind the page in a test: a list that is published for real, and a real bridge, killable."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

from gapscan.bridge.connection_gate import open_socket
from gapscan.bridge.http import serving
from gapscan.bridge.service import Bridge
from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.definitions import write_definition
from gapscan.bus.publisher import ListPublisher
from gapscan.bus.stage_times import Lateness
from gapscan.bus.topology import Retention, ensure_shared
from gapscan.config import BridgeSection, Config, NatsSection, RankerSection, ServiceSection
from gapscan.errors import BusError
from gapscan.protocol.messages import ListDefinition, Row, State
from gapscan.ranking.spec import shipped_lists
from gapscan.runtime import end
from gapscan.supervisor.ports import free_port
from tests.support.nats import NatsServer

LIST, OTHER = "gappers_up", "winners"
_BEAT_SECONDS = 0.25
OPENED = 1_795_357_800_000  # a market time: 2026-11-22 09:30 in New York


def some_row(symbol: str, price: float | None = 10.0, **fields: Any) -> Row:
    """A row with what the tests look at."""
    row: dict[str, Any] = {"symbol": symbol, "name": f"{symbol} Inc.", "price": price, "volume": 1000}
    return cast(Row, {**row, "gap_percent": 5.0, "stale": False, "source": "bar", **fields})


def shuffled(rows: Sequence[Row], dice: random.Random) -> list[Row]:
    """A few changes: rows move, change their price, leave and come."""
    rows = list(rows)
    for _ in range(dice.randint(1, 4)):
        if rows and dice.random() < 0.8:
            row = rows.pop(dice.randrange(len(rows)))
            if dice.random() < 0.8:
                moved = some_row(row["symbol"], dice.randint(100, 9999) / 100)
                rows.insert(dice.randint(0, len(rows)), moved)
        symbol = f"S{dice.randrange(60)}"
        if len(rows) < 40 and all(row["symbol"] != symbol for row in rows):
            rows.insert(dice.randint(0, len(rows)), some_row(symbol, dice.randint(100, 9999) / 100))
    return rows


class Feed:
    """Publishes one list and its heartbeats. `truth` has its rows at every sequence."""

    def __init__(self, bus: Bus, name: str) -> None:
        self.publisher = ListPublisher(bus, name)
        self.truth: dict[int, list[Row]] = {0: []}
        self.state: State = "live"
        self.lateness = Lateness()
        self.frozen = False
        self.beating = True
        self.rate = 1.0  # of market time to wall time
        self._as_of = float(OPENED)
        self._at = time.monotonic()

    def as_of(self) -> int:
        """Market time, which runs as long as it is not frozen."""
        now = time.monotonic()
        if not self.frozen:
            self._as_of += (now - self._at) * 1000 * self.rate
        self._at = now
        return int(self._as_of)

    def stand_at(self, time: int) -> None:
        """Market time stands still there."""
        self.frozen, self._as_of = True, float(time)

    async def publish(self, rows: Sequence[Row]) -> int:
        """Publish the list, waiting for NATS if need be. Returns its sequence."""
        self.truth[self.publisher.sequence + 1] = list(rows)
        async with asyncio.timeout(20):
            while True:
                with suppress(BusError):
                    await self.publisher.publish(rows, self.as_of())
                    return self.publisher.sequence
                await asyncio.sleep(0.05)

    async def shuffle(self, dice: random.Random, steps: int = 1, pause: float = 0.0) -> int:
        """Publish some random changes."""
        for _ in range(steps):
            await self.publish(shuffled(self.publisher.rows, dice))
            await asyncio.sleep(pause)
        return self.publisher.sequence

    async def keep_alive(self) -> None:
        """Heartbeats and snapshots, for ever."""
        while True:
            with suppress(BusError):
                if self.beating:
                    await self.publisher.heartbeat(self.state, self.as_of(), simulated=True, lateness=self.lateness)
                    await self.publisher.write_snapshot(simulated=True)
            await asyncio.sleep(_BEAT_SECONDS)


class Stage:
    """A bridge at `url`, the feeds behind it, and the switches of both."""

    def __init__(self, server: NatsServer, bus: Bus) -> None:
        self.nats = server
        self.feeds = {name: Feed(bus, name) for name in (LIST, OTHER)}
        self.port = free_port()
        self.own_lists = server.data.parent / "lists.toml"
        self.bus = bus
        self._serving: asyncio.Task[None] | None = None
        self._listening = asyncio.Event()
        self._stop = asyncio.Event()
        self._settings: dict[str, Any] = {}
        self._bridge: Bridge | None = None

    def stand_still(self) -> int:
        """Market time stands still at the next full minute, which this is."""
        time = (max(feed.as_of() for feed in self.feeds.values()) // 60_000 + 1) * 60_000
        for feed in self.feeds.values():
            feed.stand_at(time)
        return time

    @property
    def feed(self) -> Feed:
        """The list that the page shows first."""
        return self.feeds[LIST]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def config(self, **bridge: Any) -> Config:
        """The bridge's settings."""
        return Config(
            nats=NatsSection(url=self.nats.url),
            ranker=RankerSection(lists_file=str(self.own_lists)),
            bridge=BridgeSection(port=self.port, **bridge),
            service=ServiceSection(instance="test"),
        )

    async def prepare(self) -> None:
        """Define the lists; they are empty."""
        await ensure_shared(self.bus, Retention())
        shipped = {spec.name: spec for spec in shipped_lists().specs}
        for name, feed in self.feeds.items():
            await feed.publisher.recover(Retention())
            sort = ["-gap_percent"] if name == LIST else ["-change_percent"]
            columns = shipped[name].definition.columns
            definition = ListDefinition(name, f"About {name}.", "price > 0", sort, 200, ["regular"], columns=columns)
            await write_definition(self.bus, definition)

    async def reset(self) -> None:
        """Empty lists, live heartbeats, a bridge with usual settings."""
        self.own_lists.unlink(missing_ok=True)
        for feed in self.feeds.values():
            feed.state, feed.frozen, feed.beating = "live", False, True
            if feed.publisher.rows:
                await feed.publish([])
        if self._serving is None or self._settings:
            await self.close()
            await self.open()

    async def open(self, **bridge: Any) -> None:
        """Start a bridge."""
        self._settings = bridge
        self._stop, self._listening = asyncio.Event(), asyncio.Event()
        self._serving = asyncio.create_task(self._serve(self.config(**bridge)))
        await asyncio.wait_for(self._listening.wait(), 10)

    def clients(self) -> int:
        """How many clients the bridge has."""
        return len(self._bridge.bridge.sessions) if self._bridge else 0

    @property
    def counts(self) -> dict[str, int]:
        """What the bridge has counted."""
        return self._bridge.tally.counts if self._bridge else {}

    async def _serve(self, config: Config) -> None:
        bridge = self._bridge = Bridge(config)
        async with serving(open_socket("127.0.0.1", self.port), bridge.bridge, bridge.policy()):
            jobs = [asyncio.create_task(job) for job in (bridge.run(), bridge.bridge.run())]
            self._listening.set()
            await self._stop.wait()
            await end(*jobs)

    async def close(self) -> None:
        """Stop the bridge, as an operator does."""
        if self._serving is not None:
            self._stop.set()
            await self._serving
            self._serving = None


@asynccontextmanager
async def staged(server: NatsServer) -> AsyncIterator[Stage]:
    """Lists with live heartbeats behind a bridge."""
    async with connect(BusOptions(server.url), "test") as bus:
        stage = Stage(server, bus)
        await stage.prepare()
        beats = [asyncio.create_task(feed.keep_alive()) for feed in stage.feeds.values()]
        await stage.open()
        try:
            yield stage
        finally:
            await stage.close()
            await end(*beats)
