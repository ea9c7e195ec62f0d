"""The past: what the recorder costs at the open, what a session weighs on the tape, and how long a question takes."""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from gapscan.bus.client import Bus, connect
from gapscan.bus.definitions import read_definitions
from gapscan.bus.tape import tape_info
from gapscan.client.tape_reader import TapeReader
from gapscan.config.sim_section import STEPPING_SPEED
from gapscan.errors import UnknownListError
from gapscan.market.sessions import SessionTimes, next_trading_day, session_times, trading_date
from gapscan.protocol import names
from gapscan.protocol.tape import MINUTE_MS, SECOND_MS, minute_in, second_of
from tests.bench.registry import Benchmark, Figure, percentile
from tests.support.up import RunningSet, running_set, stored_set

Span = tuple[TapeReader, int, int]  # a list, and from when until when it is asked for, epoch ms

SYMBOLS = 11_000
OPEN_SECONDS = 90.0
SESSION_SPEED = 2000.0  # as fast as the set follows
SESSION_SECONDS = 1500.0  # beyond what its speed takes
QUESTIONS = 1000


def at_the_open() -> Sequence[Figure]:
    """At real speed, over the opening bell."""
    return asyncio.run(_at_the_open())


def session() -> Sequence[Figure]:
    """From pre-market to post-market, each minute of each list: fails where one is missing. About ten minutes.

    The market goes from minute to minute and waits at each until it is ranked, so that lists change once or twice a
    minute, and a session weighs less than a live one: that is what the benchmark `tape_day` is for. With SESSION_SPEED
    below 30 it has bars of each second, in half an hour or more. Questions are asked when it is over, of NATS alone.
    The night before it, and twenty minutes of the evening, are on the tape too.
    """
    return asyncio.run(_session(float(os.environ.get("SESSION_SPEED", SESSION_SPEED))))


async def _at_the_open() -> list[Figure]:
    what = "the open"
    with tempfile.TemporaryDirectory() as root:
        async with (
            running_set(Path(root), symbols=SYMBOLS, start="09:29", speed=1.0) as up,
            connect(up.nats, "bench") as bus,
        ):
            await recording(bus)
            process = psutil.Process(up.pid("recorder"))
            before, began = _cpu(process), time.monotonic()
            await asyncio.sleep(OPEN_SECONDS)
            share = (_cpu(process) - before) / (time.monotonic() - began) * 100
            spans = [await _recorded(reader) for reader in await readers(bus)]
            return [
                Figure(f"tape: recorder at {what}, share of a core", share, "%", 4.0),
                *await weighed(what, bus, up.data, len(spans)),
                _memory(what, up),
                *await asked(what, spans),
            ]


async def _recorded(reader: TapeReader) -> Span:
    """From the first full second of which it is known what the list was."""
    return reader, second_of(await reader.begin()) * SECOND_MS, await reader.end()


async def _session(speed: float) -> list[Figure]:
    what = "a session, minute by minute" if speed >= STEPPING_SPEED else "a session"
    with tempfile.TemporaryDirectory() as root:
        # From the evening before, so that all is there, and recorded, when the session begins.
        async with (
            running_set(Path(root), symbols=SYMBOLS, start="19:40", speed=speed) as up,
            connect(up.nats, "bench") as bus,
        ):
            began = time.monotonic()
            times = await _played(bus, SESSION_SECONDS + 16 * 3600 / speed)
            figures = [
                Figure(f"tape: {what}, played in", (time.monotonic() - began) / 60, "min"),
                *await weighed(what, bus, up.data, len(await readers(bus)), 350.0),
                _memory(what, up),
            ]
        async with stored_set(Path(root)) as bus:
            found = await readers(bus)
            return [
                *figures,
                *await _complete(found, times),
                *await asked(what, [(reader, times.pre, times.closed - 1) for reader in found]),
            ]


async def _played(bus: Bus, patience: float) -> SessionTimes:
    """Wait until the day is over, on the tape too."""
    async with asyncio.timeout(patience):
        await recording(bus)
        (first, *_) = await readers(bus)
        times = session_times(next_trading_day(trading_date(await first.begin())))
        while await recorded_to(bus) < times.closed:
            await asyncio.sleep(1.0)
        return times


async def recorded_to(bus: Bus) -> int:
    """Up to when all lists are on the tape, epoch ms."""
    return min([await reader.end() for reader in await readers(bus)])


async def _complete(found: Sequence[TapeReader], times: SessionTimes) -> list[Figure]:
    """How many minutes of the session the lists have; none may be missing."""
    wanted = set(range(times.pre // MINUTE_MS, times.closed // MINUTE_MS))
    minutes, missing = [], {}
    for reader in found:
        info = await reader.bus.js.stream_info(reader.shelf.stream, subjects_filter=reader.shelf.minutes)
        has = wanted & {minute_in(subject) for subject in info.state.subjects or {}}
        minutes.append(len(has))
        if has != wanted:
            missing[reader.shelf.name] = len(wanted - has)
    assert not missing, f"minutes that lists lack of {len(wanted)}: {missing}"
    return [Figure(f"tape: minutes of each list, the least of {len(found)}", min(minutes), "", len(wanted), "", True)]


async def recording(bus: Bus) -> None:
    """Wait until something is recorded."""
    while not await readers(bus):
        await asyncio.sleep(0.5)


async def readers(bus: Bus) -> list[TapeReader]:
    """Of all lists that are recorded."""
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


async def weighed(what: str, bus: Bus, data: Path, lists: int, goal: float | None = None) -> list[Figure]:
    """How large the tape of so many lists is; `data` is where NATS keeps it."""
    info = await tape_info(bus, simulated=True)
    assert info is not None
    minutes = await _minutes(bus)
    size = info.state.bytes
    return [
        Figure(f"tape: messages of {what}, {lists} lists", info.state.messages, ""),
        Figure("tape: the same, of a list's minute", info.state.messages / minutes, ""),
        Figure("tape: a list's minute before compression", size / minutes / 1e3, "kB"),
        Figure(f"tape: {what} before compression, {lists} lists", size / 1e6, "MB"),
        Figure(f"tape: {what} on disk, {lists} lists", _on_disk(data) / 1e6, "MB", goal),
    ]


async def _minutes(bus: Bus) -> int:
    """How many minutes of lists are on the tape."""
    named = names.DEFAULT
    pattern = f"{named.simulated_subject(named.tape)}.>"
    info = await bus.js.stream_info(named.stream_tape_simulated, subjects_filter=pattern)
    return len(info.state.subjects or {})


def _on_disk(data: Path) -> int:
    """What the tape's files take. Its newest block is not compressed yet."""
    found = (path for path in data.rglob("*") if f"/{names.DEFAULT.stream_tape_simulated}/" in str(path))
    return sum(path.stat().st_size for path in found if path.is_file())


async def asked(what: str, spans: Sequence[Span]) -> list[Figure]:
    """Random lists at random moments, all of which are on the tape."""
    dice = random.Random(5)
    took: list[float] = []
    cost: list[float] = []
    for _ in range(QUESTIONS):
        reader, begin, end = dice.choice(spans)
        began, spent = time.perf_counter(), time.process_time()
        await reader.at(dice.randint(begin, end))
        took.append((time.perf_counter() - began) * 1000)
        cost.append((time.process_time() - spent) * 1000)
    return [
        Figure(f"tape: a list at a moment of {what}, p50", percentile(took, 0.5), "ms", 20.0),
        Figure(f"tape: a list at a moment of {what}, p99", percentile(took, 0.99), "ms", 60.0),
        Figure("tape: the same, CPU of who asks, p50", percentile(cost, 0.5), "ms"),
        Figure("tape: the same, CPU of who asks, p99", percentile(cost, 0.99), "ms"),
    ]


def _memory(what: str, up: RunningSet) -> Figure:
    resident = psutil.Process(up.pid("nats")).memory_info().rss / 1e6
    return Figure(f"tape: nats-server after {what}, resident", resident, "MB")


BENCHMARKS: dict[str, Benchmark] = {"tape": at_the_open}
SESSION: dict[str, Benchmark] = {"tape_session": session}
