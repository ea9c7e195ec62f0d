"""News from the simulated provider to a list's rows and to the answer to why."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gapscan.bus.client import Bus
from gapscan.bus.news import read_news
from gapscan.bus.snapshots import read_snapshot
from gapscan.bus.why_client import ask_why
from gapscan.feed.news import NewsLoader
from gapscan.market.sessions import MINUTE_MS, session_times
from gapscan.obs import Tally, logger
from gapscan.polygon.rest import PAGE
from gapscan.protocol.headlines import KEPT_HEADLINES
from gapscan.protocol.messages import Row
from gapscan.ranking.spec import parse_lists
from gapscan.runtime import end
from gapscan.sim import SimServer, SyntheticSource
from gapscan.sim.source import NewsItem
from tests.support.nats import NatsServer
from tests.support.rig import DAY, market
from tests.support.stack import Stack, provider_on, running
from tests.support.until import until

AT = session_times(DAY).regular + 30 * MINUTE_MS
LISTS = parse_lists(
    """
    gate = "price >= 1"
    [lists.told]
    description = "Stocks with news."
    where = "news_count > 0"
    sort = ["-news_time"]
    limit = 500
    idle = "stay"
    gate = "none"
    """,
    "a test",
)


@pytest.fixture
async def sim() -> AsyncIterator[SimServer]:
    async with market(manual=True, symbols=150) as sim:
        yield sim


@asynccontextmanager
async def asking(bus: Bus, sim: SimServer, interval: float = 0.05) -> AsyncIterator[tuple[NewsLoader, Tally]]:
    tally = Tally(logger("feed"))
    loader = NewsLoader(bus, provider_on(sim, tally, retries=0), interval, tally, sim.clock.now)
    task = asyncio.create_task(loader.run())
    try:
        yield loader, tally
    finally:
        await end(task)


def expected(sim: SimServer, now: int) -> dict[str, int]:
    """How many stories of each symbol are published."""
    counts: dict[str, int] = {}
    for item in sim.market.source.news(DAY):
        for place in item.symbols if item.time <= now else ():
            symbol = sim.market.symbols[place]
            counts[symbol] = counts.get(symbol, 0) + 1
    return counts


async def rows_of(stack: Stack) -> list[Row]:
    snapshot = await read_snapshot(stack.bus, "told")
    return list(snapshot.rows) if snapshot else []


async def test_from_the_provider_to_lists_and_answers(nats_server: NatsServer, sim: SimServer) -> None:
    async with running(sim, nats_server.url, LISTS) as stack:
        await stack.load_reference()
        await stack.scan_at(AT)
        counts = expected(sim, AT)
        assert len(counts) > 3
        async with asking(stack.bus, sim) as (loader, tally):
            await until(lambda: loader.report()["symbols"] == len(counts) and not loader.report()["unsent"], "all news")
            await until(lambda: tally.counts.get("news_polls", 0) > 2, "more polls")
            assert {one.symbol: one.count for one in await read_news(stack.bus)} == counts
            await stack.scan_at(AT + MINUTE_MS)
            there = {row["symbol"]: row["news_count"] for row in await rows_of(stack)}
            assert there.items() <= expected(sim, AT + MINUTE_MS).items()
            assert set(there) == set(counts) & set(stack.universe.symbols)
            symbol = next(iter(there))
            newest = max((one for one in sim.market.source.news(DAY) if sim.market.place[symbol] in one.symbols
                          and one.time <= AT), key=lambda one: one.time)  # fmt: skip
            why = await ask_why(stack.bus, symbol, None)
            assert why.news
            assert (why.news[0].time, why.news[0].title) == (newest.time, newest.title)
            assert why.news[0].url == f"https://example.com/news/{newest.id}"


async def test_a_ranker_that_starts_again_has_them(nats_server: NatsServer, sim: SimServer) -> None:
    async with running(sim, nats_server.url, LISTS) as stack:
        await stack.load_reference()
        await stack.scan_at(AT)
        async with asking(stack.bus, sim) as (loader, _):
            await until(lambda: loader.report()["state"] == "live" and not loader.report()["unsent"], "the news")
        await stack.start_ranker()
        await stack.scan_at(AT + MINUTE_MS)
        assert len(await rows_of(stack)) == len(set(expected(sim, AT)) & set(stack.universe.symbols))


async def test_a_plan_without_news_goes_without(bus: Bus, sim: SimServer) -> None:
    sim.clock.set(AT)
    sim.faults.set("rest_status", endpoint="news", status=403)
    async with asking(bus, sim) as (loader, tally):
        await until(lambda: loader.report()["state"] == "not in the plan", "the refusal")
        requests = sim.stats.requests["news"]
        await asyncio.sleep(0.3)
        assert sim.stats.requests["news"] == requests, "it is not asked for again and again"
    assert tally.counts["news_refused"] == 1


async def test_what_fails_is_asked_for_again(bus: Bus, sim: SimServer) -> None:
    sim.clock.set(AT)
    sim.faults.set("rest_truncated", endpoint="news", count=2)
    async with asking(bus, sim) as (loader, tally):
        await until(lambda: loader.report()["state"] == "live" and not loader.report()["unsent"], "the news")
    assert tally.counts["news_failed"] == 2
    assert {one.symbol: one.count for one in await read_news(bus)} == expected(sim, AT)


async def test_a_burst_of_several_pages_comes_in_one_poll(bus: Bus, sim: SimServer) -> None:
    """More stories at once than a page has, some of many symbols: none is lost, and one poll asks for the market."""
    source, stories = sim.market.source, 2 * PAGE + 300
    assert isinstance(source, SyntheticSource)
    symbols = len(sim.market.symbols)
    burst = [NewsItem(AT - 60_000 + 10 * at, f"b{at:05}", f"Story {at}", tuple({at % symbols, 7 * at % symbols}))
             for at in range(stories)]  # fmt: skip
    source._news[DAY] = sorted(burst)
    sim.clock.set(AT)
    async with asking(bus, sim, interval=3600.0) as (loader, tally):
        await until(lambda: loader.report()["headlines"] >= stories and not loader.report()["unsent"], "the burst")
    assert sim.stats.requests["news"] == 3, "one poll, three pages"
    assert tally.counts.get("news_failed", 0) == tally.counts.get("news_left_out", 0) == 0
    held = {one.symbol: one for one in await read_news(bus)}
    assert {symbol: one.count for symbol, one in held.items()} == expected(sim, AT)
    for symbol, one in held.items():
        place = sim.market.place[symbol]
        newest = sorted((story.time for story in burst if place in story.symbols), reverse=True)[:KEPT_HEADLINES]
        assert [headline.time // 1000 for headline in one.headlines] == [time // 1000 for time in newest], symbol


async def test_pages_are_followed_to_their_end(sim: SimServer) -> None:
    from gapscan.polygon import news

    sim.clock.set(AT)
    provider = provider_on(sim, Tally(logger("feed")))
    whole = await provider.news(0)
    before, news.PAGE = news.PAGE, 2  # type: ignore[attr-defined]
    try:
        assert await provider.news(0) == whole
    finally:
        news.PAGE = before  # type: ignore[attr-defined]
    assert len(whole) > 6
