"""An open connection to a real server, with gapscan's streams and buckets."""

from __future__ import annotations

import pytest

from gapscan.bus.client import Bus
from gapscan.bus.topology import Retention, ensure_shared


@pytest.fixture
async def bus(bus: Bus) -> Bus:
    await ensure_shared(bus, Retention())
    return bus
