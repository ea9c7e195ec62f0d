"""Every process is killed or frozen at random, while followers of several lists check every sequence.

For FAULT_SECONDS (60); `make kill` does it for ten minutes. It prints how much was compared.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gapscan.bus.client import BusOptions, connect
from gapscan.bus.direct_get import get_from
from gapscan.client.api import ListView, follow
from gapscan.errors import BusError, UnknownListError
from gapscan.lists.state import Copy, Fit
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import Delta
from gapscan.runtime import end
from tests.support.until import until
from tests.support.up import ALL, RunningSet, running_set

SECONDS = float(os.environ.get("FAULT_SECONDS", 60))
pytestmark = [pytest.mark.slow, pytest.mark.timeout(240 + 2 * SECONDS)]

LISTS = ("most_active", "winners", "losers", "high_volume")
MANY = 10  # of so many rows, never more than half leave at once: who left for want of data would come back
LONGEST_FREEZE = 6.0  # seconds: twice the life of a lease


class Watcher:
    """Follows a list over all that happens; `rows` has what it showed at each sequence."""

    def __init__(self, name: str, nats: BusOptions) -> None:
        self.name = name
        self.rows: dict[int, tuple[object, ...]] = {}
        self.last: ListView | None = None
        self.faults: list[str] = []
        self.seen = 0
        self._nats = nats

    async def watch(self) -> None:
        while True:
            try:
                async for view in follow(self.name, nats=self._nats):
                    self._compare(view)
            except UnknownListError:  # the ranker is still starting
                pass
            except BusError:  # NATS is away just as the following begins
                pass
            await asyncio.sleep(0.05)

    def _compare(self, view: ListView) -> None:
        """With all that was shown before: each sequence has one state, and nothing goes back."""
        self.seen += 1
        earlier, self.last = self.last, view
        if self.rows.setdefault(view.sequence, view.rows) != view.rows:
            self.faults.append(f"two states of sequence {view.sequence}")
        if earlier is None:
            return
        if view.epoch != earlier.epoch:
            self.faults.append(f"another epoch after {earlier.sequence}")
        if view.sequence < earlier.sequence or view.as_of < earlier.as_of:
            self.faults.append(f"back from {earlier.sequence}, {earlier.as_of} to {view.sequence}, {view.as_of}")
        if len(earlier.rows) >= MANY and len(view.rows) < len(earlier.rows) / 2:
            self.faults.append(f"{len(earlier.rows)} rows, and {len(view.rows)} at {view.sequence}")
        if view.link.mismatches or view.link.malformed or view.link.rewinds:
            self.faults.append(f"{view.link} at {view.sequence}")

    async def moves(self) -> None:
        """Wait until the list is live."""
        await until(lambda: self.last is not None and self.last.state == "live", f"a live {self.name}")


@pytest.fixture
async def up(tmp_path: Path) -> AsyncIterator[RunningSet]:
    # All deltas are kept for as long as anybody lets a test run, so that the whole stream can be replayed.
    kept = {"GAPSCAN_NATS_DELTA_MAX_AGE": "36000", "GAPSCAN_NATS_DELTA_MAX_BYTES": str(256 * 1024 * 1024)}
    async with running_set(tmp_path, symbols=400, start="09:31", speed=20, **kept) as running:
        yield running


async def hit(up: RunningSet, dice: random.Random) -> str:
    """Kill a process, or stop it for a while; what was done."""
    victim = dice.choice(sorted(ALL))
    pid = up.pid(victim)
    if dice.random() < 0.5:
        os.kill(pid, signal.SIGKILL)
        await up.replaced(victim, pid)
        return f"{victim} killed"
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(dice.uniform(0.2, LONGEST_FREEZE))
    finally:
        os.kill(pid, signal.SIGCONT)
    return f"{victim} frozen"


async def test_nothing_is_wrong_whatever_is_killed_or_frozen(up: RunningSet) -> None:
    dice = random.Random(int(SECONDS))
    watchers = [Watcher(name, up.nats) for name in LISTS]
    tasks = [asyncio.create_task(watcher.watch()) for watcher in watchers]
    done: Counter[str] = Counter()
    try:
        await until(lambda: all(one.last is not None and one.last.rows for one in watchers), "lists with rows")
        ends = time.monotonic() + SECONDS
        while time.monotonic() < ends:
            done[await hit(up, dice)] += 1
            await asyncio.sleep(dice.uniform(0, 1.5))
        for watcher in watchers:
            await watcher.moves()
    finally:
        await end(*tasks)
    compared = sum([await compared_with_the_stream(watcher, up.nats) for watcher in watchers])
    print(f"\n{done.total()} faults, {sum(one.seen for one in watchers)} views, {compared} compared: {dict(done)}")
    assert [(one.name, fault) for one in watchers for fault in one.faults] == []
    assert compared > 10 * len(LISTS)


async def compared_with_the_stream(watcher: Watcher, nats: BusOptions) -> int:
    """The stream has every sequence from the first on, and passes through all that was shown; how often it did."""
    assert watcher.last is not None
    copy, compared, sequence = Copy(), 0, 0
    copy.epoch = watcher.last.epoch
    async with connect(nats, "check") as bus:
        while stored := await get_from(bus, names.DEFAULT.list_stream(watcher.name), sequence + 1, 1000):
            for message in stored:
                sequence += 1
                assert message.sequence == sequence, "a sequence is missing"
                assert copy.apply(decode_as(Delta, message.data), sequence) is Fit.APPLIED
                if sequence in watcher.rows:
                    assert tuple(copy.rows) == watcher.rows[sequence], f"{watcher.name} at {sequence}"
                    compared += 1
    assert sequence >= watcher.last.sequence
    return compared
