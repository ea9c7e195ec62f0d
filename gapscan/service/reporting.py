"""Every service as a NATS micro service, so that `nats service` and `gapscan status` find it and what it reports."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec

from gapscan.bus.client import Bus
from gapscan.obs import masked_values
from gapscan.service.micro import Endpoint, MicroService

STATUS_ENDPOINT: Final = "status"
_QUEUE: Final = "q"  # of all services that say no other: any one instance answers
_DESCRIPTIONS: Final = {
    "feed": "asks the market data provider and publishes scans, bars and halts; one leads, others stand by",
    "ranker": "ranks the market and publishes the lists; one leads and says why, others stand by",
    "hot": "chooses the symbols that come live; one leads, others stand by",
    "events": "stores what the lists' changes mean, each thing once; one leads, others stand by",
    "notify": "delivers alerts to channels; one leads, others stand by",
    "recorder": "keeps what the lists were; one leads, others stand by",
    "bridge": "serves the lists to browsers",
}

Report = Callable[[], dict[str, Any]]


def no_more() -> Iterable[Endpoint]:
    """The other endpoints of a service that answers for its status alone."""
    return ()


@asynccontextmanager
async def reporting(
    bus: Bus, service: str, report: Report, more: Callable[[], Iterable[Endpoint]] = no_more
) -> AsyncIterator[None]:
    """Answer NATS's service discovery, and requests for the status, with what `report` says.

    `more` says which endpoints this instance answers beside, at the moment. Raises BusError.
    """
    started = round(time.time(), 3)
    process = {"pid": os.getpid(), "host": socket.gethostname(), "started": started}

    def said() -> dict[str, Any]:
        unstored = bus.unstored.report()
        return {**process, **masked_values({**report(), **({"unstored": unstored} if unstored else {})})}

    status = Endpoint(
        name=STATUS_ENDPOINT,
        subject=bus.names.status_subject(service),
        queue_group=_QUEUE,
        metadata={"response_format": "application/json"},
        data=said,
    )
    micro = MicroService(
        bus,
        bus.names.service(service),
        _DESCRIPTIONS.get(service, ""),
        {"host": socket.gethostname(), "pid": str(os.getpid())},
        lambda: (status, *more()),
    )
    async with micro.answering((status, lambda _request: msgspec.json.encode(said()))):
        yield
