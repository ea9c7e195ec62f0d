"""Settings: one gapscan.toml, overridden by GAPSCAN_* variables, checked as a whole before anything starts.

Looked for in this order: the given path, ./gapscan.toml, gapscan/gapscan.toml in the user's config directory.
`GAPSCAN_NATS_URL=...` overrides `url` in `[nats]`, and so on for every key. The API key comes from
POLYGON_API_KEY only, and is never part of what is printed or logged.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct, field

from gapscan.errors import ConfigError

FILE_NAME: Final = "gapscan.toml"
ENV_PREFIX: Final = "GAPSCAN_"
API_KEY_VARIABLE: Final = "POLYGON_API_KEY"

Seconds = Annotated[float, Meta(gt=0)]
Port = Annotated[int, Meta(ge=0, le=65535)]


def directory_of(setting: str) -> Path | None:
    """The directory that a setting names, `~` being the user's home; None for an empty one. Raises ConfigError."""
    try:
        return Path(setting).expanduser() if setting else None
    except RuntimeError as error:
        raise ConfigError(f"directory {setting}: {error}", remedy="name it in full") from None


class Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file."""


class NatsSection(Section, frozen=True):
    """Where NATS is, and how gapscan's streams are kept there.

    A reader with an account of its own may need its `inbox_prefix`; writers leave it.
    """

    url: str = "nats://127.0.0.1:4222"
    user: str | None = None
    password: str | None = None
    credentials: str | None = None
    inbox_prefix: str = "_INBOX"
    replicas: Annotated[int, Meta(ge=1, le=5)] = 1
    delta_max_age: Seconds = 120.0
    delta_max_bytes: Annotated[int, Meta(ge=1_000_000)] = 16 * 1024 * 1024


class PolygonSection(Section, frozen=True):
    """The market data provider. `simulated` marks data of the simulated market wherever it shows."""

    library: Literal["polygon", "massive"] = "polygon"
    rest_url: str = "https://api.polygon.io"
    websocket_host: str = "socket.polygon.io"
    secure_websocket: bool = True
    simulated: bool = False


class FeedSection(Section, frozen=True):
    """How often the whole market is scanned, in seconds of wall time, and how long a request may take.

    `mode` says which symbols come live: the hot set, all of them, or none; `trades` adds the hot set's trades,
    `halts` the trading halts of all symbols, where the provider's plan has them.
    `details_per_second` bounds the requests for company details (0: none are made). What they bring is kept in the
    directory `cache_dir` (empty: nowhere) and in NATS.
    `flat_files` is a directory of the provider's minute flat files (empty: none), as us_stocks_sip/minute_aggs_v1/
    YYYY/MM/DATE.csv.gz: from them comes how much has usually traded by which time of the day.
    """

    discovery_interval: Seconds = 30.0
    request_timeout: Seconds = 20.0
    baseline_sessions: Annotated[int, Meta(ge=0, le=60)] = 20
    mode: Literal["hot", "all", "off"] = "hot"
    trades: bool = False
    halts: bool = True
    details_per_second: Annotated[float, Meta(ge=0, le=1000)] = 4.0
    cache_dir: str = ""
    flat_files: str = ""


class RankerSection(Section, frozen=True):
    """How the ranker publishes. A ranker that is gone for `lease` seconds is replaced by one that stands by.

    `lists_file` has a user's own lists; unset, it is lists.toml beside the user's own gapscan.toml.
    """

    snapshot_interval: Seconds = 1.0
    heartbeat_interval: Seconds = 1.0
    lease: Annotated[float, Meta(ge=1)] = 3.0
    stale_after: Seconds = 90.0
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


class SimSection(Section, frozen=True):
    """The simulated market. `start` is New York time, `day` YYYY-MM-DD, `replay` a directory of flat files.

    `origin` is the POSIX time at which market time was `start` (unset: when the market starts): with it, a market
    that is started again goes on where it would be.
    """

    start: str = "09:25"
    day: str | None = None
    speed: Annotated[float, Meta(gt=0, le=10_000)] = 1.0
    seed: int = 7
    symbols: Annotated[int, Meta(ge=1, le=20_000)] = 11_000
    replay: str | None = None
    host: str = "127.0.0.1"
    port: Port = 0
    origin: float | None = None


class BridgeSection(Section, frozen=True):
    """The web server for browsers. `window` is the least time between two sendings of a list to one client.

    `origins` are the only pages that may connect (text with commas, or a list); without any, those of the bridge's
    own host and of this machine may. `hosts` are names by which the bridge is reached from outside, beside those of
    the origins, addresses, and names of a local network; `*.example.org` is all in that domain, `*` any name. With a
    `token`, clients must know it. `io_uring` is used to send where the system allows it.
    """

    host: str = "127.0.0.1"
    port: Port = 8080
    window: Annotated[float, Meta(ge=0.01, le=10)] = 0.1
    origins: str | list[str] | None = None
    hosts: str | list[str] | None = None
    token: str | None = None
    clients: Annotated[int, Meta(ge=1, le=100_000)] = 5000
    lists: Annotated[int, Meta(ge=1, le=1000)] = 64
    message_bytes: Annotated[int, Meta(ge=1024, le=1024 * 1024)] = 16 * 1024
    messages_per_second: Annotated[float, Meta(ge=1)] = 20.0
    slow_after: Seconds = 10.0
    io_uring: bool = True


class ServiceSection(Section, frozen=True):
    """A process's name among its like. A process with the name of a dead one takes over its jobs at once."""

    instance: str = ""


class LogSection(Section, frozen=True):
    """The log on stderr."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    style: Literal["text", "json"] = "text"


class Config(Section, frozen=True):
    """All settings. `source` says where they came from."""

    nats: NatsSection = field(default_factory=NatsSection)
    polygon: PolygonSection = field(default_factory=PolygonSection)
    feed: FeedSection = field(default_factory=FeedSection)
    ranker: RankerSection = field(default_factory=RankerSection)
    hot: HotSection = field(default_factory=HotSection)
    sim: SimSection = field(default_factory=SimSection)
    bridge: BridgeSection = field(default_factory=BridgeSection)
    service: ServiceSection = field(default_factory=ServiceSection)
    log: LogSection = field(default_factory=LogSection)


class Loaded(Struct, frozen=True):
    """Settings, and the file they were read from (None: defaults and environment only)."""

    config: Config
    path: Path | None


def user_config_dir(env: Mapping[str, str]) -> Path:
    """The directory for a user's own gapscan.toml."""
    base = env.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "gapscan"


def find_file(env: Mapping[str, str]) -> Path | None:
    """The settings file that applies when none is named."""
    for path in (Path.cwd() / FILE_NAME, user_config_dir(env) / FILE_NAME):
        if path.is_file():
            return path
    return None


def load(path: Path | None = None, env: Mapping[str, str] = os.environ) -> Loaded:
    """Read the settings. Raises ConfigError that names the file or variable, the key and the fault."""
    path = path or find_file(env)
    tables = _read(path) if path else {}
    config = _convert(tables, str(path))
    for variable, section, key in _variables():
        if variable in env:
            tables.setdefault(section, {})[key] = _plain(section, key, env[variable])
            config = _convert(tables, variable)
    return Loaded(config, path)


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", remedy="name another with --config") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from None


def _convert(tables: dict[str, Any], source: str) -> Config:
    try:
        # Not strict: everything in an environment variable is text.
        return msgspec.convert(tables, Config, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"{source}: {error}", remedy="deploy/gapscan.toml shows the settings with their meaning"
        ) from None


def _variables() -> list[tuple[str, str, str]]:
    """Every environment variable that overrides a key: (variable, section, key)."""
    return [
        (f"{ENV_PREFIX}{section}_{key}".upper(), section, key)
        for section, default in msgspec.structs.asdict(Config()).items()
        for key in msgspec.structs.asdict(default)
    ]


def _plain(section: str, key: str, text: str) -> str | None:
    """Empty means "no value" where a key can have none."""
    return text if text or getattr(getattr(Config(), section), key) == "" else None


def as_environment(config: Config) -> dict[str, str]:
    """Variables that give another process these settings, whatever files it finds."""
    variables: dict[str, str] = {}
    for variable, section, key in _variables():
        value = getattr(getattr(config, section), key)
        variables[variable] = _as_text(value)
    return variables


def _as_text(value: object) -> str:
    if isinstance(value, list):
        return ",".join(value)
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def api_key(env: Mapping[str, str] = os.environ) -> str | None:
    """The provider's API key, if there is one."""
    return env.get(API_KEY_VARIABLE) or None
