"""Halts of a simulated day, from the provider's stream to NATS; what goes wrong on the way costs nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from gapscan.bus.client import Bus
from gapscan.bus.direct_get import get_last
from gapscan.config import Config
from gapscan.feed.discovery import Discovery
from gapscan.feed.live import LiveFeed
from gapscan.market.sessions import session_times
from gapscan.obs import Tally
from gapscan.polygon.provider import PolygonProvider, PolygonStream
from gapscan.polygon.supervisor import LinkOptions
from gapscan.polygon.topics import Topics
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import Halts
from gapscan.runtime import end
from gapscan.sim import SimServer
from tests.support.hot_set import Writer
from tests.support.nats import NatsServer
from tests.support.rig import DAY, QUICK, feed_on, market
from tests.support.stack import provider_on
from tests.support.until import until

PRE = session_times(DAY).pre
MINUTE_MS = 60_000
State = dict[str, tuple[str, int]]  # by symbol: the status, and since when


class Live(LiveFeed):
    """A live feed, the discovery beside it, and their counts."""

    def __init__(self, bus: Bus, config: Config, feed: Discovery, provider: PolygonProvider, tally: Tally) -> None:
        super().__init__(bus, config, feed, provider, tally)
        self.scan, self.tally = feed.scan, tally

    @property
    def topics(self) -> Topics:
        """What is wanted of the provider, and what it answered."""
        assert isinstance(self.link, PolygonStream)
        return self.link.supervisor.topics


@asynccontextmanager
async def running(bus: Bus, nats_server: NatsServer, sim: SimServer, **settings: Any) -> AsyncIterator[Live]:
    """A feed's live half and its halts, scanning when told to."""
    feed, config, tally = feed_on(bus, nats_server.url, sim, **settings)
    options = LinkOptions(**(QUICK | {"silence": 30.0}))
    live = Live(bus, config, feed, provider_on(sim, tally, link=options), tally)
    feed.on_scan = live.halts.observe_scan
    await feed.scan()
    task = asyncio.create_task(live.run())
    try:
        yield live
    finally:
        await end(task)


async def published(bus: Bus) -> State | None:
    """The last state on NATS, by symbol."""
    stored = await get_last(bus, names.DEFAULT.stream_halts, names.DEFAULT.feed_halts)
    if stored is None:
        return None
    halts = decode_as(Halts, stored.data)
    assert halts.simulated
    return dict(zip(halts.symbols, zip(halts.status, halts.time, strict=True), strict=True))


async def until_published(bus: Bus, wanted: State, what: str) -> None:
    seen: State | None = None

    async def is_wanted() -> bool:
        nonlocal seen
        seen = await published(bus)
        return seen == wanted

    await until(is_wanted, lambda: f"the {what}: {seen} instead of {wanted}")


@asynccontextmanager
async def before_a_halt() -> AsyncIterator[tuple[SimServer, str, int, int]]:
    """A market that stands still a second before its first halt; the halt, its symbol, and its times."""
    async with market(manual=True, symbols=600, start="09:31") as sim:
        halt = sim.market.halts[0]
        symbol = sim.market.symbols[halt.symbol]
        sim.clock.set(PRE + halt.start * MINUTE_MS - 1000)
        await until(lambda: sim.market.position >= 0, "the market")
        yield sim, symbol, PRE + halt.start * MINUTE_MS, PRE + halt.end * MINUTE_MS


async def until_live(live: Live, sim: SimServer) -> None:
    await until(lambda: live.report()["halts"] == "live", "the topic of the halts")
    await until(lambda: sim.market.recording, "the beginning of the stream")


async def halted(live: Live, sim: SimServer, symbol: str, stop: int) -> None:
    sim.clock.set(stop + 1000)
    await until(lambda: symbol in live.halts.book.halted, "the halt")


async def test_a_halt_and_its_end(bus: Bus, nats_server: NatsServer) -> None:
    async with before_a_halt() as (sim, symbol, stop, resume), running(bus, nats_server, sim) as live:
        await until_live(live, sim)
        await until_published(bus, {}, "state of the beginning day")
        await halted(live, sim, symbol, stop)
        await until_published(bus, {symbol: ("halted", stop)}, "halt")
        assert live.report()["halted"] == 1
        sim.clock.set(resume + 1000)
        await until_published(bus, {symbol: ("resumed", resume)}, "resumption")
        assert live.report()["halted"] == 0
        assert live.report()["link"]["topics"] == {"desired": 0, "confirmed": 0}
        assert live.tally.counts["resumptions_missed"] == 0


async def test_a_refused_topic_is_not_in_the_plan_and_costs_nothing(bus: Bus, nats_server: NatsServer) -> None:
    async with before_a_halt() as (sim, *_):
        sim.faults.set("ws_refused", topics=["LULD.*"])
        async with running(bus, nats_server, sim) as live:
            await Writer(bus).send("subscribe", *sim.market.symbols[:20])
            await until(lambda: live.report()["hot"]["confirmed"] == 20, "the bars' topics")
            await until(lambda: live.report()["halts"] == "not in the plan", "the refusal")
            await until(lambda: live.topics.refused["LULD.*"].tries >= 2, "asking again")
            link = live.report()["link"]
            assert (link["settled"], link["reconnects"], link["ledger"]) == (True, 0, [])
            assert link["refused"]["count"] == 0
            assert live.tally.counts["topics_refused"] == 0
            sim.faults.clear()
            await until_live(live, sim)


async def test_no_halts_unless_they_are_wanted(bus: Bus, nats_server: NatsServer) -> None:
    async with before_a_halt() as (sim, *_), running(bus, nats_server, sim, halts=False) as live:
        await until(lambda: live.report()["link"]["state"] == "live", "the link")
        await until_published(bus, {}, "an empty state")
        assert live.report()["halts"] == "off"
        assert not live.topics.wanted


async def test_a_feed_that_starts_again_knows_what_is_halted(bus: Bus, nats_server: NatsServer) -> None:
    async with before_a_halt() as (sim, symbol, stop, resume):
        async with running(bus, nats_server, sim) as live:
            await until_live(live, sim)
            await halted(live, sim, symbol, stop)
            await until_published(bus, {symbol: ("halted", stop)}, "halt")
        async with running(bus, nats_server, sim) as live:
            await until(lambda: live.halts.book.halted == {symbol}, "the stored halt")
            await until_live(live, sim)
            sim.clock.set(resume + 1000)
            await until_published(bus, {symbol: ("resumed", resume)}, "resumption")


async def test_a_resumption_while_the_feed_was_away_shows_in_a_scan(bus: Bus, nats_server: NatsServer) -> None:
    async with before_a_halt() as (sim, symbol, stop, resume):
        async with running(bus, nats_server, sim) as live:
            await until_live(live, sim)
            await halted(live, sim, symbol, stop)
            await until_published(bus, {symbol: ("halted", stop)}, "halt")
        sim.clock.set(resume + 30_000)
        async with running(bus, nats_server, sim) as live:
            await until(lambda: live.halts.book.halted == {symbol}, "the stored halt")
            await live.scan()
            await until_published(bus, {symbol: ("resumed", resume)}, "resumption")
            assert live.halts.book.halted == frozenset()


async def test_a_lost_resumption_shows_in_the_symbols_bars(bus: Bus, nats_server: NatsServer) -> None:
    async with before_a_halt() as (sim, symbol, stop, resume), running(bus, nats_server, sim) as live:
        await Writer(bus).send("subscribe", symbol)
        await until(lambda: live.report()["hot"]["confirmed"] == 1, "the bars' topic")
        await until_live(live, sim)
        await halted(live, sim, symbol, stop)
        sim.faults.set("ws_lost_subscribe", topics=["LULD.*"])
        sim.faults.set("ws_close", code=1000, count=1)
        await until(lambda: live.report()["link"]["reconnects"] == 1, "a fresh session")
        await until(lambda: live.report()["hot"]["confirmed"] == 1, "the bars' topic again")
        assert live.halts.book.halted == {symbol}
        sim.clock.set(resume + 10_000)
        await until(lambda: not live.halts.book.halted, "a bar after the halt")
        (time,) = live.halts.book.message(simulated=True).time
        assert resume <= time < resume + 10_000
        await until_published(bus, {symbol: ("resumed", time)}, "resumption")
        assert live.tally.counts["resumptions_missed"] >= 1


async def test_what_nats_lost_is_published_again(bus: Bus, nats_server: NatsServer) -> None:
    async with before_a_halt() as (sim, symbol, stop, _), running(bus, nats_server, sim) as live:
        await until_live(live, sim)
        await halted(live, sim, symbol, stop)
        await until_published(bus, {symbol: ("halted", stop)}, "halt")
        await bus.js.purge_stream(names.DEFAULT.stream_halts)
        assert await published(bus) is None
        await nats_server.restart()
        await until(lambda: bus.reconnects == 1, "the link")
        await until_published(bus, {symbol: ("halted", stop)}, "state")
