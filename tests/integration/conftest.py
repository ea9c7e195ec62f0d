"""An open connection to a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from gapscan.bus.client import Bus, BusOptions, connect
from tests.support.nats import NatsServer


@pytest.fixture
async def bus(nats_server: NatsServer) -> AsyncIterator[Bus]:
    async with connect(BusOptions(nats_server.url), "test") as connection:
        yield connection


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What tests say that they compared, also those that ran in another process."""
    reports = [each for kind in ("passed", "failed") for each in terminalreporter.stats.get(kind, ())]
    texts = [text for each in reports for name, text in each.user_properties if name == "compared"]
    if texts:
        terminalreporter.section("compared")
        for text in texts:
            terminalreporter.write_line(text)
