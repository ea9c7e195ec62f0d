"""The sections of the settings: keys, bounds, defaults. deploy/gapscan.toml says each key's meaning to users."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, field

from gapscan.config.market_section import MarketSection
from gapscan.config.section import Budget, Port, Seconds, Section
from gapscan.config.sim_section import STEP_SECONDS, SimSection
from gapscan.config.urls import nats_servers
from gapscan.errors import ConfigError
from gapscan.protocol.names import check_prefix

# While the market is closed, scans come this many times less often, unless they are rare anyway.
_CLOSED_FACTOR: Final = 6.0
_FREE_DAYS: Final = 5  # a weekend, and more on which the market may be closed
_DAYS_A_HOLIDAY: Final = 13  # trading days: over a long time, one day more for each so many
_CLOSED_INTERVAL: Final = 30.0

DEFAULT_NATS_URL: Final = "nats://127.0.0.1:4222"


SHIPPED_LINKS: Final = (
    "https://finance.yahoo.com/quote/{symbol}",
    "https://www.tradingview.com/chart/?symbol={symbol}",
    "https://www.sec.gov/cgi-bin/browse-edgar?action=getcompany&CIK={symbol}",
)


def _check_prefix(prefix: str) -> None:
    try:
        check_prefix(prefix)
    except ConfigError as error:
        raise ValueError(f"prefix: {error.message}; {error.remedy}") from None


class NatsSection(Section, frozen=True):
    """Where NATS is, how to be let in, and how gapscan's streams are kept there.

    What is not given comes from the `context`, one of the nats command's, if one is named. A reader with an account
    of its own may need its `inbox_prefix`; writers leave it. With a `prefix` of its own, a set lives beside others in
    one account: its names begin with it, and not with "gapscan".
    """

    url: str | None = None
    context: str | None = None
    user: str | None = None
    password: str | None = None
    token: str | None = None
    nkey: str | None = None
    credentials: str | None = None
    tls_ca: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    tls_first: bool = False
    jetstream_domain: str | None = None
    jetstream_api_prefix: str | None = None
    inbox_prefix: str | None = None
    prefix: str | None = None
    replicas: Annotated[int, Meta(ge=1, le=5)] = 1
    delta_max_age: Seconds = 120.0
    delta_max_bytes: Annotated[int, Meta(ge=1_000_000)] = 16 * 1024 * 1024
    state_max_bytes: Annotated[int, Meta(ge=8_000_000)] = 192 * 1024 * 1024
    events_max_age: Annotated[float, Meta(ge=60)] = 7 * 86_400.0
    events_max_bytes: Annotated[int, Meta(ge=1_000_000)] = 128 * 1024 * 1024

    def __post_init__(self) -> None:
        """Raises ValueError, which msgspec passes on, for a URL that is none and for what can be no prefix."""
        if self.url:
            nats_servers(self.url)
        if self.prefix:
            _check_prefix(self.prefix)


class ProviderSection(Section, frozen=True):
    """The market data provider, by its name in the registry, and where it is. Unset is what is usual with it.

    `proxy` leads to it; unset, the environment's. `simulated` marks data of the simulated market wherever it shows.
    `record` is a directory in which everything that
    the provider sends is kept, raw, so that it can be played again (empty: nothing is kept): of `record_days` days at
    most, in `record_max_bytes` at most, the oldest goes first.
    """

    name: str = "polygon"
    library: str | None = None
    rest_url: str | None = None
    websocket_host: str | None = None
    secure_websocket: bool = True
    proxy: str | None = None
    simulated: bool = False
    record: str = ""
    record_days: Annotated[int, Meta(ge=1, le=1000)] = 10
    record_max_bytes: Annotated[int, Meta(ge=1_000_000)] = 20 * 1024 * 1024 * 1024


class FeedSection(Section, frozen=True):
    """How often the whole market is scanned, in seconds of wall time, and how long a request may take.

    By both, rankers tell when a scan is overdue. Between scans the provider is asked every `probe_interval` seconds, in
    an open market, whether it answers (0: it is not).
    `mode` says which symbols come live: the hot set, all of them, or none; `trades` adds the hot set's trades,
    `halts` the trading halts of all symbols, where the provider's plan has them.
    `halts_url` is a list of the exchanges' halts, read every `halts_interval` seconds (empty: none; what begins with a
    slash is on the provider's host).
    `details_per_second` bounds the requests for company details (0: none are made). What they bring is kept in NATS.
    `backfill_per_second` bounds those for bars of a time in which the feed was not there (0: none are made).
    `news_interval` is from one request for the market's news to the next (0: none are made); a plan without news is
    asked once an hour.
    `flat_files` is a directory of the provider's minute flat files (empty: none), as us_stocks_sip/minute_aggs_v1/
    YYYY/MM/DATE.csv.gz: from them comes how much has usually traded by which time of the day. What was read of them
    is kept in the directory `cache_dir` (empty: nowhere).
    """

    discovery_interval: Seconds = 30.0
    request_timeout: Seconds = 20.0
    probe_interval: Annotated[float, Meta(ge=0)] = 1.5
    baseline_sessions: Annotated[int, Meta(ge=0, le=60)] = 20
    mode: Literal["hot", "all", "off"] = "hot"
    trades: bool = False
    halts: bool = True
    halts_url: str = ""
    halts_interval: Seconds = 60.0
    details_per_second: Annotated[float, Meta(ge=0, le=1000)] = 4.0
    backfill_per_second: Annotated[float, Meta(ge=0, le=1000)] = 25.0
    news_interval: Annotated[float, Meta(ge=0, le=86_400)] = 60.0
    cache_dir: str = ""
    flat_files: str = ""

    def pause(self, *, closed: bool) -> float:
        """Seconds from scan to scan: fewer scans than usual while the market is closed, if they come often."""
        interval = self.discovery_interval
        return max(interval, min(_CLOSED_INTERVAL, interval * _CLOSED_FACTOR)) if closed else interval

    def overdue_after(self, *, closed: bool) -> float:
        """Seconds after which the scan that follows one must have come."""
        return self.pause(closed=closed) + self.request_timeout


class RankerSection(Section, frozen=True):
    """How the ranker publishes. A ranker that is gone for `lease` seconds is replaced by one that stands by; so are
    the feed and the manager of the hot set.

    While live data comes, each list is ranked again as often as `cpu_budget` allows, a share of a core for all that
    the process does, but not more rarely than once in `hot_interval` seconds.
    `lists_file` has a user's own lists; unset, it is lists.toml beside the user's own gapscan.toml.
    """

    snapshot_interval: Seconds = 1.0
    lease: Annotated[float, Meta(ge=1)] = 3.0
    hot_interval: Annotated[float, Meta(ge=0.01, le=10)] = 0.25
    cpu_budget: Budget = 0.12
    lists_file: str | None = None


class HotSection(Section, frozen=True):
    """The hot set: the first `top` rows of every list, up to `margin` rows more that were just in, `cap` in all.

    A symbol stays for at least `dwell` seconds of market time after it last qualified.
    """

    top: Annotated[int, Meta(ge=1, le=1000)] = 200
    margin: Annotated[int, Meta(ge=0, le=1000)] = 50
    dwell: Seconds = 60.0
    cap: Annotated[int, Meta(ge=1)] = 2000


class EventsSection(Section, frozen=True):
    """What is told of the lists. `alerts_file` has a user's own alerts; unset, it is alerts.toml beside the user's own
    gapscan.toml. With `copies`, events and alerts are copied for programs in an account of their own.
    """

    alerts_file: str | None = None
    copies: bool = False


class NotifySection(Section, frozen=True):
    """Where alerts are delivered. `channels_file` has the channels; unset, it is channels.toml beside the user's own
    gapscan.toml.
    """

    channels_file: str | None = None


class BridgeSection(Section, frozen=True):
    """The web server for browsers. A list that changes is sent on as often as `cpu_budget` allows, a share of a core
    for all that the process does, but not more rarely than once in `window` seconds.

    `origins` are the only pages that may connect (text with commas, or a list); without any, those of the bridge's
    own host and of this machine may. `hosts` are names by which the bridge is reached from outside, beside those of
    the origins, addresses, and names of a local network; `*.example.org` is all in that domain, `*` any name. With a
    `token`, clients must know it. `links` are addresses of pages about a symbol, with `{symbol}` in them. `io_uring`
    is used to send where the system allows it. So many pasts are played at once as `plays` says. With `compress`,
    messages are compressed for clients that offer it, as browsers do: for thin links.

    `proxies` are the addresses and networks of reverse proxies: whom these name in X-Forwarded-For is taken for the
    client by the limits that each address has (wrong tokens, requests for the HTTP interface), and by nothing else.

    Whoever knows `edit_token` may change the own lists (`lists_file` in `[ranker]`) from the page. Without one only a
    browser on the machine itself may, and only where `host` and all `hosts` are of this machine. Nobody may where
    `edit` is false.
    """

    host: str = "127.0.0.1"
    port: Port = 8080
    window: Annotated[float, Meta(ge=0.01, le=10)] = 0.1
    cpu_budget: Budget = 0.08
    origins: str | list[str] | None = None
    hosts: str | list[str] | None = None
    proxies: str | list[str] | None = None
    token: str | None = None
    edit: bool = True
    edit_token: str | None = None
    links: str | list[str] | None = field(default_factory=lambda: [*SHIPPED_LINKS])
    clients: Annotated[int, Meta(ge=1, le=100_000)] = 5000
    lists: Annotated[int, Meta(ge=1, le=1000)] = 64
    plays: Annotated[int, Meta(ge=0, le=1000)] = 32
    message_bytes: Annotated[int, Meta(ge=1024, le=1024 * 1024)] = 16 * 1024
    messages_per_second: Annotated[float, Meta(ge=1)] = 20.0
    slow_after: Seconds = 10.0
    io_uring: bool = True
    compress: bool = False


class HistorySection(Section, frozen=True):
    """What the recorder keeps of the lists' past: `days` trading days at least, in `max_bytes` at most, the oldest
    goes first. Nothing is recorded with `enabled` false. NATS counts bytes before it compresses them: on disk they are
    about a fifth.

    Where `store_dir` has NATS's files (empty: elsewhere), `min_free` bytes of its disk stay free, or a
    twentieth of a small one: the past gives way.
    """

    enabled: bool = True
    days: Annotated[int, Meta(ge=1, le=1000)] = 5
    max_bytes: Annotated[int, Meta(ge=16 * 1024 * 1024)] = 8 * 1024 * 1024 * 1024
    store_dir: str = ""
    min_free: Annotated[int, Meta(ge=0)] = 1024 * 1024 * 1024

    @property
    def max_age(self) -> float:
        """Seconds in which there are so many trading days, whatever weekends and holidays are among them."""
        with_weekends = -(-self.days * 7 // 5)
        return (with_weekends + _FREE_DAYS + self.days // _DAYS_A_HOLIDAY) * 86_400.0


class ServiceSection(Section, frozen=True):
    """A process among its like. One with the `instance` of a dead one takes over its jobs at once.

    It serves Prometheus' figures on `metrics_port` (0: it does not) of `metrics_host`.
    """

    instance: str = ""
    metrics_port: Port = 0
    metrics_host: str = "127.0.0.1"


class LogSection(Section, frozen=True):
    """The log on stderr."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    style: Literal["text", "json"] = "text"


class Config(Section, frozen=True):
    """All settings."""

    nats: NatsSection = field(default_factory=NatsSection)
    provider: ProviderSection = field(default_factory=ProviderSection)
    market: MarketSection = field(default_factory=MarketSection)
    feed: FeedSection = field(default_factory=FeedSection)
    ranker: RankerSection = field(default_factory=RankerSection)
    hot: HotSection = field(default_factory=HotSection)
    events: EventsSection = field(default_factory=EventsSection)
    notify: NotifySection = field(default_factory=NotifySection)
    sim: SimSection = field(default_factory=SimSection)
    bridge: BridgeSection = field(default_factory=BridgeSection)
    history: HistorySection = field(default_factory=HistorySection)
    service: ServiceSection = field(default_factory=ServiceSection)
    log: LogSection = field(default_factory=LogSection)

    @property
    def scan_ms(self) -> float:
        """Market time from one scan to the next, ms: in a simulated market that runs fast, more than wall time."""
        if self.provider.simulated and self.sim.stepping:
            return STEP_SECONDS * 1000
        return self.feed.discovery_interval * 1000 * (max(1.0, self.sim.speed) if self.provider.simulated else 1.0)
