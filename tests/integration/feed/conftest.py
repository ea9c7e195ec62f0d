"""A server that has what the feed needs."""

from __future__ import annotations

import pytest

from gapscan.bus.client import Bus
from gapscan.bus.topology import Retention, ensure_shared


@pytest.fixture
async def bus(bus: Bus) -> Bus:
    """A connection to a server with all that the feed needs."""
    await ensure_shared(bus, Retention())
    return bus
