"""The live half as a whole: hot set in, bars out, in each mode; what it reports of itself."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress

import msgspec

from gapscan.bus.client import NATS_ERRORS
from gapscan.feed import service as feed_service
from gapscan.feed.live import LiveFeed
from gapscan.polygon.supervisor import LinkOptions
from gapscan.protocol import names
from gapscan.protocol.codec import decode
from gapscan.runtime import end
from gapscan.service.common import reporting
from gapscan.service.status import Hot, collect, collect_hot
from tests.integration.feed.rig import QUICK, feed_on, market
from tests.support.hot_set import Writer
from tests.support.stack import config_for, provider_on
from tests.support.until import until


@asynccontextmanager
async def running(bus, nats_server, sim, **settings):
    """A live feed, and the messages that came of it."""
    feed, config, tally = feed_on(bus, nats_server.url, sim, **settings)
    await feed.scan()
    live = LiveFeed(bus, config, feed, provider_on(sim, tally, link=LinkOptions(**QUICK)), tally)
    live.heard = []

    async def hear(message):
        live.heard.append(decode(message.data))

    for subject in (names.FEED_BARS, names.FEED_TRADES):
        await bus.nc.subscribe(subject, cb=hear)
    task = asyncio.create_task(live.run())
    try:
        yield live
    finally:
        await end(task)


def of(live, kind):
    return [message for message in live.heard if type(message).__name__ == kind]


async def test_hot_symbols_become_bars(bus, nats_server):
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
        await until(lambda: len(of(live, "Bars")) > 3, "bars on NATS")
        bars = of(live, "Bars")
        assert all(message.simulated for message in bars)
        assert {symbol for message in bars for symbol in message.symbols} <= set(hot)
        assert all(e - s == 1000 for message in bars for s, e in zip(message.start, message.end, strict=True))
        await writer.send("unsubscribe", *hot[:20])
        await until(lambda: live.report()["link"]["topics"] == {"desired": 5, "confirmed": 5}, "fewer topics")
        assert live.report()["hot"]["confirmed"] == 5


async def test_all_symbols_and_trades_of_the_hot_ones(bus, nats_server):
    async with market() as sim, running(bus, nats_server, sim, mode="all", trades=True) as live:
        hot = sim.market.symbols[:25]
        await Writer(bus).send("subscribe", *hot)
        await until(lambda: live.report()["link"]["topics"]["confirmed"] == 26, "all topics")
        assert live.report()["hot"]["confirmed"] == 25
        await until(lambda: of(live, "Trades"), "trades")
        await until(lambda: {s for m in of(live, "Bars") for s in m.symbols} - set(hot), "bars of other symbols")
        assert {symbol for message in of(live, "Trades") for symbol in message.symbols} <= set(hot)


async def test_mode_off_opens_nothing(bus, nats_server):
    async with market() as sim, running(bus, nats_server, sim, mode="off") as live:
        await Writer(bus).send("subscribe", "A")
        await until(lambda: live.hot.symbols == {"A"}, "the hot set")
        assert sim.stats.stream.connections == 0
        assert live.report()["link"]["state"] == "off"
        assert live.report()["hot"]["desired"] == 0
        async with reporting(bus, "feed", live.report):
            assert await collect_hot(bus) == Hot(desired=0), "which `watch` asks for"
            assert (await collect(bus)).hot == Hot(desired=0), "which `status` shows"


async def test_bars_go_on_after_a_server_restart(bus, nats_server):
    writer = Writer(bus)
    async with market() as sim, running(bus, nats_server, sim) as live:
        await writer.send("subscribe", *sim.market.symbols[:25])
        await until(lambda: of(live, "Bars"), "bars")
        await nats_server.restart(0.1)
        await until(lambda: bus.reconnects == 1, "the link")
        live.heard.clear()
        await until(lambda: of(live, "Bars"), "bars again")
        await writer.send("subscribe", sim.market.symbols[30])
        await until(lambda: live.report()["hot"]["confirmed"] == 26, "the new symbol")
        assert live.report()["link"]["reconnects"] == 0


async def test_the_service_runs_both_halves(bus, nats_server):
    async with market() as sim:
        stop = asyncio.Event()
        service = asyncio.create_task(feed_service.main(config_for(nats_server.url, sim), stop))
        await Writer(bus).send("subscribe", *sim.market.symbols[:25])
        report = await _asked(bus, lambda said: said.get("hot", {}).get("confirmed") == 25 and said["last_scan"])
        assert report["link"]["state"] == "live"
        stop.set()
        await service
        assert not sim._hub._sessions


async def _asked(bus, good):
    """The feed's status once it is good."""
    async with asyncio.timeout(20):
        while True:
            with suppress(*NATS_ERRORS):
                answer = await bus.nc.request("gapscan.status.feed", b"", timeout=0.5)
                if good(said := msgspec.json.decode(answer.data)):
                    return said
            await asyncio.sleep(0.05)
