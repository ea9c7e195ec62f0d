"""A service's connection to NATS, and how the settings want its streams kept there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from gapscan.bus.client import Bus, connect, options_of
from gapscan.bus.topology import Retention
from gapscan.config import Config
from gapscan.errors import BusError
from gapscan.obs import logger
from gapscan.runtime import Backoff
from gapscan.service.retrying import RETRY_FIRST, RETRY_LIMIT


def retention(config: Config) -> Retention:
    """What the settings say about keeping deltas."""
    section = config.nats
    return Retention(
        section.delta_max_age, section.delta_max_bytes, section.replicas, section.state_max_bytes,
        section.events_max_age, section.events_max_bytes,
    )  # fmt: skip


@asynccontextmanager
async def lasting_bus(config: Config, service: str) -> AsyncIterator[Bus]:
    """A connection to NATS, waited for as long as it takes."""
    log, backoff = logger(service), Backoff(RETRY_FIRST, RETRY_LIMIT)
    options = options_of(config.nats)
    async with AsyncExitStack() as stack:
        bus: Bus | None = None
        while bus is None:
            try:
                bus = await stack.enter_async_context(connect(options, options.completed().names.service(service)))
            except BusError as error:
                log.warning("waiting for NATS: %s", error.message)
                await asyncio.sleep(backoff.next())
        yield bus
