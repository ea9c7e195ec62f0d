"""The whole of it: markets in this process by their names, which stand where others have an address."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Set
from dataclasses import dataclass, field

import numpy as np

from gapscan.config import ProviderSection
from gapscan.errors import ConfigError, NotFoundError
from gapscan.obs import Tally
from gapscan.provider import (
    ALL,
    MINUTE_BARS,
    Bar,
    BarColumns,
    BarWidth,
    CompanyDetails,
    DailyBar,
    Dividend,
    Listing,
    LiveStream,
    MarketSnapshot,
    MarketStatus,
    MayOpen,
    OnBatch,
    Provider,
    Split,
    StreamBatch,
    StreamReport,
    Topic,
    TopicCounts,
    at_once,
)


@dataclass
class MemoryMarket:
    """What there is to know. It is `began` (epoch ms) when it is made, and time goes on from there."""

    began: int
    quotes: dict[str, dict[str, float]]  # by symbol, with what `UniverseFrame` calls them
    listings: list[Listing]
    days: dict[dt.date, list[DailyBar]] = field(default_factory=dict)
    splits: list[Split] = field(default_factory=list)
    dividends: list[Dividend] = field(default_factory=list)
    plain_days: dict[dt.date, list[DailyBar]] = field(default_factory=dict)
    bars: list[Bar] = field(default_factory=list)
    details: dict[str, CompanyDetails] = field(default_factory=dict)
    floats: dict[str, float] = field(default_factory=dict)
    streams: list[MemoryStream] = field(default_factory=list)
    made: float = field(default_factory=time.monotonic)

    @property
    def now(self) -> int:
        """Market time, epoch ms."""
        return self.began + round((time.monotonic() - self.made) * 1000)

    def subscribed(self) -> Set[Topic]:
        """What is sent to anyone."""
        return frozenset(topic for stream in self.streams for topic in stream.confirmed)

    def send(self, batch: StreamBatch) -> None:
        """Send to each stream what it has asked for."""
        for stream in self.streams:
            stream.offer(batch)


MARKETS: dict[str, MemoryMarket] = {}


def check_settings(section: ProviderSection) -> None:
    """Raises ConfigError for a market that there is not."""
    if section.rest_url not in MARKETS:
        raise ConfigError(f"there is no market {section.rest_url!r} in memory")


def open_provider(section: ProviderSection, key: str, timeout: float, tally: Tally) -> Provider:
    """The market of the settings."""
    return MemoryProvider(MARKETS[section.rest_url or ""])


class MemoryProvider(Provider):
    def __init__(self, market: MemoryMarket) -> None:
        self._market = market

    async def status(self) -> MarketStatus:
        return MarketStatus(self._market.now, "regular")

    async def snapshot(self) -> MarketSnapshot:
        quotes = self._market.quotes
        names = {name for quote in quotes.values() for name in quote}
        columns = {name: np.array([quote.get(name, np.nan) for quote in quotes.values()]) for name in names}
        return MarketSnapshot.of(list(quotes), columns)

    async def listings(self) -> list[Listing]:
        return self._market.listings

    async def listing(self, symbol: str) -> Listing:
        for listing in self._market.listings:
            if listing.symbol == symbol:
                return listing
        raise NotFoundError(f"there is no {symbol}")

    async def daily_bars(self, date: dt.date, *, adjusted: bool = True) -> list[DailyBar]:
        days = self._market.days if adjusted else self._market.days | self._market.plain_days
        return days.get(date, [])

    async def bars(self, symbol: str, first: int, last: int, *, width: BarWidth = MINUTE_BARS) -> list[Bar]:
        bars = (bar for bar in self._market.bars if bar.symbol == symbol and bar.end - bar.start == width)
        return sorted((bar for bar in bars if first <= bar.start <= last), key=lambda bar: bar.start)

    async def splits(self, first: dt.date, last: dt.date) -> list[Split]:
        return [split for split in self._market.splits if first <= split.date <= last]

    async def dividends(self, date: dt.date) -> list[Dividend]:
        return [dividend for dividend in self._market.dividends if dividend.date == date]

    async def details(self, symbol: str) -> CompanyDetails:
        try:
            return self._market.details[symbol]
        except KeyError:
            raise NotFoundError(f"there is no {symbol}") from None

    async def free_float(self, symbol: str) -> float | None:
        return self._market.floats.get(symbol)

    def stream(self, on_batch: OnBatch, is_open: Callable[[], bool], may_open: MayOpen = at_once) -> MemoryStream:
        return MemoryStream(self._market, on_batch)


class MemoryStream(LiveStream):
    def __init__(self, market: MemoryMarket, on_batch: OnBatch) -> None:
        self._market = market
        self._on_batch = on_batch
        self._wanted: frozenset[Topic] = frozenset()
        self._optional: frozenset[Topic] = frozenset()
        self._batches: asyncio.Queue[StreamBatch] = asyncio.Queue(100)

    def want(self, topics: Set[Topic], optional: Set[Topic] = frozenset()) -> None:
        self._wanted, self._optional = frozenset(topics), frozenset(optional)

    @property
    def confirmed(self) -> Set[Topic]:
        known = self._market.quotes.keys() | {ALL}
        return frozenset(topic for topic in self._wanted | self._optional if topic.symbol in known)

    @property
    def refused(self) -> Set[Topic]:
        return (self._wanted | self._optional) - self.confirmed

    def offer(self, batch: StreamBatch) -> None:
        """What of it was asked for is on its way."""
        sent = self.confirmed
        self._batches.put_nowait(
            StreamBatch(
                BarColumns.of([bar for bar in batch.bars if sent & {Topic("bars", bar.symbol), Topic("bars", ALL)}]),
                [trade for trade in batch.trades if Topic("trades", trade.symbol) in sent],
                batch.halts if Topic("halts", ALL) in sent else [],
            )
        )

    async def run(self) -> None:
        self._market.streams.append(self)
        try:
            while True:
                await self._on_batch(await self._batches.get())
        finally:
            self._market.streams.remove(self)

    def report(self) -> StreamReport:
        counts = TopicCounts(len(self._wanted), len(self._wanted & self.confirmed))
        return StreamReport(state="live", sessions=1, topics=counts, settled=counts.desired == counts.confirmed)
