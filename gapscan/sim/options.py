"""A server from a handful of settings."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Literal

import msgspec

from gapscan.errors import ConfigError
from gapscan.market.sessions import epoch_ms, is_trading_day, last_trading_day, new_york
from gapscan.sim.clock import Clock, ManualClock, MarketClock
from gapscan.sim.faults import Faults
from gapscan.sim.hub import StreamOptions
from gapscan.sim.market import Market
from gapscan.sim.replay import ReplaySource
from gapscan.sim.server import SimServer
from gapscan.sim.source import Source
from gapscan.sim.synthetic import SyntheticSource


class SimOptions(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`replay` is a directory of flat files; without it the market is invented. `start` is a New York time.

    `speed` is market seconds per wall second, `bar_delay` how many market seconds bars lag. `manual`
    makes a clock that moves only when told to. `keys` None accepts any key.
    """

    replay: Path | None = None
    day: dt.date | None = None
    start: str = "09:25"
    speed: float = 1.0
    manual: bool = False
    seed: int = 7
    symbols: int = 11_000
    host: str = "127.0.0.1"
    port: int = 0
    keys: frozenset[str] | None = None
    bar_delay: float = 2.0
    connections_per_key: int = 1
    kick: Literal["new", "old"] = "new"
    unsent_limit: int = 8 << 20
    auth_timeout: float = 10.0


def make_server(options: SimOptions, *, today: dt.date, faults: Faults | None = None) -> SimServer:
    """The server that the options describe, not yet started. `today` decides the day where none is given.

    Raises ConfigError for a setting that cannot be, DataError for a replay without data.
    """
    _check(options)
    source = make_source(options, today)
    market = Market(source, bar_delay_ms=round(options.bar_delay * 1000))
    return SimServer(
        market,
        make_clock(options, options.day or source.start_date),
        host=options.host,
        port=options.port,
        keys=options.keys,
        faults=faults,
        stream=StreamOptions(
            connections_per_key=options.connections_per_key,
            kick=options.kick,
            limit=options.unsent_limit,
            auth_timeout=options.auth_timeout,
        ),
    )


def make_source(options: SimOptions, today: dt.date) -> Source:
    """The replay or the invented market."""
    if options.replay is not None:
        return ReplaySource(options.replay, options.day, seed=options.seed)
    day = options.day or last_trading_day(today)
    return SyntheticSource(day, options.seed, options.symbols)


def make_clock(options: SimOptions, day: dt.date) -> Clock:
    """A clock that shows `start` on `day` now."""
    try:
        start = epoch_ms(day, dt.time.fromisoformat(options.start))
    except ValueError:
        raise ConfigError(f"start is {options.start!r}", remedy="give a New York time such as 09:25") from None
    return ManualClock(start) if options.manual else MarketClock(start, options.speed)


def today_in_new_york(now: float) -> dt.date:
    """New York's date at a POSIX timestamp."""
    return new_york(round(now * 1000)).date()


def _check(options: SimOptions) -> None:
    if options.day is not None and not is_trading_day(options.day):
        raise ConfigError(
            f"day is {options.day}, when the market is closed",
            remedy=f"give a trading day such as {last_trading_day(options.day)}",
        )
    if not 0 < options.speed <= 100_000:
        raise ConfigError(f"speed is {options.speed}", remedy="give more than 0, at most 100000")
    if not 20 <= options.symbols <= 14_000:
        raise ConfigError(f"symbols is {options.symbols}", remedy="give 20 to 14000")
    if options.bar_delay < 0:
        raise ConfigError(f"bar_delay is {options.bar_delay}", remedy="give seconds, 0 or more")
