"""A provider that says "too many connections" is left alone for as long as it takes to forget the old one."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from gapscan.polygon.supervisor import LinkOptions
from gapscan.runtime import end
from tests.support.rig import Rig, market
from tests.support.until import until

# As in production but for this: with MAX_CONNECTIONS_SECONDS=60 it takes as long as there.
WAIT = float(os.environ.get("MAX_CONNECTIONS_SECONDS", "2"))
OPTIONS = msgspec.structs.asdict(LinkOptions(max_connections_wait=WAIT))


@asynccontextmanager
async def held() -> AsyncIterator[Rig]:
    """A session on a market as fast as a real one."""
    async with market(speed=1.0) as sim:
        rig = Rig(sim, OPTIONS, {})
        task = asyncio.create_task(rig.supervisor.run())
        try:
            await rig.whole()
            yield rig
        finally:
            await end(task)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("after", ["", "auth", "subscribe"])
async def test_data_flows_again_after_the_wait(after: str) -> None:
    """A rival takes the session's place and turns the next one away; the one after that has all topics."""
    async with held() as rig:
        stats, began = rig.sim.stats.stream, time.monotonic()
        sessions = stats.connections
        rig.sim.faults.set("ws_max_connections", after=after)
        await until(lambda: stats.rejected and rig.report["state"] == "waiting", "the refusal", WAIT + 60)
        rig.sim.faults.clear()
        gone, missed = time.monotonic(), len(rig.bars)
        await until(lambda: rig.report["settled"], "a session", WAIT + 60)
        assert rig.confirmed == rig.topics
        await until(lambda: len(rig.bars) > missed, "bars")
        recovered = time.monotonic()
        assert recovered - began >= 2 * WAIT
        assert stats.connections == sessions + 2  # it was left alone meanwhile
        await rig.whole()
        print(f"bars again {recovered - gone:.1f} s after the rival was gone")
