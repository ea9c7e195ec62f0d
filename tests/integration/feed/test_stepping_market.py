"""A market that goes from minute to minute is scanned at one minute, whenever it hears that the last is ranked."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from msgspec import structs
from nats.aio.msg import Msg

from gapscan.bus.client import Bus
from gapscan.config import SimSection
from gapscan.feed.day_reader import DayReader
from gapscan.feed.discovery import Discovery
from gapscan.feed.market_clock import MarketClock
from gapscan.flatfiles.minutes import DayVolumes
from gapscan.market.sessions import MINUTE_MS
from gapscan.obs import Tally, logger
from gapscan.polygon.provider import PolygonProvider
from gapscan.polygon.stream import StreamSettings
from gapscan.protocol.codec import decode
from gapscan.protocol.messages import ReferenceFrame, VolumeCurves
from gapscan.provider import MarketSnapshot, MarketStatus
from gapscan.runtime import end
from gapscan.sim.clock import FollowingClock
from tests.support.flatfiles import even_day, sessions_before, write_minutes
from tests.support.nats import NatsServer
from tests.support.rig import DAY, KEY, market
from tests.support.stack import config_for, provider_on
from tests.support.until import until

MINUTES = 20


class HeldUp(PolygonProvider):
    """Its requests are on their way for some time."""

    dice = random.Random(7)

    async def status(self) -> MarketStatus:
        await self._hold()
        return await super().status()

    async def snapshot(self) -> MarketSnapshot:
        await self._hold()
        return await super().snapshot()

    async def _hold(self) -> None:
        await asyncio.sleep(self.dice.choice((0.0, 0.005, 0.02)))


async def test_clock_and_data_are_of_one_minute() -> None:
    dice, moments, words = random.Random(11), list[int](), list[asyncio.Task[None]]()
    async with market(follow=True, speed=5_000.0, symbols=300, start="10:00") as sim:
        following = sim.clock
        assert isinstance(following, FollowingClock)
        tally = Tally(logger("test"))
        provider = HeldUp("polygon", sim.url, StreamSettings(host=sim.ws_feed, key=KEY, secure=False), 5.0, tally)
        clock = MarketClock(provider, tally, simulated=True, stepping=True)

        async def ranked(at: int) -> None:
            await asyncio.sleep(dice.uniform(0.0, 0.04))  # while the next scan is under way
            following.ranked(at)

        while len({*moments}) < MINUTES:
            status, snapshot = await clock.scan()
            assert isinstance(status, MarketStatus)
            assert status.at - MINUTE_MS < snapshot.newest_event <= status.at
            moments.append(status.at)
            words.append(asyncio.create_task(ranked(status.at)))
        await end(*words)
    assert sorted({*moments}) == [*range(moments[0], moments[-1] + 1, MINUTE_MS)], "and no minute is passed over"


async def test_a_day_is_complete_when_its_volume_curves_are_there(
    nats_server: NatsServer, bus: Bus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is called complete, such a market waits for."""
    write_minutes(tmp_path, sessions_before(DAY, 1)[0], even_day(["FZA"], 500))
    may_read, read = asyncio.Event(), DayReader.read

    async def held_up(reader: DayReader, *args: object) -> DayVolumes:
        await may_read.wait()
        return await read(reader, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(DayReader, "read", held_up)
    heard: list[str] = []

    async def hear(stored: Msg) -> None:
        match decode(stored.data):
            case VolumeCurves():
                heard.append("curves")
            case ReferenceFrame(complete=complete):
                heard.append("complete" if complete else "names")

    for subject in (bus.names.feed_curves, bus.names.feed_reference):
        await bus.nc.subscribe(subject, cb=hear)
    async with market(manual=True) as sim:
        config = config_for(nats_server.url, sim, flat_files=str(tmp_path), baseline_sessions=3)
        config = structs.replace(config, sim=SimSection(follow=True, speed=60.0))
        tally = Tally(logger("feed"))
        feed = Discovery(bus, provider_on(sim, tally), config, tally)
        await feed.scan()
        jobs = [asyncio.create_task(job) for job in (feed.reference.run(), feed.curves.run())]
        try:
            await until(lambda: feed.reference.report()["baseline_sessions"] == 3, "all else")
            await until(lambda: "names" in heard, "the names")
            may_read.set()
            await until(lambda: "complete" in heard, "the whole of it")
            assert heard.index("curves") < heard.index("complete")
        finally:
            await end(*jobs)
