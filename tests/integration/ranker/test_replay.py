"""What the feed says once reaches a ranker whose link to NATS was away when it was said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import numpy as np
import pytest

from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.topology import ensure_shared
from gapscan.config import Config
from gapscan.market.universe import Universe
from gapscan.obs import Tally, logger
from gapscan.protocol import names
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import Halts, Message, ReferenceFrame, VolumeCurves
from gapscan.ranker import replay
from gapscan.ranker.ingest import Ingest
from gapscan.runtime import end
from gapscan.service.connecting import retention
from tests.support.market import TIMES, stock, universe_frame
from tests.support.nats import NatsServer
from tests.support.proxy import link_to
from tests.support.rig import DAY
from tests.support.until import until

SYMBOLS = ["A", "B"]
NOW = TIMES.regular + 60_000


@asynccontextmanager
async def taking(bus: Bus, tally: Tally) -> AsyncIterator[Ingest]:
    """An ingest that takes in what comes."""
    ingest = Ingest(bus, Universe(), tally)

    async def go_on() -> None:
        while True:
            await ingest.arrival()
            ingest.apply()

    async with ingest.listening():
        task = asyncio.create_task(go_on())
        try:
            yield ingest
        finally:
            await end(task)


def reference(split: bool) -> ReferenceFrame:
    return ReferenceFrame(
        1, 1, str(DAY), True, ["A"], ["A company"], ["XNAS"], ["CS"], [False], [split], [1e6], [1e3], [None], [20]
    )


def halts(as_of: int, status: Literal["halted", "resumed"], symbol: str) -> Halts:
    return Halts(as_of, True, [symbol], [status], [as_of])


def halted(universe: Universe) -> dict[str, str | None]:
    return dict(zip(SYMBOLS, universe.text("halt").words(np.arange(len(SYMBOLS))), strict=True))


async def test_what_was_said_while_the_link_was_away_is_read_on_its_return(nats_server: NatsServer) -> None:
    async with (
        link_to(nats_server.port) as link,
        connect(BusOptions(nats_server.url), "feed") as feed,
        connect(BusOptions(f"nats://127.0.0.1:{link.port}"), "ranker") as bus,
    ):
        await ensure_shared(feed, retention(Config()))

        async def say(subject: str, message: Message) -> None:
            await feed.js.publish(subject, encode(message))

        await say(names.DEFAULT.feed_universe, universe_frame([stock(symbol) for symbol in SYMBOLS], NOW))
        tally = Tally(logger("test"))
        async with taking(bus, tally) as ingest:
            universe = ingest.universe
            await say(names.DEFAULT.feed_halts, halts(NOW, "halted", "A"))
            await say(names.DEFAULT.feed_reference, reference(split=False))
            await until(lambda: halted(universe)["A"] == "halted" and ingest.has_reference, "what comes live")
            await link.cut()
            await until(lambda: not bus.connected, "the loss of the link")
            await say(names.DEFAULT.feed_halts, halts(NOW + 1, "halted", "B"))
            await say(names.DEFAULT.feed_reference, reference(split=True))
            await say(names.DEFAULT.feed_curves, VolumeCurves(1, 1, str(DAY), [240, 1200], ["A"], [20], [[0, 9]]))
            await link.mend()
            await until(lambda: halted(universe) == {"A": None, "B": "halted"}, "the halts of today")
            await until(lambda: universe.curves.serve(DAY), "the volume curves")
            await until(lambda: universe.number("split_today")[0] == 1.0, "the reference data")
            assert tally.counts["bad_frames"] == 0


async def test_older_halts_that_are_read_again_change_nothing(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "FIRST", 0.01)
    async with connect(BusOptions(nats_server.url), "test") as bus:
        await ensure_shared(bus, retention(Config()))
        await bus.js.publish(
            names.DEFAULT.feed_universe, encode(universe_frame([stock(symbol) for symbol in SYMBOLS], NOW))
        )
        async with taking(bus, Tally(logger("test"))) as ingest:
            await bus.nc.publish(names.DEFAULT.feed_halts, encode(halts(NOW + 2, "halted", "B")))
            await until(lambda: halted(ingest.universe)["B"] == "halted", "the newest")
            await bus.js.purge_stream(names.DEFAULT.stream_halts)
            await bus.js.publish(names.DEFAULT.feed_halts, encode(halts(NOW + 1, "halted", "A")))
            ingest.replay.want()
            await until(lambda: not ingest.replay.pending, "the reading")
            await bus.nc.publish(names.DEFAULT.feed_halts, encode(halts(NOW + 3, "resumed", "B")))
            await until(lambda: halted(ingest.universe)["B"] == "resumed", "what came after")
            assert halted(ingest.universe)["A"] is None
