"""A connection to a real server, a published list and a bridge."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

import pytest

from gapscan.bridge import broadcast
from gapscan.bridge.io_uring import IoUring
from gapscan.bus.client import Bus
from tests.support.bridge import Served, defined_list, running_bridge
from tests.support.lists import Published
from tests.support.nats import NatsServer


@pytest.fixture
async def movers(bus: Bus) -> Published:
    """A list with some changes behind it."""
    published = await defined_list(bus)
    await published.step(5)
    return published


@pytest.fixture(params=["write", "io_uring"])
def each_writer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames are written in one way, then in the other, however few the clients are."""
    if request.param == "io_uring":
        try:
            IoUring().close()
        except OSError as error:
            pytest.skip(f"no io_uring here: {error.strerror}")
    monkeypatch.setattr(broadcast, "FEW", 1 if request.param == "io_uring" else sys.maxsize)


@pytest.fixture
async def served(movers: Published, nats_server: NatsServer) -> AsyncIterator[Served]:
    """A bridge that knows the list."""
    async with running_bridge(nats_server.url) as bridge:
        await bridge.knows("movers")
        yield bridge
