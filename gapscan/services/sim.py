"""The simulated market as a process of its own."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from pathlib import Path

from gapscan.config import Config
from gapscan.errors import ConfigError
from gapscan.obs import logger
from gapscan.sim.options import SimOptions, make_server, today_in_new_york

_log = logger("sim")


def sim_options(config: Config) -> SimOptions:
    """The simulated market of the settings. Raises ConfigError for a day that is none."""
    section = config.sim
    return SimOptions(
        replay=Path(section.replay).expanduser() if section.replay else None,
        day=_day(section.day) if section.day else None,
        start=section.start,
        speed=section.speed,
        seed=section.seed,
        symbols=section.symbols,
        host=section.host,
        port=section.port,
    )


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"day is {text!r}", remedy="give a date such as 2024-03-08") from None


async def main(config: Config, stop: asyncio.Event) -> None:
    """Serve the simulated market until `stop` is set."""
    options = sim_options(config)
    # Building a market takes seconds of computing; nothing else runs in this process yet.
    server = make_server(options, today=today_in_new_york(time.time()))
    if config.sim.origin is not None:
        elapsed = time.time() - config.sim.origin
        server.clock.set(server.clock.now() + round(elapsed * 1000 * options.speed))
    async with server:
        _log.info("simulated market", extra={"url": server.url, "websocket": f"ws://{server.ws_feed}/stocks"})
        await stop.wait()
