"""What every service does: connect and wait for NATS, answer status requests, hold a lease."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Final, TypeVar

import msgspec
import nats.micro
from nats.micro.request import Request
from nats.micro.service import EndpointConfig, ServiceConfig

from gapscan import __version__
from gapscan.bus.client import NATS_ERRORS, Bus, connect, options_of
from gapscan.bus.lease import LeaseHolder
from gapscan.bus.topology import Retention
from gapscan.config import Config
from gapscan.errors import BusError, GapscanError
from gapscan.obs import logger, masked_values
from gapscan.protocol import names
from gapscan.runtime import Backoff

T = TypeVar("T")

STATUS_ENDPOINT: Final = "status"
# Seconds between two tries of what NATS refused or did not answer.
RETRY_FIRST: Final = 0.1
RETRY_LIMIT: Final = 2.0

Report = Callable[[], dict[str, Any]]


def retention(config: Config) -> Retention:
    """What the settings say about keeping deltas."""
    section = config.nats
    return Retention(section.delta_max_age, section.delta_max_bytes, section.replicas, section.state_max_bytes)


@asynccontextmanager
async def lasting_bus(config: Config, service: str) -> AsyncIterator[Bus]:
    """A connection to NATS, waited for as long as it takes."""
    log, backoff = logger(service), Backoff(RETRY_FIRST, RETRY_LIMIT)
    async with AsyncExitStack() as stack:
        bus: Bus | None = None
        while bus is None:
            try:
                bus = await stack.enter_async_context(connect(options_of(config.nats), names.SERVICE_PREFIX + service))
            except BusError as error:
                log.warning("waiting for NATS: %s", error.message)
                await asyncio.sleep(backoff.next())
        yield bus


@asynccontextmanager
async def reporting(bus: Bus, service: str, report: Report) -> AsyncIterator[None]:
    """Answer NATS's service discovery ($SRV.PING, $SRV.STATS) with what `report` says."""
    started = time.time()

    def stats(_endpoint: Any) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "started": round(started, 3),
            **masked_values(report()),
        }

    async def answer(request: Request) -> None:
        await request.respond(msgspec.json.encode(stats(None)))

    micro = await nats.micro.add_service(
        bus.nc, ServiceConfig(names.SERVICE_PREFIX + service, __version__, stats_handler=stats)
    )
    await micro.add_endpoint(EndpointConfig(STATUS_ENDPOINT, answer, subject=names.status_subject(service)))
    try:
        yield
    finally:
        if bus.connected:
            with suppress(*NATS_ERRORS):  # the link was lost at this moment: then nobody hears of the service anyway
                await micro.stop()


def lease_for(bus: Bus, job: str, config: Config) -> LeaseHolder:
    """This process's claim to `job`."""
    instance = config.service.instance
    holder = f"{instance}/{job}" if instance else f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
    return LeaseHolder(bus, job, holder, config.ranker.lease)


async def retrying(log_name: str, doing: str, action: Callable[[], Awaitable[T]]) -> T:
    """Await `action()` until it works; only errors that can pass by themselves are waited out."""
    log, backoff = logger(log_name), Backoff(RETRY_FIRST, RETRY_LIMIT)
    while True:
        try:
            return await action()
        except GapscanError as error:
            if not error.retry:
                raise
            log.warning("%s: %s, trying again", doing, error.message)
            await asyncio.sleep(backoff.next())
