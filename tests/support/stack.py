"""The whole chain in one process, over real sockets: simulated market, feed, NATS, ranker; time moves when told."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.topology import ensure_shared
from gapscan.client.api import Follower
from gapscan.config import Config, FeedSection, NatsSection, ProviderSection, RankerSection
from gapscan.feed.discovery import Discovery
from gapscan.market.universe import Universe
from gapscan.obs import Tally, logger
from gapscan.polygon.library import Library
from gapscan.polygon.provider import PolygonProvider
from gapscan.polygon.rest import RETRIES
from gapscan.polygon.stream import StreamSettings
from gapscan.polygon.supervisor import LinkOptions
from gapscan.protocol.messages import Row
from gapscan.ranker.service import Ranker
from gapscan.ranker.term import Term
from gapscan.ranking.spec import ListSet, shipped_lists
from gapscan.runtime import end
from gapscan.service.connecting import retention
from gapscan.sim.clock import ManualClock
from gapscan.sim.market import Market
from gapscan.sim.server import SimServer
from gapscan.sim.synthetic import SyntheticSource
from tests.support.until import until

HEARTBEAT = 0.05


def config_for(nats_url: str, sim: SimServer, **feed: Any) -> Config:
    """Settings for a simulated market."""
    return Config(
        nats=NatsSection(url=nats_url),
        provider=ProviderSection(rest_url=sim.url, websocket_host=sim.ws_feed, secure_websocket=False, simulated=True),
        feed=FeedSection(**{"request_timeout": 5.0, **feed}),
        ranker=RankerSection(snapshot_interval=0.05, lease=1.0),
    )


def provider_on(
    sim: SimServer,
    tally: Tally,
    *,
    key: str = "key",
    library: Library = "polygon",
    timeout: float = 5.0,
    link: LinkOptions | None = None,
    ping: float = 2.0,
    retries: int = RETRIES,
    proxy: str | None = None,
) -> PolygonProvider:
    """The provider that the simulated market is."""
    stream = StreamSettings(host=sim.ws_feed, key=key, secure=False, ping=ping, proxy=proxy)
    return PolygonProvider(library, sim.url, stream, timeout, tally, link=link, retries=retries)


@dataclass
class Stack:
    """A running chain. Nothing scans by itself: call `scan`."""

    sim: SimServer
    bus: Bus
    provider: PolygonProvider
    feed: Discovery
    ranker: Ranker
    config: Config
    lists: ListSet
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    ranking: asyncio.Task[None] | None = None

    @property
    def term(self) -> Term:
        """The ranker's term: it leads."""
        assert self.ranker.term is not None
        return self.ranker.term

    @property
    def universe(self) -> Universe:
        """What the ranker knows of the market."""
        return self.term.universe

    def report(self) -> dict[str, Any]:
        """The ranker's own report."""
        return self.ranker.report()

    async def start_ranker(self) -> None:
        """Start the ranker, in place of the one that ran."""
        if self.ranking is not None:
            await end(self.ranking)
        self.ranker = Ranker(self.bus, self.config, self.lists, heartbeat=HEARTBEAT)
        self.ranking = asyncio.create_task(self.ranker.run())
        await until(lambda: self.report().get("waiting_for") in ("reference data", "a scan", ""), "leading")

    async def enter_following(self, lists: Sequence[str]) -> dict[str, dict[int, list[Row]]]:
        """Follow lists for as long as the stack runs: each list's rows at every sequence that its follower showed."""
        seen: dict[str, dict[int, list[Row]]] = {name: {} for name in lists}

        async def follow(name: str) -> None:
            async for view in Follower(self.bus, name).views():
                seen[name][view.sequence] = list(view.rows)

        self.tasks += [asyncio.create_task(follow(name)) for name in lists]
        await until(lambda: all(seen.values()), "the first views")
        return seen

    async def load_reference(self) -> None:
        """One scan to learn the day, then its reference data in whole."""
        await self.feed.scan()
        await until(lambda: self.feed.reference.complete, "the reference data")

    async def scan_at(self, ms: int) -> None:
        """Move the market to `ms`, scan it, and wait until it is ranked and published."""
        self.sim.clock.set(ms)
        before = self.report()["counts"].get("cycles", 0)
        await self.feed.scan()
        await until(lambda: self.report()["counts"].get("cycles", 0) > before, "a rank cycle")
        whole_second = ms // 1000 * 1000  # the provider's clock shows no fractions
        await until(lambda: self.report()["as_of"] >= whole_second, "the market time")
        await self.settled()

    async def settled(self) -> None:
        """Wait until all that is ranked is published and in the snapshots."""
        term = self.term
        await until(lambda: term.settled, "publishing")
        await until(lambda: all(p.snapshot_sequence == p.sequence for p in term.publishers.values()), "snapshots")


@asynccontextmanager
async def running(
    sim: SimServer, nats: str | BusOptions, lists: ListSet | None = None, **feed_settings: Any
) -> AsyncIterator[Stack]:
    """Feed (not scanning by itself) and ranker between `sim` and a NATS; `lists` are those that come with gapscan."""
    lists = lists or shipped_lists()
    options = BusOptions(nats) if isinstance(nats, str) else nats
    config = config_for(options.url, sim, **feed_settings)
    tally = Tally(logger("feed"))
    async with connect(options, "test") as bus:
        await ensure_shared(bus, retention(config))
        provider = provider_on(sim, tally)
        feed = Discovery(bus, provider, config, tally)
        ranker = Ranker(bus, config, lists, heartbeat=HEARTBEAT)
        stack = Stack(sim, bus, provider, feed, ranker, config, lists)
        stack.tasks += [asyncio.create_task(loader.run()) for loader in (feed.reference, feed.curves)]
        try:
            await stack.start_ranker()
            yield stack
        finally:
            await end(*stack.tasks, *([stack.ranking] if stack.ranking else []))


@asynccontextmanager
async def small_market(nats: str | BusOptions, day: dt.date, start: int, symbols: int) -> AsyncIterator[Stack]:
    """The chain on a synthetic market of `day` that begins at `start`, epoch ms, and stands until it is moved."""
    market = Market(SyntheticSource(day, 7, symbols))
    async with SimServer(market, ManualClock(start)) as sim, running(sim, nats) as stack:
        yield stack
