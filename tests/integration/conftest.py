"""An open connection to a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gapscan.bus.client import Bus, BusOptions, connect
from tests.support.nats import NatsServer


@pytest.fixture
async def bus(nats_server: NatsServer) -> AsyncIterator[Bus]:
    async with connect(BusOptions(nats_server.url), "test") as connection:
        yield connection
