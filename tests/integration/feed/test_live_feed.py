"""The live half as a whole: hot set in, bars out, in each mode; what it reports of itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from msgspec import structs
from nats.aio.msg import Msg

from gapscan.bus.client import Bus
from gapscan.config import SimSection
from gapscan.feed import service as feed_service
from gapscan.feed.live import LiveFeed
from gapscan.polygon.supervisor import LinkOptions
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import Bars, Trades
from gapscan.runtime import end
from gapscan.service.reporting import reporting
from gapscan.service.status import Hot, collect, collect_hot
from gapscan.sim import SimServer
from tests.support.hot_set import Writer
from tests.support.nats import NatsServer
from tests.support.rig import QUICK, feed_on, feed_report, market
from tests.support.stack import config_for, provider_on
from tests.support.until import until


class Listened(LiveFeed):
    """A live feed, and what it published."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.heard_bars: list[Bars] = []
        self.heard_trades: list[Trades] = []


@asynccontextmanager
async def running(bus: Bus, nats_server: NatsServer, sim: SimServer, **settings: Any) -> AsyncIterator[Listened]:
    """A live feed, and the messages that came of it."""
    feed, config, tally = feed_on(bus, nats_server.url, sim, **settings)
    await feed.scan()
    live = Listened(bus, config, feed, provider_on(sim, tally, link=LinkOptions(**QUICK)), tally)

    async def hear_bars(message: Msg) -> None:
        live.heard_bars.append(decode_as(Bars, message.data))

    async def hear_trades(message: Msg) -> None:
        live.heard_trades.append(decode_as(Trades, message.data))

    await bus.nc.subscribe(names.DEFAULT.feed_bars, cb=hear_bars)
    await bus.nc.subscribe(names.DEFAULT.feed_trades, cb=hear_trades)
    task = asyncio.create_task(live.run())
    try:
        yield live
    finally:
        await end(task)


async def test_hot_symbols_become_bars(bus: Bus, nats_server: NatsServer) -> None:
    writer = Writer(bus)
    async with market() as sim, running(bus, nats_server, sim) as live:
        hot = sim.market.symbols[:25]
        await writer.send("subscribe", *hot)
        await until(lambda: live.report()["hot"]["confirmed"] == 25, "all topics")
        await until(lambda: live.report()["hot"]["receiving"] >= 5, "bars of several symbols")
        report = live.report()
        assert report["hot"]["desired"] == 25
        assert report["link"]["state"] == "live"
        assert report["link"]["newest_bar"] > 0
        await until(lambda: len(live.heard_bars) > 3, "bars on NATS")
        bars = live.heard_bars
        assert all(message.simulated for message in bars)
        assert {symbol for message in bars for symbol in message.symbols} <= set(hot)
        assert all(e - s == 1000 for message in bars for s, e in zip(message.start, message.end, strict=True))
        await writer.send("unsubscribe", *hot[:20])
        await until(lambda: live.report()["link"]["topics"] == {"desired": 5, "confirmed": 5}, "fewer topics")
        assert live.report()["hot"]["confirmed"] == 5


async def test_all_symbols_and_trades_of_the_hot_ones(bus: Bus, nats_server: NatsServer) -> None:
    async with market() as sim, running(bus, nats_server, sim, mode="all", trades=True) as live:
        hot = sim.market.symbols[:25]
        await Writer(bus).send("subscribe", *hot)
        await until(lambda: live.report()["link"]["topics"]["confirmed"] == 26, "all topics")
        assert live.report()["hot"]["confirmed"] == 25
        await until(lambda: live.heard_trades, "trades")
        await until(lambda: {s for m in live.heard_bars for s in m.symbols} - set(hot), "bars of other symbols")
        assert {symbol for message in live.heard_trades for symbol in message.symbols} <= set(hot)


async def test_mode_off_opens_nothing(bus: Bus, nats_server: NatsServer) -> None:
    async with market() as sim, running(bus, nats_server, sim, mode="off") as live:
        await Writer(bus).send("subscribe", "A")
        await until(lambda: live.hot.symbols == {"A"}, "the hot set")
        assert sim.stats.stream.connections == 0
        assert live.report()["link"]["state"] == "off"
        assert live.report()["hot"]["desired"] == 0
        async with reporting(bus, "feed", live.report):
            assert await collect_hot(bus) == Hot(desired=0), "which `watch` asks for"
            assert (await collect(bus)).hot == Hot(desired=0), "which `status` shows"


async def test_the_silence_of_a_market_that_shows_itself_by_scans_is_no_fault(
    bus: Bus, nats_server: NatsServer
) -> None:
    async with market() as sim:
        feed, config, tally = feed_on(bus, nats_server.url, sim)
        await feed.scan()
        fast = structs.replace(config, sim=SimSection(speed=2_000.0, follow=True))
        for settings, expects in ((config, True), (fast, False)):
            live = LiveFeed(bus, settings, feed, provider_on(sim, tally), tally)
            assert live._is_open() is expects


async def test_bars_go_on_after_a_server_restart(bus: Bus, nats_server: NatsServer) -> None:
    writer = Writer(bus)
    async with market() as sim, running(bus, nats_server, sim) as live:
        await writer.send("subscribe", *sim.market.symbols[:25])
        await until(lambda: live.heard_bars, "bars")
        await nats_server.restart(0.1)
        await until(lambda: bus.reconnects == 1, "the link")
        live.heard_bars.clear()
        await until(lambda: live.heard_bars, "bars again")
        await writer.send("subscribe", sim.market.symbols[30])
        await until(lambda: live.report()["hot"]["confirmed"] == 26, "the new symbol")
        assert live.report()["link"]["reconnects"] == 0


async def test_the_service_runs_both_halves(bus: Bus, nats_server: NatsServer) -> None:
    async with market() as sim:
        stop = asyncio.Event()
        service = asyncio.create_task(feed_service.main(config_for(nats_server.url, sim), stop))
        await Writer(bus).send("subscribe", *sim.market.symbols[:25])
        report = await feed_report(bus, lambda said: said.get("hot", {}).get("confirmed") == 25 and said["last_scan"])
        assert report["link"]["state"] == "live"
        stop.set()
        await service
        assert not sim.sessions
