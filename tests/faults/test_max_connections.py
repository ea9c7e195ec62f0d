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
from tests.integration.feed.rig import Rig, market
from tests.support.stack import until

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
            await rig.whole(30)
            yield rig
        finally:
            await end(task)


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_data_flows_again_after_the_wait() -> None:
    async with held() as rig:
        sessions, refused_at = rig.sim.stats.stream.connections, time.monotonic()
        rig.sim.faults.set("ws_max_connections", count=1)
        await until(lambda: rig.ledger and rig.ledger[-1]["reason"] == "max_connections", "the refusal")
        missed = len(rig.bars)
        await until(lambda: rig.ledger[-1]["to"], "the repair", WAIT + 60)
        await until(lambda: len(rig.bars) > missed, "bars", 30)
        recovered = time.monotonic() - refused_at
        assert recovered >= WAIT
        assert rig.sim.stats.stream.connections == sessions + 1  # it was left alone meanwhile
        await rig.whole(30)
        print(f"bars again {recovered:.1f} s after the refusal")
