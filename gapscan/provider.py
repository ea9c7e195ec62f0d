"""The port to a market data provider: what the feed asks of one, in types of its own.

A provider is a folder that implements `Provider`, and a line in `gapscan.providers`. Its peculiarities stay in that
folder: names and units of fields, what a zero stands for, topics, sale conditions, how it words an error.

Everywhere here: times are UTC epoch ms, prices and values USD, volumes shares (fractions are possible); unknown is
None, in columns NaN. Symbols are the provider's, letter by letter: case matters.
"""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Set
from typing import Any, Final, Literal, NamedTuple

from msgspec import Struct, field

from gapscan.market.bar_columns import Bar as Bar
from gapscan.market.bar_columns import BarColumns as BarColumns
from gapscan.market.snapshot import MarketSnapshot as MarketSnapshot
from gapscan.protocol.messages import SessionName

ALL: Final = "*"  # in a topic: every symbol

TopicKind = Literal["bars", "trades", "halts"]
LinkState = Literal["waiting", "connecting", "live"]
BarWidth = Literal[60_000, 1_000]  # ms

MINUTE_BARS: Final[BarWidth] = 60_000
SECOND_BARS: Final[BarWidth] = 1_000


class MarketStatus(Struct, frozen=True):
    """The provider's clock (epoch ms) and the session that it says it is: it knows closures that nobody foresaw."""

    at: int
    session: SessionName


class Listing(Struct, frozen=True):
    """One listed security. `exchange` is its primary listing's MIC, `kind` such as CS (common stock) or ETF; a `test`
    listing is no security, but there to test systems with."""

    symbol: str
    name: str | None = None
    exchange: str | None = None
    kind: str | None = None
    test: bool = False


class DailyBar(Struct, frozen=True, gc=False):
    """How much one symbol traded on one day: shares, and the number of trades; 0 of either means that it is not known.
    Close, high and low are of the regular session."""

    symbol: str
    volume: float
    trades: float = 0.0
    close: float | None = None
    high: float | None = None
    low: float | None = None


class Split(Struct, frozen=True):
    """From `date` on, one old share is `ratio` new ones; None where the ratio is not known.

    With `spin_off` nobody gets more shares of the same: the ratio says how much less a share is worth without what was
    spun off, and prices of before are divided by it alike.
    """

    symbol: str
    date: dt.date
    ratio: float | None
    spin_off: bool = False


class Dividend(Struct, frozen=True):
    """From `date` on, the ex-date, a share is traded without `amount` (USD a share; None where that is not known)."""

    symbol: str
    date: dt.date
    amount: float | None
    spin_off: bool = False


class CompanyDetails(Struct, frozen=True):
    """What is known of a company beside its listing: USD, shares of this class (else of all), a sector's short name.

    It has been listed since the day `listed`, under whatever symbol.
    """

    market_cap: float | None = None
    shares_outstanding: float | None = None
    sector: str | None = None
    listed: dt.date | None = None


class Story(Struct, frozen=True):
    """A piece of news of these symbols, published at `time`; `id` is the same however often it is told."""

    id: str
    time: int
    title: str
    url: str | None = None
    publisher: str | None = None
    symbols: tuple[str, ...] = ()


class Trade(Struct, gc=False):
    """A trade that sets the last price. Those that do not (odd lots, averages, late reports) are the provider's to
    leave out."""

    symbol: str
    time: int
    price: float


class Halt(Struct, frozen=True):
    """A symbol's trading was halted at `time`, or resumed then."""

    symbol: str
    time: int
    halted: bool


class StreamBatch(Struct):
    """What came over the stream together, in the order in which it came."""

    bars: BarColumns = field(default_factory=BarColumns.of)
    trades: list[Trade] = field(default_factory=list)
    halts: list[Halt] = field(default_factory=list)


class Topic(NamedTuple):
    """What can be subscribed to: one kind of event, of one symbol or of `ALL`. Halts come of `ALL` only."""

    kind: TopicKind
    symbol: str


class TopicCounts(Struct, frozen=True):
    """How many topics are wanted, the optional ones aside, and how many of those the provider sends."""

    desired: int = 0
    confirmed: int = 0


class RefusedTopics(Struct, frozen=True):
    """How many topics the provider refuses; of the first of them, in its own words, why."""

    count: int = 0
    topics: dict[str, str] = field(default_factory=dict)


class StreamReport(Struct, frozen=True, kw_only=True):
    """What `gapscan status` shows of the stream.

    `settled`: all that is wanted and given is confirmed, and nothing else. `none_confirmed_seconds`: for how long
    topics are wanted and not one is confirmed. `ledger`: the last breaks, oldest first, each with `from` and `to`
    (epoch ms, None while it lasts), `reason`, `detail`, `symbols`, `sessions` and `repaired`.
    """

    state: LinkState = "waiting"
    sessions: int = 0
    reconnects: int = 0
    last_error: str = ""
    topics: TopicCounts = TopicCounts()
    none_confirmed_seconds: float = 0.0
    settled: bool = False
    waiting_frames: int = 0
    refused: RefusedTopics = RefusedTopics()
    ledger: list[dict[str, Any]] = field(default_factory=list)


OnBatch = Callable[[StreamBatch], Awaitable[None]]
MayOpen = Callable[[], Awaitable[None]]


async def at_once() -> None:
    """A session may always be opened."""


class LiveStream(ABC):
    """The live link, kept alive and at the topics that are wanted, whatever happens to it."""

    @abstractmethod
    def want(self, topics: Set[Topic], optional: Set[Topic] = frozenset()) -> None:
        """From now on, exactly these topics are wanted; of the optional ones, those that the provider gives. May be
        called before `run`."""

    @property
    @abstractmethod
    def confirmed(self) -> Set[Topic]:
        """The topics that the provider sends."""

    @property
    @abstractmethod
    def refused(self) -> Set[Topic]:
        """The topics that the provider does not give."""

    @abstractmethod
    async def run(self) -> None:
        """Keep the link for ever; its losses are repaired, counted, and in the report. Raises ConfigError."""

    @abstractmethod
    def report(self) -> StreamReport:
        """How the link is."""


class Provider(ABC):
    """One account with a provider. Any number of requests may be under way together; each ends within the time that
    the settings give it.

    Requests raise FeedError (`retry`: whether asking again can help), NotEntitledError where the account may not have
    it, NotFoundError where there is no such thing.
    """

    @abstractmethod
    async def status(self) -> MarketStatus:
        """Clock and session."""

    async def ping(self) -> None:
        """Ask for the least that there is, once. Raises UnansweredError when no answer comes; FeedError for another."""
        await self.status()

    @abstractmethod
    async def snapshot(self) -> MarketSnapshot:
        """The whole market. Values of the day are those of the trading day that it is (`market.sessions`): where a
        provider's day turns at another time, it leaves out what is of another day."""

    @abstractmethod
    async def listings(self) -> list[Listing]:
        """All active listings: all of them, or FeedError."""

    @abstractmethod
    async def listing(self, symbol: str) -> Listing:
        """One active listing, by one request as `details`: for symbols that came after `listings`."""

    @abstractmethod
    async def daily_bars(self, date: dt.date, *, adjusted: bool = True) -> list[DailyBar]:
        """All bars of one day; none on a day without trading. `adjusted` ones are in shares of today: prices and
        volumes of before a split are brought to what they are after it."""

    @abstractmethod
    async def bars(self, symbol: str, first: int, last: int, *, width: BarWidth = MINUTE_BARS) -> list[Bar]:
        """The bars of `width` ms that begin from `first` to `last` (epoch ms, both included; a month at most), oldest
        first, by one request as `details`, in shares of today; without the day's totals. Where nothing traded there is
        none, nor of what is unknown; the newest may be under way."""

    @abstractmethod
    async def splits(self, first: dt.date, last: dt.date) -> list[Split]:
        """The splits that take effect from `first` to `last`, both included; one of a symbol and day."""

    @abstractmethod
    async def dividends(self, date: dt.date) -> list[Dividend]:
        """The distributions whose ex-date is `date`."""

    @abstractmethod
    async def details(self, symbol: str) -> CompanyDetails:
        """What is known of one company, by one request: whoever calls counts them, and asks again by himself."""

    @abstractmethod
    async def free_float(self, symbol: str) -> float | None:
        """Shares that are free to trade, by one request as `details`."""

    async def news(self, since: int) -> list[Story] | None:
        """What was published of any symbol from that moment on; None from a provider that has no news."""
        return None

    @abstractmethod
    def stream(self, on_batch: OnBatch, is_open: Callable[[], bool], may_open: MayOpen = at_once) -> LiveStream:
        """The account's live link, not yet running. `on_batch` is awaited before the next batch is read; `is_open`
        says whether the market is open, so that silence means trouble. `may_open` is awaited before each connection:
        an account that may have one only would lose another process's by it."""
