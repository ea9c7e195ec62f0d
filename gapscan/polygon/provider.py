"""Polygon as the feed knows a provider."""

from __future__ import annotations

import atexit
import datetime as dt
from collections.abc import Callable, Iterable, Set
from functools import partial
from typing import Final

from gapscan.config import ProviderSection, directory_of
from gapscan.obs import Tally
from gapscan.polygon import aggregates, corporate_actions
from gapscan.polygon import news as reference_news
from gapscan.polygon.bodies import ListedTicker
from gapscan.polygon.details import details_of
from gapscan.polygon.library import Library, library_named
from gapscan.polygon.recording import Recorder
from gapscan.polygon.recording_bound import Bound
from gapscan.polygon.rest import RETRIES, PolygonRest
from gapscan.polygon.stream import StreamSettings
from gapscan.polygon.supervisor import LinkOptions, Supervisor
from gapscan.polygon.testissues import is_test_issue
from gapscan.provider import (
    MINUTE_BARS,
    Bar,
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
    Story,
    StreamReport,
    Topic,
    TopicKind,
    at_once,
)

REST_URL: Final = "https://api.polygon.io"
WEBSOCKET_HOST: Final = "socket.polygon.io"

_PREFIX_OF: Final[dict[TopicKind, str]] = {"bars": "A", "trades": "T", "halts": "LULD"}
_KIND_OF: Final = {prefix: kind for kind, prefix in _PREFIX_OF.items()}


def check_settings(section: ProviderSection) -> None:
    """Raises ConfigError for settings that Polygon cannot mean."""
    library_named(section.library)


def open_provider(section: ProviderSection, key: str, timeout: float, tally: Tally) -> Provider:
    """Polygon as the settings say. Raises ConfigError when the client library is missing."""
    recorder = _recorder(section, key, tally)
    stream = StreamSettings(
        host=section.websocket_host or WEBSOCKET_HOST,
        key=key,
        secure=section.secure_websocket,
        record=recorder.frame if recorder else None,
        proxy=section.proxy,
    )
    base = section.rest_url or REST_URL
    return PolygonProvider(library_named(section.library), base, stream, timeout, tally, recorder=recorder)


def _recorder(section: ProviderSection, key: str, tally: Tally) -> Recorder | None:
    """What keeps all that comes, until the process ends; None where nothing is to be kept. Raises ConfigError."""
    directory = directory_of(section.record)
    if directory is None:
        return None
    bound = Bound(section.record_days, section.record_max_bytes)
    recorder = Recorder(directory, key, tally, bound=bound)
    atexit.register(recorder.close)
    return recorder


class PolygonProvider(Provider):
    """One account. Each request is bounded by `timeout` seconds; `link` says how patient the stream is.

    The client asks up to `retries` times more for what the provider refuses for the moment, but for details never.
    """

    def __init__(
        self,
        library: Library,
        rest_url: str,
        stream: StreamSettings,
        timeout: float,
        tally: Tally,
        *,
        link: LinkOptions | None = None,
        retries: int = RETRIES,
        recorder: Recorder | None = None,
    ) -> None:
        client = partial(
            PolygonRest, library, rest_url, stream.key, timeout, tally, recorder=recorder, proxy=stream.proxy
        )
        self._rest = client(retries=retries)
        # Asks once: requests for details are counted, and asked again, by whoever makes them.
        self._rest_once = client(retries=0)
        self.stream_settings = stream
        self._link = link or LinkOptions()
        self._tally = tally

    async def status(self) -> MarketStatus:
        """Server time and market status. Raises FeedError."""
        status = await self._rest.status()
        return MarketStatus(status.at, status.session)

    async def ping(self) -> None:
        """The market status, asked for once. Raises UnansweredError, FeedError."""
        await self._rest_once.status()

    async def snapshot(self) -> MarketSnapshot:
        """All tickers. Polygon empties them at 03:30 in New York, when gapscan's day turns. Raises FeedError."""
        return await self._rest.snapshot()

    async def listings(self) -> list[Listing]:
        """All active stock tickers. Raises FeedError."""
        return [listing_of(ticker) for ticker in await self._rest.listings()]

    async def listing(self, symbol: str) -> Listing:
        """The active ticker of that name. Raises NotFoundError, FeedError."""
        return listing_of(await self._rest_once.listing(symbol))

    async def daily_bars(self, date: dt.date, *, adjusted: bool = True) -> list[DailyBar]:
        """The grouped daily bars. Raises FeedError."""
        bars = await self._rest.daily_bars(date, adjusted=adjusted)
        return [
            DailyBar(bar.T, bar.v or 0.0, bar.n or 0.0, bar.c or None, bar.h or None, bar.l or None) for bar in bars
        ]

    async def bars(self, symbol: str, first: int, last: int, *, width: BarWidth = MINUTE_BARS) -> list[Bar]:
        """The custom bars (aggregates). Raises NotEntitledError, FeedError."""
        return await aggregates.bars(self._rest_once, symbol, first, last, width)

    async def splits(self, first: dt.date, last: dt.date) -> list[Split]:
        """The splits by execution date. Raises FeedError."""
        return await corporate_actions.splits(self._rest, first, last)

    async def dividends(self, date: dt.date) -> list[Dividend]:
        """The dividends by ex-date. Raises NotEntitledError, NotFoundError, FeedError."""
        return await corporate_actions.dividends(self._rest, date)

    async def details(self, symbol: str) -> CompanyDetails:
        """The ticker overview. Raises NotFoundError, FeedError."""
        return details_of(await self._rest_once.overview(symbol))

    async def free_float(self, symbol: str) -> float | None:
        """The float endpoint. Raises NotEntitledError, NotFoundError, FeedError."""
        return await self._rest_once.free_float(symbol)

    async def news(self, since: int) -> list[Story]:
        """The reference news. Raises NotEntitledError, NotFoundError, FeedError."""
        return await reference_news.news(self._rest, since)

    def stream(self, on_batch: OnBatch, is_open: Callable[[], bool], may_open: MayOpen = at_once) -> PolygonStream:
        """The WebSocket of the stock market."""
        return PolygonStream(Supervisor(self.stream_settings, self._link, on_batch, is_open, self._tally, may_open))


class PolygonStream(LiveStream):
    """Topics of the port as those of Polygon, over the supervisor of the link."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor

    def want(self, topics: Set[Topic], optional: Set[Topic] = frozenset()) -> None:
        """From now on, exactly these are wanted."""
        self.supervisor.want(_names(topics), _names(optional))

    @property
    def confirmed(self) -> Set[Topic]:
        """Those that Polygon said it sends."""
        return _topics(self.supervisor.topics.confirmed)

    @property
    def refused(self) -> Set[Topic]:
        """Those that Polygon said it does not give."""
        return _topics(self.supervisor.topics.refused)

    async def run(self) -> None:
        """Keep the link for ever."""
        await self.supervisor.run()

    def report(self) -> StreamReport:
        """How the link is."""
        return self.supervisor.report()


def listing_of(ticker: ListedTicker) -> Listing:
    """A ticker as a listing."""
    test = is_test_issue(ticker.ticker, ticker.name)
    return Listing(ticker.ticker, ticker.name, ticker.primary_exchange, ticker.type, test)


def _names(topics: Iterable[Topic]) -> set[str]:
    return {f"{_PREFIX_OF[topic.kind]}.{topic.symbol}" for topic in topics}


def _topics(names: Iterable[str]) -> frozenset[Topic]:
    split = (name.partition(".") for name in names)
    return frozenset(Topic(_KIND_OF[prefix], symbol) for prefix, _, symbol in split if prefix in _KIND_OF)
