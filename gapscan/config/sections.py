"""The sections of the settings: keys, bounds, defaults. deploy/gapscan.toml says each key's meaning to users."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct, field

from gapscan.config.urls import nats_servers

# While the market is closed, scans come this many times less often, unless they are rare anyway.
_CLOSED_FACTOR: Final = 6.0
_FREE_DAYS: Final = 4  # a weekend and two holidays
_CLOSED_INTERVAL: Final = 30.0

STEPPING_SPEED: Final = 30.0  # from here on a minute of a simulated market takes two seconds at most
STEP_SECONDS: Final = 60.0

DEFAULT_NATS_URL: Final = "nats://127.0.0.1:4222"

# What one symbol each can have happen to it on the synthetic market's first day; gapscan/sim/scenarios.py has them.
SCENARIOS: Final = (
    "reverse_split", "forward_split", "special_dividend", "spin_off", "ipo", "rename", "overnight_halt",
)  # fmt: skip

Seconds = Annotated[float, Meta(gt=0)]
Port = Annotated[int, Meta(ge=0, le=65535)]


def time_of_day(start: str) -> dt.time:
    """What `start` says, in New York. Raises ValueError."""
    try:
        return dt.time.fromisoformat(start)
    except ValueError:
        raise ValueError(f"start is {start!r}, no time of day; write it as 09:25") from None


def date_of(day: str) -> dt.date:
    """What `day` says. Raises ValueError."""
    try:
        return dt.date.fromisoformat(day)
    except ValueError:
        raise ValueError(f"day is {day!r}, no date; write it as 2024-07-01") from None


def scenarios_of(text: str) -> tuple[str, ...]:
    """The scenarios of a text with commas; `all` is all of them. Raises ValueError."""
    found = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for name in found:
        if name not in (*SCENARIOS, "all"):
            raise ValueError(f"there is no scenario {name!r}; choose of {', '.join(SCENARIOS)}, or all")
    return SCENARIOS if "all" in found else found


class Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file."""


class NatsSection(Section, frozen=True):
    """Where NATS is, how to be let in, and how gapscan's streams are kept there.

    What is not given comes from the `context`, one of the nats command's, if one is named. A reader with an account
    of its own may need its `inbox_prefix`; writers leave it.
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
    replicas: Annotated[int, Meta(ge=1, le=5)] = 1
    delta_max_age: Seconds = 120.0
    delta_max_bytes: Annotated[int, Meta(ge=1_000_000)] = 16 * 1024 * 1024
    state_max_bytes: Annotated[int, Meta(ge=8_000_000)] = 192 * 1024 * 1024
    events_max_age: Annotated[float, Meta(ge=60)] = 7 * 86_400.0
    events_max_bytes: Annotated[int, Meta(ge=1_000_000)] = 128 * 1024 * 1024

    def __post_init__(self) -> None:
        """Raises ValueError, which msgspec passes on, for a URL that is none."""
        if self.url:
            nats_servers(self.url)


class ProviderSection(Section, frozen=True):
    """The market data provider, by its name in the registry, and where it is. Unset is what is usual with it.

    `simulated` marks data of the simulated market wherever it shows. `record` is a directory in which everything that
    the provider sends is kept, raw, so that it can be played again (empty: nothing is kept).
    """

    name: str = "polygon"
    library: str | None = None
    rest_url: str | None = None
    websocket_host: str | None = None
    secure_websocket: bool = True
    simulated: bool = False
    record: str = ""


class FeedSection(Section, frozen=True):
    """How often the whole market is scanned, in seconds of wall time, and how long a request may take.

    By both, rankers tell when a scan is overdue.
    `mode` says which symbols come live: the hot set, all of them, or none; `trades` adds the hot set's trades,
    `halts` the trading halts of all symbols, where the provider's plan has them.
    `halts_url` is a list of the exchanges' halts, read every `halts_interval` seconds (empty: none; what begins with a
    slash is on the provider's host).
    `details_per_second` bounds the requests for company details (0: none are made). What they bring is kept in NATS.
    `flat_files` is a directory of the provider's minute flat files (empty: none), as us_stocks_sip/minute_aggs_v1/
    YYYY/MM/DATE.csv.gz: from them comes how much has usually traded by which time of the day. What was read of them
    is kept in the directory `cache_dir` (empty: nowhere).
    """

    discovery_interval: Seconds = 30.0
    request_timeout: Seconds = 20.0
    baseline_sessions: Annotated[int, Meta(ge=0, le=60)] = 20
    mode: Literal["hot", "all", "off"] = "hot"
    trades: bool = False
    halts: bool = True
    halts_url: str = ""
    halts_interval: Seconds = 60.0
    details_per_second: Annotated[float, Meta(ge=0, le=1000)] = 4.0
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

    `lists_file` has a user's own lists; unset, it is lists.toml beside the user's own gapscan.toml.
    """

    snapshot_interval: Seconds = 1.0
    lease: Annotated[float, Meta(ge=1)] = 3.0
    hot_interval: Annotated[float, Meta(ge=0.02, le=10)] = 0.1
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
    gapscan.toml.
    """

    alerts_file: str | None = None


class NotifySection(Section, frozen=True):
    """Where alerts are delivered. `channels_file` has the channels; unset, it is channels.toml beside the user's own
    gapscan.toml.
    """

    channels_file: str | None = None


class SimSection(Section, frozen=True):
    """The simulated market. `start` is New York time, `day` YYYY-MM-DD, `replay` a directory of flat files.

    With `follow`, its clock waits for the ranker, minute by minute; from speed 30 on it goes from minute to minute and
    shows itself by scans alone: so the same lists at the same market times, whatever the speed and the machine. With
    `delay`, all data are so many seconds of market time behind its clock, as with a delayed plan.
    `origin` is the POSIX time at which market time was `start` (unset: when the market starts): with it, a market
    that is started again goes on where it would be. `scenarios` (text with commas, or `all`) are events of SCENARIOS.
    `recording` is a directory that the provider's `record` filled, to be played instead of a market: by the `clock`, at
    `speed`, as it came, or by `requests`, each scan getting the next one.
    """

    start: str = "09:25"
    day: str | None = None
    speed: Annotated[float, Meta(ge=0.001, le=10_000)] = 1.0
    seed: Annotated[int, Meta(ge=0)] = 7
    symbols: Annotated[int, Meta(ge=20, le=20_000)] = 11_000
    replay: str | None = None
    delay: Annotated[float, Meta(ge=0, le=7200)] = 0.0
    follow: bool = False
    host: str = "127.0.0.1"
    port: Port = 0
    origin: float | None = None
    scenarios: str = ""
    recording: str = ""
    pace: Literal["clock", "requests"] = "clock"

    @property
    def scenes(self) -> tuple[str, ...]:
        """The scenarios by name, each once."""
        return scenarios_of(self.scenarios)

    def __post_init__(self) -> None:
        """Raises ValueError, which msgspec passes on, for a time, a day or a scenario that is none."""
        time_of_day(self.start)
        scenarios_of(self.scenarios)
        if self.day is not None:
            date_of(self.day)

    @property
    def stepping(self) -> bool:
        """Whether the market goes from minute to minute: so fast a one that waits for the ranker does."""
        return self.follow and self.speed >= STEPPING_SPEED


SHIPPED_LINKS: Final = (
    "https://finance.yahoo.com/quote/{symbol}",
    "https://www.tradingview.com/chart/?symbol={symbol}",
    "https://www.sec.gov/cgi-bin/browse-edgar?action=getcompany&CIK={symbol}",
)


class BridgeSection(Section, frozen=True):
    """The web server for browsers. `window` is the least time between two sendings of a list to one client.

    `origins` are the only pages that may connect (text with commas, or a list); without any, those of the bridge's
    own host and of this machine may. `hosts` are names by which the bridge is reached from outside, beside those of
    the origins, addresses, and names of a local network; `*.example.org` is all in that domain, `*` any name. With a
    `token`, clients must know it. `links` are addresses of pages about a symbol, with `{symbol}` in them. `io_uring`
    is used to send where the system allows it.
    """

    host: str = "127.0.0.1"
    port: Port = 8080
    window: Annotated[float, Meta(ge=0.01, le=10)] = 0.1
    origins: str | list[str] | None = None
    hosts: str | list[str] | None = None
    token: str | None = None
    links: str | list[str] | None = field(default_factory=lambda: [*SHIPPED_LINKS])
    clients: Annotated[int, Meta(ge=1, le=100_000)] = 5000
    lists: Annotated[int, Meta(ge=1, le=1000)] = 64
    message_bytes: Annotated[int, Meta(ge=1024, le=1024 * 1024)] = 16 * 1024
    messages_per_second: Annotated[float, Meta(ge=1)] = 20.0
    slow_after: Seconds = 10.0
    io_uring: bool = True


class HistorySection(Section, frozen=True):
    """What the recorder keeps of the lists' past: `days` trading days at least, in `max_bytes` at most, the oldest
    goes first. Nothing is recorded with `enabled` false.

    Where `store_dir` has NATS's files (empty: elsewhere), `min_free` bytes of its disk stay free, or a
    twentieth of a small one: the past gives way.
    """

    enabled: bool = True
    days: Annotated[int, Meta(ge=1, le=1000)] = 5
    max_bytes: Annotated[int, Meta(ge=16 * 1024 * 1024)] = 2 * 1024 * 1024 * 1024
    store_dir: str = ""
    min_free: Annotated[int, Meta(ge=0)] = 1024 * 1024 * 1024

    @property
    def max_age(self) -> float:
        """Seconds in which there are so many trading days, whatever weekends and holidays are among them."""
        weeks, rest = divmod(self.days, 5)
        return (weeks * 7 + rest + _FREE_DAYS + self.days // 20) * 86_400.0


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
