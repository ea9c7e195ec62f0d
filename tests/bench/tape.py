"""The past: what the recorder costs at the open, what a session weighs on the tape, and how long a question takes."""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import psutil

from gapscan.bus.client import Bus, connect
from gapscan.bus.definitions import read_definitions
from gapscan.bus.tape import tape_info
from gapscan.client.tape_reader import TapeReader
from gapscan.errors import GapscanError, NotRecordedError, UnknownListError
from gapscan.protocol import names
from tests.bench.registry import Benchmark, Figure, percentile
from tests.support.up import RunningSet, running_set, stored_set

SYMBOLS = 11_000
OPEN_SECONDS = 90.0
SESSION_SPEED = 130.0
SESSION_MINUTES = 16 * 60
QUESTIONS = 1000


def at_the_open() -> Sequence[Figure]:
    """At real speed, over the opening bell."""
    return asyncio.run(_measured("the open", "09:29", 1.0, OPEN_SECONDS, at_rest=False))


def session() -> Sequence[Figure]:
    """From pre-market to post-market. SESSION_SPEED (130: seven and a half minutes) says how fast it is played.

    The market waits for nobody, so that lists change as often as they can be ranked: the faster, the fewer messages a
    minute has. Questions are asked when it is over, of NATS alone: no market runs at such a speed beside those who ask.
    """
    speed = float(os.environ.get("SESSION_SPEED", SESSION_SPEED))
    return asyncio.run(_measured("a session", "04:00", speed, SESSION_MINUTES * 60 / speed, at_rest=True))


async def _measured(what: str, start: str, speed: float, seconds: float, *, at_rest: bool) -> list[Figure]:
    with tempfile.TemporaryDirectory() as root:
        async with (
            running_set(Path(root), symbols=SYMBOLS, start=start, speed=1.0) as up,
            connect(up.nats, "bench") as bus,
        ):
            await recording(bus)
            await _set_speed(up, speed)
            process = psutil.Process(up.pid("recorder"))
            before, began = _cpu(process), time.monotonic()
            await asyncio.sleep(seconds)
            share = (_cpu(process) - before) / (time.monotonic() - began) * 100
            figures = [*await _weighed(what, bus, share, up), *_memory(what, up)]
            if not at_rest:
                return [*figures, *await _asked(what, bus)]
        async with stored_set(Path(root)) as bus:
            return [*figures, *await _asked(what, bus)]


async def _set_speed(up: RunningSet, speed: float) -> None:
    """Of the simulated market: it has its own speed only once all is there that looks at it."""
    found = psutil.Process(up.pid("sim")).net_connections("tcp4")
    ports = {each.laddr.port for each in found if each.status == psutil.CONN_LISTEN}
    async with aiohttp.ClientSession() as client:
        for port in ports:  # the other one is that of its metrics
            async with client.post(f"http://127.0.0.1:{port}/sim/clock", json={"speed": speed}) as answer:
                if answer.status == 200:
                    return
    raise AssertionError("the simulation does not take a speed")


async def recording(bus: Bus) -> None:
    """Wait until something is recorded."""
    while not await _readers(bus):
        await asyncio.sleep(0.5)


async def _readers(bus: Bus) -> list[TapeReader]:
    found = []
    for definition in await read_definitions(bus):
        try:
            found.append(await TapeReader.open(bus, definition.name, True))
        except UnknownListError:
            continue
    return found


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


async def _weighed(what: str, bus: Bus, share: float, up: RunningSet) -> list[Figure]:
    info = await tape_info(bus, simulated=True)
    assert info is not None
    lists = f"{len(await _readers(bus))} lists"
    minutes = await _minutes(bus)
    size = info.state.bytes
    goal = 350.0 if what == "a session" else None
    return [
        Figure(f"tape: recorder at {what}, share of a core", share, "%", 4.0 if what == "the open" else None),
        Figure(f"tape: messages of {what}, {lists}", info.state.messages, ""),
        Figure("tape: the same, of a list's minute", info.state.messages / minutes, ""),
        Figure("tape: a list's minute before compression", size / minutes / 1e3, "kB"),
        Figure(f"tape: {what} before compression, {lists}", size / 1e6, "MB"),
        Figure(f"tape: {what} on disk, {lists}", _on_disk(up) / 1e6, "MB", goal),
    ]


async def _minutes(bus: Bus) -> int:
    """How many minutes of lists are on the tape."""
    named = names.DEFAULT
    pattern = f"{named.simulated_subject(named.tape)}.>"
    info = await bus.js.stream_info(named.stream_tape_simulated, subjects_filter=pattern)
    return len(info.state.subjects or {})


def _on_disk(up: RunningSet) -> int:
    """What the tape's files take. Its newest block is not compressed yet."""
    found = (path for path in up.data.rglob("*") if f"/{names.DEFAULT.stream_tape_simulated}/" in str(path))
    return sum(path.stat().st_size for path in found if path.is_file())


async def _asked(what: str, bus: Bus) -> list[Figure]:
    """Random lists at random moments."""
    dice = random.Random(5)
    took: list[float] = []
    cost: list[float] = []
    spans = [(reader, await reader.begin(), await reader.end()) for reader in await _readers(bus)]
    while len(took) < QUESTIONS:
        reader, begin, end = dice.choice(spans)
        began, spent = time.perf_counter(), time.process_time()
        try:
            await reader.at(dice.randint(begin, max(begin, end)))
        except NotRecordedError:
            continue
        except GapscanError as error:
            raise AssertionError(str(error)) from error
        took.append((time.perf_counter() - began) * 1000)
        cost.append((time.process_time() - spent) * 1000)
    return [
        Figure(f"tape: a list at a moment of {what}, p50", percentile(took, 0.5), "ms", 20.0),
        Figure(f"tape: a list at a moment of {what}, p99", percentile(took, 0.99), "ms", 60.0),
        Figure("tape: the same, CPU of who asks, p50", percentile(cost, 0.5), "ms"),
        Figure("tape: the same, CPU of who asks, p99", percentile(cost, 0.99), "ms"),
    ]


def _memory(what: str, up: RunningSet) -> list[Figure]:
    resident = psutil.Process(up.pid("nats")).memory_info().rss / 1e6
    return [Figure(f"tape: nats-server after {what}, resident", resident, "MB")]


BENCHMARKS: dict[str, Benchmark] = {"tape": at_the_open}
SESSION: dict[str, Benchmark] = {"tape_session": session}
