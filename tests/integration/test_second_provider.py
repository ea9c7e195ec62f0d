"""A provider that has nothing of Polygon, by its line in the registry: its market comes out as lists, and lives."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest

from gapscan import providers
from gapscan.bus.client import Bus
from gapscan.bus.details import read_details
from gapscan.bus.snapshots import read_snapshot
from gapscan.client.api import Follower
from gapscan.config import Config, FeedSection, NatsSection, ProviderSection, RankerSection
from gapscan.errors import ConfigError
from gapscan.feed import service as feed_service
from gapscan.hot import service as hot_service
from gapscan.market.sessions import previous_trading_day, session_times
from gapscan.obs import Tally, logger
from gapscan.protocol.messages import Row
from gapscan.provider import Bar, BarColumns, CompanyDetails, DailyBar, Halt, Listing, Split, StreamBatch, Topic, Trade
from gapscan.ranker import service as ranker_service
from gapscan.service.status import collect
from tests.support.memory_provider.provider import MARKETS, MemoryMarket
from tests.support.nats import NatsServer
from tests.support.until import until

DAY: Final = dt.date(2026, 11, 20)  # a Friday
NOON: Final = session_times(DAY).regular + 9_000_000
SESSIONS: Final = 3
SYMBOLS: Final = ("DOWN", "FLAT", "SPLIT", "UP")


def quote(price: float, **other: float) -> dict[str, float]:
    prices = {"price": price, "prev_close": 10.0, "open": 10.5, "high": 13.0, "low": 7.0, "vwap": 10.0}
    return prices | {"volume": 4e6, "price_time": NOON - 60_000.0, "updated": NOON - 60_000.0} | other


def market_of_four() -> MemoryMarket:
    """Four stocks, of which one is up, one is down and one splits today, and a fund."""
    days, day = {}, DAY
    for _ in range(SESSIONS):
        day = previous_trading_day(day)
        days[day] = [DailyBar(symbol, 1e6, 5_000) for symbol in SYMBOLS]
    return MemoryMarket(
        began=NOON,
        quotes={"UP": quote(12.0), "DOWN": quote(8.0), "FLAT": quote(10.1), "SPLIT": quote(5.0), "FUND": quote(12.0)},
        listings=[
            *(Listing(symbol, f"{symbol} Inc", "XNYS", "CS") for symbol in SYMBOLS),
            Listing("FUND", "A fund", "ARCX", "ETF"),
            Listing("ZTEST", "For tests", "XNYS", "CS", test=True),
        ],
        days=days,
        splits=[Split("SPLIT", DAY, 2.0), Split("FLAT", day, None)],
        details={symbol: CompanyDetails(1e9, 5e7, "Technology") for symbol in SYMBOLS},
        floats={"UP": 4e7},
    )


class Lists:
    """What followers of some lists hold now."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Row]] = {}

    def order(self, name: str) -> list[str]:
        return list(self.rows.get(name, {}))

    def of(self, name: str, symbol: str) -> dict[str, Any]:
        return dict(self.rows.get(name, {}).get(symbol, {}))

    async def follow(self, bus: Bus, name: str) -> None:
        await until(lambda: read_snapshot(bus, name), f"the first {name}")
        async for view in Follower(bus, name).views():
            self.rows[name] = {row["symbol"]: row for row in view.rows}


@pytest.fixture
def market(monkeypatch: pytest.MonkeyPatch) -> MemoryMarket:
    """A market by its name, and its provider by a line in the registry."""
    market = market_of_four()
    monkeypatch.setitem(MARKETS, "four", market)
    monkeypatch.setitem(providers.PACKAGES, "memory", "tests.support.memory_provider")
    return market


@asynccontextmanager
async def services(bus: Bus, url: str) -> AsyncIterator[Lists]:
    """Feed, ranker and hot manager as they run in production, and followers of some lists."""
    config = Config(
        nats=NatsSection(url=url),
        provider=ProviderSection(name="memory", rest_url="four"),
        feed=FeedSection(discovery_interval=0.2, baseline_sessions=SESSIONS, trades=True, details_per_second=100),
        ranker=RankerSection(snapshot_interval=0.1, lease=1.0),
    )
    stop, lists = asyncio.Event(), Lists()
    async with asyncio.TaskGroup() as group:
        for service in (feed_service, ranker_service, hot_service):
            group.create_task(service.main(config, stop))
        followers = [
            group.create_task(lists.follow(bus, name)) for name in ("winners", "losers", "most_active", "halted")
        ]
        try:
            yield lists
        finally:
            stop.set()
            for follower in followers:
                follower.cancel()


async def test_lists_come_out_of_it(bus: Bus, nats_server: NatsServer, market: MemoryMarket) -> None:
    async with services(bus, nats_server.url) as lists:
        await until(lambda: lists.order("winners") == ["UP"], "the winner")
        await until(lambda: lists.order("losers") == ["DOWN"], "the loser")
        await until(lambda: set(lists.order("most_active")) == set(SYMBOLS), "all stocks, and no fund")
        await until(lambda: lists.of("winners", "UP")["average_volume"], "the daily bars")
        row = lists.of("winners", "UP")
        assert (row["price"], row["change_percent"], row["average_volume"]) == (12.0, 20.0, 1_000_000)
        assert (row["name"], row["exchange"], row["type"]) == ("UP Inc", "XNYS", "CS")
        split = lists.of("most_active", "SPLIT")
        assert (split["split_today"], split["change_percent"]) == (True, None)
        assert lists.of("most_active", "FLAT")["split_today"] is False

        await until(lambda: lists.of("winners", "UP")["float_shares"] == 40_000_000, "the details")
        assert lists.of("winners", "UP")["sector"] == "Technology"
        await until(lambda: _has_details(bus), "those of all")

        report = await collect(bus)
        (feed,) = report.services["feed"].instances
        assert (report.simulated, feed["session"], feed["reference"]["complete"]) == (False, "regular", True)


async def _has_details(bus: Bus) -> bool:
    return (await read_details(bus)).keys() == set(SYMBOLS)


async def test_it_is_live(bus: Bus, nats_server: NatsServer, market: MemoryMarket) -> None:
    async with services(bus, nats_server.url) as lists:
        wanted = {Topic(kind, symbol) for kind in ("bars", "trades") for symbol in SYMBOLS}
        await until(lambda: market.subscribed() == wanted | {Topic("halts", "*")}, "the hot set's topics")

        end = market.now // 1000 * 1000
        bar = Bar("UP", end - 1000, end, 12.0, 13.5, 12.0, 13.5, 2_000.0, 5e6, 10.5, 10.2)
        market.send(StreamBatch(bars=BarColumns.of([bar, Bar("FUND", end - 1000, end, close=1.0)])))
        await until(lambda: lists.of("winners", "UP")["price"] == 13.5, "the bar")
        assert (lists.of("winners", "UP")["source"], lists.of("winners", "UP")["high"]) == ("bar", 13.5)

        market.send(StreamBatch(trades=[Trade("UP", market.now, 13.75)]))
        await until(lambda: lists.of("winners", "UP")["price"] == 13.75, "the trade")

        halt = market.now
        market.send(StreamBatch(halts=[Halt("DOWN", halt, True)]))
        await until(lambda: lists.order("halted") == ["DOWN"], "the halt")
        assert (lists.of("halted", "DOWN")["halt"], lists.of("halted", "DOWN")["halt_time"]) == ("halted", halt)
        market.send(StreamBatch(halts=[Halt("DOWN", market.now, False)]))
        await until(lambda: lists.of("halted", "DOWN").get("halt") == "resumed", "the resumption")
    assert market.streams == []


def test_a_provider_that_is_not_in_the_registry() -> None:
    section = ProviderSection(name="nobody")
    for ask in (
        lambda: providers.check_provider(section),
        lambda: providers.api_key(section),
        lambda: providers.open_provider(section, 1.0, Tally(logger("test"))),
    ):
        with pytest.raises(ConfigError, match="no provider 'nobody'") as caught:
            ask()
        assert "polygon" in (caught.value.remedy or "")


def test_settings_that_a_provider_cannot_mean(market: MemoryMarket) -> None:
    with pytest.raises(ConfigError, match="no market 'other'"):
        providers.check_provider(ProviderSection(name="memory", rest_url="other"))
    assert providers.has_account(ProviderSection(name="memory", rest_url="four")), "it needs no key"
