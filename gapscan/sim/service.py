"""The simulated market as a process of its own."""

from __future__ import annotations

import asyncio
import time

from gapscan.config import Config, expanded, simulated_day
from gapscan.obs import logger
from gapscan.runtime import until_stopped
from gapscan.service.connecting import lasting_bus
from gapscan.service.metrics import Metrics, gauge, serving
from gapscan.service.retrying import retrying
from gapscan.sim.account import AccountPlan
from gapscan.sim.clock import FollowingClock, MarketClock
from gapscan.sim.following import follow
from gapscan.sim.options import SimOptions, make_server, make_source, today_in_new_york
from gapscan.sim.recorded import RecordedServer, Recording

_log = logger("sim")


def sim_options(config: Config) -> SimOptions:
    """The simulated market of the settings. Raises ConfigError for a day on which the market is closed."""
    section = config.sim
    return SimOptions(
        replay=expanded(section.replay) if section.replay else None,
        day=simulated_day(section),
        start=section.start,
        speed=section.speed,
        seed=section.seed,
        symbols=section.symbols,
        scenarios=section.scenes,
        night=section.night,
        host=section.host,
        port=section.port,
        delay=section.behind,
        plan=AccountPlan.without(section.limits),
        follow=section.follow,
    )


def check_replay(config: Config) -> None:
    """Read the beginning of the directory that the settings name to play. Raises DataError when it lacks something."""
    if config.sim.recording:
        make_recorded(config)
        return
    make_source(sim_options(config), today_in_new_york(time.time()))


def make_recorded(config: Config) -> RecordedServer:
    """The server that plays the recording of the settings, not yet started. Raises DataError without one."""
    section = config.sim
    recording = Recording(expanded(section.recording))
    clock = MarketClock(recording.began, section.speed)
    return RecordedServer(recording, clock, section.pace, section.host, section.port)


async def _play(config: Config, stop: asyncio.Event) -> None:
    server = make_recorded(config)
    metrics = Metrics("sim")
    metrics.add(lambda: [gauge("sim_market_timestamp_seconds", "market time now", server.clock.now() / 1000)])
    async with serving(config.service, metrics), server:
        _log.info("recorded market", extra={"url": server.url, "websocket": f"ws://{server.ws_feed}/stocks"})
        await until_stopped(stop, server.serve_forever())


async def main(config: Config, stop: asyncio.Event) -> None:
    """Serve the simulated market until `stop` is set, or until its stream fails: then its error is raised."""
    options = sim_options(config)
    if config.sim.recording:
        await _play(config, stop)
        return
    # Building a market takes seconds of computing; nothing else runs in this process yet.
    server = make_server(options, today=today_in_new_york(time.time()))
    if config.sim.origin is not None and not config.sim.follow:
        elapsed = time.time() - config.sim.origin
        server.clock.set(server.clock.now() + round(elapsed * 1000 * options.speed))
    metrics = Metrics("sim")
    metrics.add(lambda: [gauge("sim_market_timestamp_seconds", "market time now", server.clock.now() / 1000)])
    async with serving(config.service, metrics), server:
        _log.info("simulated market", extra={"url": server.url, "websocket": f"ws://{server.ws_feed}/stocks"})
        following = [_follow(config, server.clock)] if isinstance(server.clock, FollowingClock) else []
        await until_stopped(stop, server.serve_forever(), *following)


async def _follow(config: Config, clock: FollowingClock) -> None:
    async with lasting_bus(config, "sim") as bus:
        await retrying("sim", "following the ranker", lambda: follow(bus, clock))
