"""A ranker that was away for longer than deltas are kept: no list begins a new epoch, and none is shown empty."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from gapscan.bus.client import Bus, connect
from gapscan.bus.direct_get import get_from
from gapscan.bus.snapshots import read_snapshot
from gapscan.bus.topology import epoch_of, list_names
from gapscan.client.api import Follower, ListView
from gapscan.protocol import names
from gapscan.runtime import end
from tests.support.until import until
from tests.support.up import running_set

pytestmark = pytest.mark.timeout(180)

LIST = "most_active"
KEPT, AWAY = 1.0, 4.0


async def epochs(bus: Bus) -> dict[str, str | None]:
    return {name: epoch_of(await bus.js.stream_info(names.DEFAULT.list_stream(name))) for name in await list_names(bus)}


async def collect(bus: Bus, views: list[ListView]) -> None:
    async for view in Follower(bus, LIST).views():
        views.append(view)


async def not_in_the_snapshot(bus: Bus) -> int:
    snapshot = await read_snapshot(bus, LIST)
    return len(await get_from(bus, names.DEFAULT.list_stream(LIST), snapshot.sequence + 1, 1000)) if snapshot else 0


async def test_all_lists_keep_their_epochs(tmp_path: Path) -> None:
    """It stands still with deltas that are in no snapshot, is killed long after, and another one takes its place."""
    settings = {"GAPSCAN_NATS_DELTA_MAX_AGE": str(KEPT), "GAPSCAN_RANKER_SNAPSHOT_INTERVAL": "3"}
    async with (
        running_set(tmp_path, symbols=400, start="09:31", speed=20, **settings) as up,
        connect(up.nats, "t") as bus,
    ):
        views: list[ListView] = []
        await until(lambda: read_snapshot(bus, LIST), "the list")
        following = asyncio.create_task(collect(bus, views))
        try:
            await until(lambda: views and views[-1].sequence > 3 and views[-1].rows, "a list with rows")
            before = await epochs(bus)
            pid = up.pid("ranker")
            await until(lambda: not_in_the_snapshot(bus), "a delta that is in no snapshot")
            os.kill(pid, signal.SIGSTOP)
            assert await not_in_the_snapshot(bus)
            await asyncio.sleep(AWAY)
            reached = views[-1].sequence
            os.kill(pid, signal.SIGKILL)
            await up.replaced("ranker", pid)
            await until(lambda: views[-1].sequence > reached + 3 and views[-1].state == "live", "the list moves again")
            assert await epochs(bus) == before
        finally:
            await end(following)
        shown = [view for view in views if view.sequence > 3]
        assert all(view.rows for view in shown)
        assert [view.sequence for view in views] == sorted(view.sequence for view in views)
        assert (views[-1].link.snapshots, views[-1].link.mismatches) == (1, 0)
