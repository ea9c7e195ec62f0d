"""Volume curves on their way into a ranker: one that starts while they are published, and parts that are lost."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from gapscan.market.universe import Universe
from gapscan.obs import Tally, logger
from gapscan.protocol import names
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import Clock, VolumeCurves
from gapscan.ranker import replay
from gapscan.ranker.ingest import Ingest
from gapscan.runtime import end
from gapscan.service.common import reporting
from gapscan.service.status import collect
from tests.integration.feed.rig import DAY, market
from tests.integration.feed.test_volume_curves import DAYS, READING, even_day
from tests.support.flatfiles import write_minutes
from tests.support.stack import running
from tests.support.until import until

KNOTS = [240, 570, 960, 1200]


def set_of(parts, symbols=300):
    """A whole set; each part has symbols of its own."""
    rows = [[0, 5, 50, 100]] * symbols
    return [
        VolumeCurves(n, parts, str(DAY), KNOTS, [f"S{n}-{i}" for i in range(symbols)], [20] * symbols, rows)
        for n in range(1, parts + 1)
    ]


async def publish(bus, parts):
    for part in parts:
        await bus.js.publish(names.FEED_CURVES, encode(part))


@asynccontextmanager
async def taking(bus, waiting=0):
    """An ingest that takes in what comes, with room for `waiting` messages, if that is given."""
    ingest = Ingest(bus, Universe(), Tally(logger("test")))
    if waiting:
        ingest._waiting = asyncio.Queue(waiting)
    async with ingest.listening():

        async def go_on():
            while True:
                await ingest.arrival()
                ingest.apply()

        task = None

        def start():
            nonlocal task
            task = asyncio.create_task(go_on())

        try:
            yield ingest, start
        finally:
            if task is not None:
                await end(task)


async def test_who_starts_while_curves_are_published_has_them(bus):
    parts = set_of(40)
    for begun in range(0, 40, 8):
        await bus.js.purge_stream(names.STREAM_CURVES)
        await publish(bus, parts[:begun])
        publishing = asyncio.create_task(publish(bus, parts[begun:]))
        async with taking(bus) as (ingest, start):
            await publishing
            start()
            await until(lambda: ingest.universe.curves.serve(DAY), "the whole set")
            assert len(ingest.universe.curves) == 40 * 300
            assert ingest._tally.counts["bad_frames"] == 0


async def test_parts_that_come_live_and_stored_are_taken_once(bus):
    parts = set_of(6)
    await publish(bus, parts[:1])
    async with taking(bus) as (ingest, start):
        await publish(bus, parts[1:4])
        await until(lambda: ingest._waiting.qsize() == 3, "three parts that wait")
        await ingest._recover()  # has the three already
        await publish(bus, parts[4:])
        start()
        await until(lambda: ingest.universe.curves.serve(DAY), "the whole set")
        assert ingest._tally.counts["bad_frames"] == 0


@pytest.mark.parametrize("lost", [0, 3, 5], ids=["first", "middle", "last"])
async def test_a_lost_part_is_read_again(bus, lost):
    async with taking(bus, waiting=2) as (ingest, start):
        for number, part in enumerate(set_of(6)):
            if number == lost:  # there is no room for it
                for _ in range(2):
                    ingest._waiting.put_nowait(Clock(0))
            await publish(bus, [part])
            if number == lost:
                await until(lambda: ingest._tally.counts["parts_dropped"] == 1, "the loss")
            await ingest.arrival()
            ingest.apply()
        assert not ingest.universe.curves.serve(DAY)
        start()
        await until(lambda: ingest.universe.curves.serve(DAY), "the whole set")
        assert len(ingest.universe.curves) == 6 * 300
        assert ingest._tally.counts["curves_lacking"] >= 1


async def test_a_set_that_breaks_off_is_read_again_now_and_then_only(bus, monkeypatch):
    monkeypatch.setattr(replay, "FIRST", 0.01)
    parts = set_of(6)
    async with taking(bus) as (ingest, start):
        start()
        await publish(bus, parts[:3])
        await until(lambda: ingest._tally.counts["curves_lacking"] == 4, "four readings")
        assert ingest._tally.counts["bad_frames"] == 0
        await publish(bus, parts[3:])
        await until(lambda: ingest.universe.curves.serve(DAY), "the whole set")
        await until(lambda: not ingest._replay.pending, "an end of the readings")


async def test_status_tells_which_curves_the_ranker_has(nats_server, tmp_path):
    write_minutes(tmp_path, DAYS[0], even_day(["A", "B"], 10))
    async with market(manual=True) as sim, running(sim, nats_server.url, flat_files=str(tmp_path)) as stack:
        assert stack.report()["curves"] == {"date": None, "symbols": 0}
        await stack.load_reference()
        await until(lambda: stack.report()["curves"] == {"date": str(DAY), "symbols": 2}, "curves", READING)
        async with reporting(stack.bus, "ranker", stack.report), reporting(stack.bus, "feed", stack.feed.report):
            curves = (await collect(stack.bus)).curves
        assert (curves.date, curves.symbols, curves.ranker_date, curves.ranker_symbols) == (str(DAY), 2, str(DAY), 2)
