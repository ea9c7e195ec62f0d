"""What a client sees when a part of `gapscan up` is killed, or stands still: for how long a list does not move, and for
how much of that it is shown as stale.
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

from gapscan.bus.client import BusOptions
from gapscan.client.api import follow
from gapscan.errors import BusError, UnknownListError
from gapscan.runtime import end
from tests.bench.registry import Benchmark, Figure
from tests.support.up import RunningSet, running_set

LIST = "most_active"
ROUNDS = 3
FROZEN_SECONDS: Final = 10.0
SEEN_SECONDS: Final = 15.0  # for which is looked after a fault
SETTLED_SECONDS: Final = 5.0
PARTS = ("nats", "ranker", "feed", "sim", "hot", "events")

Fault = Callable[[RunningSet], Awaitable[None]]


class Onlooker:
    """Follows the list; the moments at which it moved, and at which it became stale or live again."""

    def __init__(self, nats: BusOptions) -> None:
        self.moved: list[float] = []
        self.states: list[tuple[float, str]] = [(0.0, "stale")]
        self._nats = nats

    async def look(self) -> None:
        while True:
            try:
                await self._follow()
            except (BusError, UnknownListError):
                await asyncio.sleep(0.05)

    async def _follow(self) -> None:
        sequence = -1
        async for view in follow(LIST, nats=self._nats):
            now = time.monotonic()
            if view.sequence != sequence:
                sequence = view.sequence
                self.moved.append(now)
            if view.state != self.states[-1][1]:
                self.states.append((now, view.state))

    def stood_still(self, began: float, ended: float) -> float:
        """For how long at most, in seconds."""
        moments = [began, *(moment for moment in self.moved if began < moment < ended), ended]
        return max(later - earlier for earlier, later in pairwise(moments))

    def was_stale(self, began: float, ended: float) -> float:
        """For how long in all, in seconds."""
        spans = pairwise([*self.states, (ended, "")])
        return sum(max(0.0, till - max(at, began)) for (at, state), (till, _) in spans if state == "stale")


async def nothing(_running: RunningSet) -> None:
    """How the list moves by itself."""


def killed(part: str) -> Fault:
    async def fault(running: RunningSet) -> None:
        os.kill(running.pid(part), signal.SIGKILL)

    return fault


def frozen(part: str) -> Fault:
    async def fault(running: RunningSet) -> None:
        pid = running.pid(part)
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(FROZEN_SECONDS)
        finally:
            os.kill(pid, signal.SIGCONT)

    return fault


def _faults() -> dict[str, Fault]:
    return {
        "nothing": nothing,
        **{f"{part} killed": killed(part) for part in PARTS},
        **{f"{part} frozen for {FROZEN_SECONDS:g} s": frozen(part) for part in PARTS[:4]},
    }


async def _measure() -> Sequence[Figure]:
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as directory:
        async with running_set(Path(directory), symbols=400, start="09:31", speed=20) as running:
            onlooker = Onlooker(running.nats)
            task = asyncio.create_task(onlooker.look())
            await asyncio.sleep(2 * SETTLED_SECONDS)
            for name, fault in _faults().items():
                figures += await _rounds(name, fault, running, onlooker)
            await end(task)
    return figures


async def _rounds(name: str, fault: Fault, running: RunningSet, onlooker: Onlooker) -> Sequence[Figure]:
    still, stale = [], []
    for _ in range(ROUNDS):
        await asyncio.sleep(SETTLED_SECONDS)
        began = time.monotonic()
        await fault(running)
        await asyncio.sleep(SEEN_SECONDS)
        ended = time.monotonic()
        still.append(onlooker.stood_still(began, ended))
        stale.append(onlooker.was_stale(began, ended))
    return [
        Figure(f"{name}: the list stands still for, at most", max(still), "s"),
        Figure(f"{name}: and is stale for", max(stale), "s"),
    ]


def faults() -> Sequence[Figure]:
    return asyncio.run(_measure())


BENCHMARKS: dict[str, Benchmark] = {"faults": faults}
