"""Volume curves on their way into a ranker: one that starts while they are published, and parts that are lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gapscan.bus.client import Bus
from gapscan.market.sessions import previous_trading_day
from gapscan.market.universe import Universe
from gapscan.obs import Tally, logger
from gapscan.protocol import names
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import Clock, VolumeCurves
from gapscan.ranker import replay
from gapscan.ranker.ingest import CAPACITY, Ingest
from gapscan.runtime import end
from gapscan.service.reporting import reporting
from gapscan.service.status import collect
from tests.support.flatfiles import READING, even_day, write_minutes
from tests.support.nats import NatsServer
from tests.support.rig import DAY, market
from tests.support.stack import running
from tests.support.until import until

KNOTS = [240, 570, 960, 1200]


def set_of(parts: int, symbols: int = 300) -> list[VolumeCurves]:
    """A whole set; each part has symbols of its own."""
    rows = [[0, 5, 50, 100]] * symbols
    return [
        VolumeCurves(n, parts, str(DAY), KNOTS, [f"S{n}-{i}" for i in range(symbols)], [20] * symbols, rows)
        for n in range(1, parts + 1)
    ]


async def publish(bus: Bus, parts: Iterable[VolumeCurves]) -> None:
    for part in parts:
        await bus.js.publish(names.DEFAULT.feed_curves, encode(part))


class Taking:
    """An ingest that hears what comes, and takes it in once it is told to start."""

    def __init__(self, bus: Bus, capacity: int) -> None:
        self.tally = Tally(logger("test"))
        self.ingest = Ingest(bus, Universe(), self.tally, capacity)
        self.curves = self.ingest.universe.curves
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._go_on())

    async def _go_on(self) -> None:
        while True:
            await self.ingest.arrival()
            self.ingest.apply()

    async def close(self) -> None:
        if self._task is not None:
            await end(self._task)


@asynccontextmanager
async def taking(bus: Bus, capacity: int = CAPACITY) -> AsyncIterator[Taking]:
    one = Taking(bus, capacity)
    async with one.ingest.listening():
        try:
            yield one
        finally:
            await one.close()


async def test_who_starts_while_curves_are_published_has_them(bus: Bus) -> None:
    parts = set_of(40)
    for begun in range(0, 40, 8):
        await bus.js.purge_stream(names.DEFAULT.stream_curves)
        await publish(bus, parts[:begun])
        publishing = asyncio.create_task(publish(bus, parts[begun:]))
        async with taking(bus) as one:
            await publishing
            one.start()
            await until(lambda: one.curves.serve(DAY), "the whole set")
            assert len(one.curves) == 40 * 300
            assert one.tally.counts["bad_frames"] == 0


async def test_parts_that_come_live_and_stored_are_taken_once(bus: Bus) -> None:
    parts = set_of(6)
    await publish(bus, parts[:1])
    async with taking(bus) as one:
        await publish(bus, parts[1:4])
        await until(lambda: one.ingest.waiting == 3, "three parts that wait")
        await one.ingest.recover()  # has the three already
        await publish(bus, parts[4:])
        one.start()
        await until(lambda: one.curves.serve(DAY), "the whole set")
        assert one.tally.counts["bad_frames"] == 0


@pytest.mark.parametrize("lost", [0, 3, 5], ids=["first", "middle", "last"])
async def test_a_lost_part_is_read_again(bus: Bus, lost: int) -> None:
    async with taking(bus, capacity=2) as one:
        for number, part in enumerate(set_of(6)):
            if number == lost:  # there is no room for it
                for _ in range(2):
                    await bus.nc.publish(names.DEFAULT.feed_clock, encode(Clock(0)))
                await until(lambda: one.ingest.waiting == 2, "no room")
            await publish(bus, [part])
            if number == lost:
                await until(lambda: one.tally.counts["parts_dropped"] == 1, "the loss")
            await one.ingest.arrival()
            one.ingest.apply()
        assert not one.curves.serve(DAY)
        one.start()
        await until(lambda: one.curves.serve(DAY), "the whole set")
        assert len(one.curves) == 6 * 300
        assert one.tally.counts["curves_lacking"] >= 1


async def test_a_set_that_breaks_off_is_read_again_now_and_then_only(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "FIRST", 0.01)
    parts = set_of(6)
    async with taking(bus) as one:
        one.start()
        await publish(bus, parts[:3])
        await until(lambda: one.tally.counts["curves_lacking"] == 4, "four readings")
        assert one.tally.counts["bad_frames"] == 0
        await publish(bus, parts[3:])
        await until(lambda: one.curves.serve(DAY), "the whole set")
        await until(lambda: not one.ingest.replay.pending, "an end of the readings")


async def test_status_tells_which_curves_the_ranker_has(nats_server: NatsServer, tmp_path: Path) -> None:
    write_minutes(tmp_path, previous_trading_day(DAY), even_day(["A", "B"], 10))
    async with market(manual=True) as sim, running(sim, nats_server.url, flat_files=str(tmp_path)) as stack:
        assert stack.report()["curves"] == {"date": None, "symbols": 0}
        await stack.load_reference()
        await until(lambda: stack.report()["curves"] == {"date": str(DAY), "symbols": 2}, "curves", READING)
        async with reporting(stack.bus, "ranker", stack.report), reporting(stack.bus, "feed", stack.feed.report):
            curves = (await collect(stack.bus)).curves
        assert curves is not None
        assert (curves.date, curves.symbols, curves.ranker_date, curves.ranker_symbols) == (str(DAY), 2, str(DAY), 2)
