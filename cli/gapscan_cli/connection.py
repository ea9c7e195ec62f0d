"""Which NATS a command talks to, and links that wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from gapscan import config as settings
from gapscan import runfile
from gapscan.bus.client import Bus, BusOptions, connect, options_of
from gapscan.bus.contexts import selected_context
from gapscan.bus.running import with_login
from gapscan.errors import BusError
from gapscan.obs import hide

RETRY_SECONDS: Final = 0.5

Note = Callable[[str], None]


def find_nats(nats: str | None, config_file: Path | None, data: Path | None, context: str | None = None) -> BusOptions:
    """How to reach NATS: by --nats, --context or --data, else by the settings or NATS_CONTEXT, else what `gapscan up`
    runs, else the context that the nats command has selected, else the default.
    """
    config = settings.load(config_file).config
    hide(settings.secrets_of(config))
    section = config.nats
    if nats or context:
        found = options_of(section, nats, context)
    elif data is None and (section.url or section.context):
        found = options_of(section)
    elif running := _running_url(data):
        found = options_of(section, running)
    else:
        found = options_of(section, context=selected_context())
    return with_login(found, data)


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
