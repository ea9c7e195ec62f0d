"""A connection to a real server, a published list and a bridge."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gapscan.bus.client import Bus, BusOptions, connect
from tests.integration.bridge.support import Served, defined_list, running_bridge
from tests.support.lists import Published
from tests.support.nats import NatsServer


@pytest.fixture
async def bus(nats_server: NatsServer) -> AsyncIterator[Bus]:
    async with connect(BusOptions(nats_server.url), "test") as connection:
        yield connection


@pytest.fixture
async def movers(bus: Bus) -> Published:
    """A list with some changes behind it."""
    published = await defined_list(bus)
    await published.step(5)
    return published


@pytest.fixture
async def served(movers: Published, nats_server: NatsServer) -> AsyncIterator[Served]:
    """A bridge that knows the list."""
    async with running_bridge(nats_server.url) as bridge:
        await bridge.knows("movers")
        yield bridge
