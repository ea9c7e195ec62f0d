"""Two hours of the market at ten times its speed: memory stays flat, no copy fails its checksum or is taken anew.

The set has run for ten minutes before that: NATS keeps the newest block of each list's stream in memory, and those of
the slower lists take as long to fill.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from gapscan.bus.client import Bus, connect
from gapscan.bus.definitions import read_definitions
from gapscan.client.api import Follower, ListView
from gapscan.runtime import end
from tests.bench.registry import Benchmark, Figure
from tests.support.up import RunningSet, running_set

SPEED = 10.0
WARM_UP_SECONDS = float(os.environ.get("SOAK_WARM_UP_SECONDS", 600))  # on the wall
MARKET_SECONDS = float(os.environ.get("SOAK_MARKET_SECONDS", 7200))
SAMPLE_SECONDS = 5.0
SETTLED = 0.25  # the share of the run after which memory must not grow
_MB = 1e6


class Followers:
    """One follower a list; every view is proved by its checksum, or it would not be shown."""

    def __init__(self) -> None:
        self.views: dict[str, ListView] = {}
        self.count = 0

    async def follow(self, bus: Bus, name: str) -> None:
        async for view in Follower(bus, name).views():
            self.views[name] = view
            self.count += 1


class Memory:
    """Resident memory of each process over time, in MB."""

    def __init__(self, running: RunningSet) -> None:
        self.samples: dict[str, list[float]] = {name: [] for name in running.pids_by_name()}
        self._processes = {name: psutil.Process(pid) for name, pid in running.pids_by_name().items()}

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self._processes.values()]

    def sample(self) -> None:
        for name, process in self._processes.items():
            self.samples[name].append(process.memory_info().rss / _MB)

    def growth(self, name: str) -> float:
        """How much one process grew after the first quarter (%)."""
        return _growth(self.samples[name])

    def growth_of_all(self) -> float:
        """How much all processes together grew after the first quarter (%)."""
        return _growth([sum(samples) for samples in zip(*self.samples.values(), strict=True)])


def _growth(samples: Sequence[float]) -> float:
    """By the line that fits the samples best: what a collector has not yet collected at the end is no growth."""
    later = samples[int(len(samples) * SETTLED) :]
    slope, start = statistics.linear_regression(range(len(later)), later)
    return slope * (len(later) - 1) / start * 100


async def _lists(bus: Bus) -> list[str]:
    while not (definitions := await read_definitions(bus)):
        await asyncio.sleep(0.2)
    return [definition.name for definition in definitions]


async def _soak() -> Sequence[Figure]:
    with tempfile.TemporaryDirectory() as directory:
        async with (
            running_set(Path(directory), symbols=11_000, start="09:31", speed=SPEED) as running,
            connect(running.nats, "soak") as bus,
        ):
            followers, memory = Followers(), Memory(running)
            tasks = [asyncio.create_task(followers.follow(bus, name)) for name in await _lists(bus)]
            await asyncio.sleep(WARM_UP_SECONDS)
            ends = time.monotonic() + MARKET_SECONDS / SPEED
            while time.monotonic() < ends:
                assert set(memory.pids) == set(running.pids()), running.log()[-5000:]
                memory.sample()
                await asyncio.sleep(SAMPLE_SECONDS)
            failed = [task.exception() for task in tasks if task.done()]
            assert not failed, failed
            await end(*tasks)
    return _figures(followers, memory)


def _figures(followers: Followers, memory: Memory) -> Sequence[Figure]:
    links = [view.link for view in followers.views.values()]
    what = f"{MARKET_SECONDS / 3600:g} h at {SPEED:g}x"
    figures = [
        Figure(f"{what}: views of {len(links)} lists", followers.count, ""),
        Figure(f"{what}: checksum failures", sum(link.mismatches for link in links), "", 0),
        Figure(f"{what}: copies taken anew", sum(link.snapshots - 1 for link in links), "", 0),
        Figure(f"{what}: memory growth of all together", memory.growth_of_all(), "%", 5.0),
    ]
    return figures + [
        Figure(f"{what}: memory growth of {name}", memory.growth(name), "%", 5.0, f"{samples[-1]:.0f} MB at the end")
        for name, samples in memory.samples.items()
    ]


def soak() -> Sequence[Figure]:
    return asyncio.run(_soak())


BENCHMARKS: dict[str, Benchmark] = {"soak": soak}
