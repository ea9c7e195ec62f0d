"""A NATS with lists on it, and `gapscan` beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from gapscan.bus.client import Bus
from gapscan.bus.definitions import write_definition
from gapscan.bus.publisher import ListPublisher
from gapscan.bus.topology import Retention, ensure_shared
from gapscan.protocol.messages import Row
from gapscan.ranking.spec import shipped_lists
from tests.support.cli import Cli, Terminal
from tests.support.nats import NatsServer
from tests.support.until import PATIENCE

AS_OF = 1_795_357_800_000  # 2026-11-22 09:30:00 in New York


def rows_of(**prices: float | None) -> list[Row]:
    """Rows in the order given."""
    return [Row(symbol=symbol, price=price, volume=1000, session="pre") for symbol, price in prices.items()]


class OwnLists:
    """Publishes `gappers_up`, and its heartbeats five times a second as long as `beating`."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.publisher = ListPublisher(bus, "gappers_up")
        self.as_of = AS_OF
        self.beating = True
        self.simulated = True

    async def open(self) -> None:
        await ensure_shared(self.bus, Retention())
        for spec in shipped_lists().specs:
            await write_definition(self.bus, spec.definition)
        await self.publisher.recover(Retention(), self.simulated)

    async def publish(self, rows: list[Row]) -> int:
        """Publish `rows`; the sequence."""
        self.as_of += 1000
        await self.publisher.publish(rows, self.as_of)
        await self.publisher.write_snapshot(self.simulated)
        return self.publisher.sequence

    async def reconnected(self) -> None:
        """Wait until this side's link is up again."""
        back = asyncio.Event()
        stop_listening = self.bus.on_link_change(back.set)
        async with asyncio.timeout(PATIENCE):
            while not self.bus.connected:
                await back.wait()
                back.clear()
        stop_listening()

    async def beat(self) -> None:
        while True:
            if self.beating:
                with suppress(Exception):  # the server is away in some tests
                    await self.publisher.heartbeat("live", self.as_of, self.simulated)
            await asyncio.sleep(0.2)


@pytest.fixture
async def desk(bus: Bus) -> AsyncIterator[OwnLists]:
    """All shipped lists are defined; gappers_up is published and empty."""
    desk = OwnLists(bus)
    await desk.open()
    beats = asyncio.ensure_future(desk.beat())
    yield desk
    beats.cancel()
    await asyncio.gather(beats, return_exceptions=True)


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    home = tmp_path / "home"
    home.mkdir()
    return Cli(home)


@pytest.fixture
async def terminal() -> AsyncIterator[Callable[[int, int], Terminal]]:
    """Makes terminals of a size."""
    made: list[Terminal] = []

    def make(columns: int, lines: int) -> Terminal:
        made.append(Terminal(columns, lines))
        return made[-1]

    yield make
    for each in made:
        each.close()
        if each.process is not None:
            await each.process.wait()


@pytest.fixture
def dead_url(nats_server: NatsServer) -> str:
    """The URL of a server that is not there."""
    nats_server.kill()
    return nats_server.url
