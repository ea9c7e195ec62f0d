"""Which NATS a command talks to, and links that wait for it."""

from __future__ import annotations

import asyncio
import os
import tomllib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from gapscan import config as settings
from gapscan import runfile
from gapscan.bus.client import Bus, BusOptions, connect, options_of
from gapscan.bus.running import with_login
from gapscan.errors import BusError

RETRY_SECONDS: Final = 0.5
_URL_VARIABLE: Final = f"{settings.ENV_PREFIX}NATS_URL"

Note = Callable[[str], None]


def find_nats(nats: str | None, config_file: Path | None, data: Path | None) -> BusOptions:
    """How to reach NATS: by --nats, else by the settings, else what `gapscan up` runs, else the default."""
    loaded = settings.load(config_file)
    section = loaded.config.nats
    url = nats or (None if data else _configured_url(loaded, os.environ)) or _running_url(data) or section.url
    return with_login(options_of(section, url), data)


def _configured_url(loaded: settings.Loaded, env: Mapping[str, str]) -> str | None:
    """The URL if somebody wrote it down; None when it is only the default."""
    tables = tomllib.loads(loaded.path.read_text("utf-8")) if loaded.path else {}
    return loaded.config.nats.url if _URL_VARIABLE in env or "url" in tables.get("nats", {}) else None


def _running_url(data: Path | None) -> str | None:
    running = runfile.read(data)
    if running is None and data is not None:
        raise BusError(f"no gapscan is running on {data}", remedy="start it with `gapscan up --data DIR`")
    return running.nats_url if running else None


@asynccontextmanager
async def patient_link(options: BusOptions, name: str, note: Note) -> AsyncIterator[Bus]:
    """A connection that is waited for; what it waits for is said once, at once."""
    async with AsyncExitStack() as stack:
        bus: Bus | None = None
        said = ""
        while bus is None:
            try:
                bus = await stack.enter_async_context(connect(options, name))
            except BusError as error:
                if str(error) != said:
                    said = str(error)
                    note(f"{said}; trying again until it answers")
                await asyncio.sleep(RETRY_SECONDS)
        if said:
            note("connected")
        yield bus
