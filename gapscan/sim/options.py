"""A server from a handful of settings."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Final, Literal

import msgspec

from gapscan.config import SimSection, check_trading_day, check_values
from gapscan.errors import ConfigError
from gapscan.market.sessions import epoch_ms, last_trading_day, new_york
from gapscan.sim.account import AccountPlan
from gapscan.sim.clock import Clock, FollowingClock, ManualClock, MarketClock
from gapscan.sim.faults import Faults
from gapscan.sim.hub import StreamOptions
from gapscan.sim.market import Market
from gapscan.sim.replay import ReplaySource
from gapscan.sim.server import SimServer
from gapscan.sim.source import Source
from gapscan.sim.synthetic import SyntheticSource

_DEFAULTS: Final = SimSection()


class SimOptions(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`replay` is a directory of flat files; without it the market is invented. `start` is a New York time.

    `speed` is market seconds per wall second, `bar_delay` how many market seconds bars lag, `delay` how many of them
    all data are behind the clock, as with a delayed plan; with `night` the invented market trades in the nights; `plan`
    is what else the account may have. `manual` makes a clock that moves only when told to, `follow` one that waits to
    be told what is ranked (`clock.FollowingClock`). `keys` None accepts any key. What the settings have too has their
    bounds and defaults.
    """

    replay: Path | None = None
    day: dt.date | None = None
    start: str = _DEFAULTS.start
    speed: float = _DEFAULTS.speed
    manual: bool = False
    follow: bool = False
    seed: int = _DEFAULTS.seed
    scenarios: tuple[str, ...] = ()
    night: bool = _DEFAULTS.night
    symbols: int = _DEFAULTS.symbols
    host: str = _DEFAULTS.host
    port: int = _DEFAULTS.port
    keys: frozenset[str] | None = None
    bar_delay: float = 2.0
    delay: float = 0.0
    plan: AccountPlan = AccountPlan()
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
        delay_ms=round(options.delay * 1000),
        plan=options.plan,
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
    return SyntheticSource(day, options.seed, options.symbols, options.scenarios, options.night)


def make_clock(options: SimOptions, day: dt.date) -> Clock:
    """A clock that shows `start` on `day` now."""
    start = epoch_ms(day, dt.time.fromisoformat(options.start))
    if options.manual:
        return ManualClock(start)
    clock = MarketClock(start, options.speed)
    return FollowingClock(clock, night=options.night and options.replay is None) if options.follow else clock


def today_in_new_york(now: float) -> dt.date:
    """New York's date at a POSIX timestamp."""
    return new_york(round(now * 1000)).date()


def _check(options: SimOptions) -> None:
    check_values("sim", start=options.start, speed=options.speed, seed=options.seed, symbols=options.symbols)
    if options.day is not None:
        check_trading_day(options.day)
    for name, seconds in (("bar_delay", options.bar_delay), ("delay", options.delay)):
        if seconds < 0:
            raise ConfigError(f"{name} is {seconds}", remedy="give seconds, 0 or more")
