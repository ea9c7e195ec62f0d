"""kill -9 of the parts in mid-stream: lists continue, a follower stays exact, sequences stay contiguous."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from gapscan.bus.client import BusOptions, connect
from gapscan.bus.direct_get import get_from
from gapscan.bus.snapshots import read_snapshot
from gapscan.client.api import ListView, follow
from gapscan.errors import UnknownListError
from gapscan.lists.state import Copy, Fit
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import Delta
from gapscan.runtime import end
from tests.support.processes import started
from tests.support.up import RunningSet, running_set

pytestmark = pytest.mark.timeout(180)

LIST = "most_active"


class Watcher:
    """A follower that checks every view against the one before it and against the stream."""

    def __init__(self, nats: BusOptions) -> None:
        self.views: list[ListView] = []
        self._nats = nats

    async def watch(self) -> None:
        while True:
            try:
                async for view in follow(LIST, nats=self._nats):
                    self.views.append(view)
            except UnknownListError:  # the ranker is still starting
                await asyncio.sleep(0.05)

    @property
    def last(self) -> ListView:
        return self.views[-1]

    def check(self) -> None:
        epochs = {view.epoch for view in self.views}
        assert len(epochs) == 1, "the list was reset"
        sequences = [view.sequence for view in self.views]
        assert sequences == sorted(sequences)
        assert self.last.link.snapshots == 1, "the copy was taken anew"
        assert self.last.link.mismatches == 0
        for earlier, later in pairwise(self.views):
            self._compare(earlier, later)

    @staticmethod
    def _compare(earlier: ListView, later: ListView) -> None:
        """No price moves back in event time, and a full list does not empty."""
        assert later.rows or not earlier.rows, "the list emptied"
        times = {row["symbol"]: row["price_time"] or 0 for row in earlier.rows}
        for row in later.rows:
            assert (row["price_time"] or 0) >= times.get(row["symbol"], 0), row["symbol"]

    async def moves_on(self, deltas: int = 2) -> None:
        """Wait until the list has moved by some deltas and is live."""
        goal = self.last.sequence + deltas
        async with asyncio.timeout(40):
            while self.last.sequence < goal or self.last.state != "live":
                await asyncio.sleep(0.05)


@asynccontextmanager
async def watched(running: RunningSet) -> AsyncIterator[Watcher]:
    watcher = Watcher(running.nats)
    task = asyncio.create_task(watcher.watch())
    try:
        async with asyncio.timeout(40):
            while not watcher.views or watcher.last.sequence < 2 or not watcher.last.rows:
                assert not task.done(), task.exception()
                await asyncio.sleep(0.05)
        yield watcher
    finally:
        await end(task)


async def stream_is_whole(nats: BusOptions, views: list[ListView]) -> None:
    """The stream has every sequence, replays from empty, and passes through every view that was shown."""
    async with connect(nats, "check") as bus:
        stored = await get_from(bus, names.DEFAULT.list_stream(LIST), 1, 100_000)
    assert [message.sequence for message in stored] == list(range(1, len(stored) + 1))
    copy, shown = Copy(), {view.sequence: view.rows for view in views}
    copy.epoch = views[0].epoch
    for message in stored:
        assert copy.apply(decode_as(Delta, message.data), message.sequence) is Fit.APPLIED
        if message.sequence in shown:
            assert tuple(copy.rows) == shown[message.sequence]


@pytest.fixture
async def up(tmp_path: Path) -> AsyncIterator[RunningSet]:
    # All deltas are kept for as long as anybody lets a test run, so that the whole stream can be replayed.
    kept = {"GAPSCAN_NATS_DELTA_MAX_AGE": "3600"}
    async with running_set(tmp_path, symbols=400, start="09:31", speed=20, **kept) as running:
        yield running


@pytest.mark.parametrize("victim", ["ranker", "nats", "feed", "sim", "hot", "bridge"])
async def test_a_part_is_killed(up: RunningSet, victim: str) -> None:
    async with watched(up) as watcher:
        await watcher.moves_on()
        pid = up.pid(victim)
        os.kill(pid, signal.SIGKILL)
        await up.replaced(victim, pid)
        await watcher.moves_on(3)
        watcher.check()
        await stream_is_whole(up.nats, watcher.views)


async def test_parts_are_killed_at_random(up: RunningSet) -> None:
    """For KILL_SECONDS (20); the longer, the more states they are killed in."""
    order = random.Random(11)
    ends = time.monotonic() + float(os.environ.get("KILL_SECONDS", 20))
    async with watched(up) as watcher:
        while time.monotonic() < ends:
            victim = order.choice(["ranker", "nats", "feed", "hot"])
            pid = up.pid(victim)
            os.kill(pid, signal.SIGKILL)
            await up.replaced(victim, pid)
            await asyncio.sleep(order.uniform(0, 1.5))
        await watcher.moves_on(3)
        watcher.check()
        await stream_is_whole(up.nats, watcher.views)
        async with connect(up.nats, "check") as bus:
            snapshot = await read_snapshot(bus, LIST)
        assert snapshot is not None
        assert snapshot.epoch == watcher.last.epoch


async def test_ctrl_c_ends_everything_and_a_new_market_begins_anew(tmp_path: Path) -> None:
    """The market that is simulated next is of another time: nothing of the old one is left in the lists."""
    async with running_set(tmp_path, symbols=400, start="09:31", speed=20) as first:
        async with watched(first) as watcher:
            await watcher.moves_on()
        before, pids = watcher.last, first.pids()
        assert await first.interrupt() == 0
        assert not any(alive(pid) for pid in pids)
        assert not (first.data / "run.json").exists()
    async with running_set(tmp_path, symbols=400, start="09:26", speed=20) as second:
        async with watched(second) as watcher:
            await watcher.moves_on()
        assert watcher.last.epoch != before.epoch
        assert watcher.last.as_of < before.as_of
        pids = second.pids()
        assert await second.interrupt(signal.SIGHUP) == 0  # the terminal is closed
        assert not any(alive(pid) for pid in pids)


async def test_a_set_that_was_killed_leaves_nothing_behind(tmp_path: Path) -> None:
    async with running_set(tmp_path, symbols=400, start="09:31", speed=20) as first:
        async with watched(first):
            pass
        services = [first.pid(name) for name in ("feed", "ranker", "sim")]
        orphan = first.pid("nats")
        await first.kill()
        async with asyncio.timeout(10):
            while any(alive(pid) for pid in services):
                await asyncio.sleep(0.05)
    async with running_set(tmp_path, symbols=400, start="09:31", speed=20) as second, watched(second) as watcher:
        await watcher.moves_on()
        assert not alive(orphan)


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_a_second_set_on_the_same_data_is_refused(up: RunningSet) -> None:
    pipe = asyncio.subprocess.PIPE
    async with started(*up.command(), stdout=pipe, stderr=pipe) as process:
        _, errors = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 2
    assert b"another gapscan is running on" in errors
