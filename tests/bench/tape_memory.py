"""What five days on the tape cost NATS: its memory at the open, with them and without."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.direct_get import get_next
from gapscan.bus.tape import TapeLimits, ensure_tape, read_all, tape_info
from gapscan.protocol.names import DEFAULT
from gapscan.protocol.tape import minute_in
from tests.bench.registry import Benchmark, Figure, median, percentile
from tests.bench.tape import readers, recording
from tests.support.nats import NatsServer
from tests.support.up import RunningSet, running_set

Written = tuple[str, bytes, dict[str, str] | None]  # subject, payload and headers of a message

DAYS = 5
MINUTES_A_DAY = 16 * 60
START, RECORDED_SECONDS = "09:29:30", 30
TURNS, TURN_SECONDS = 2, 20
ONE_OF = 2  # deltas of the open: most of a day is quieter
QUESTIONS = 300
LIMITS = TapeLimits(20 * 86_400.0, 12 << 30)
_OWN_TAPE = {"GAPSCAN_HISTORY_MAX_BYTES": str(1 << 30)}  # of the simulated market: the server is to have room for both
_PATIENCE = 300.0  # seconds, for what takes as long as it takes
_AT_ONCE = 500  # messages that are published without a question
# A delta is on disk before it is acknowledged: a filled tape need not be.
HASTY = 'jetstream { max_file_store: 32GB, sync_interval: "2m" }'


def _set_at_the_open(root: Path) -> AbstractAsyncContextManager[RunningSet]:
    return running_set(root, symbols=11_000, start=START, speed=1.0, **_OWN_TAPE)


async def _resident(up: RunningSet) -> float:
    """Memory of the set's NATS server over the open, MB: of one that has read its store anew."""
    old = up.pid("nats")
    psutil.Process(old).terminate()  # the set starts another
    await up.replaced("nats", old)
    found = []
    server = psutil.Process(up.pid("nats"))
    for _ in range(TURN_SECONDS):
        await asyncio.sleep(1.0)
        found.append(server.memory_info().rss / 1e6)
    return max(found)


async def _recorded(of: Bus) -> list[tuple[list[str], bytes]]:
    """What is on a simulated tape, by subject; of the deltas some."""
    deltas, found = 0, []
    async for each in read_all(of, DEFAULT.stream_tape_simulated):
        deltas += (is_delta := each.data.startswith(b'{"type":"delta"'))
        if not is_delta or deltas % ONE_OF == 0:
            found.append((each.subject.split("."), each.data))
    return found


def _days_of(stored: Sequence[tuple[list[str], bytes]]) -> Iterator[Written]:
    """The same, one time after the other, until there are five days of minutes of the real market."""
    minutes = [minute_in(".".join(subject)) for subject, _ in stored if subject[2] == "tape"]
    span = max(minutes) - min(minutes) + 1
    for number in range(DAYS * MINUTES_A_DAY // span):
        day, minute = divmod(number * span, MINUTES_A_DAY)
        for subject, data in stored:
            yield _shifted(subject, day * 24 * 60 + minute), data, None


def _shifted(subject: Sequence[str], minutes: int) -> str:
    """The subject of the real market's tape, so much later."""
    prefix, _simulated, kind, name, day, *minute = subject
    then = datetime.strptime(day + "".join(minute or ["0000"]), "%Y%m%d%H%M").replace(tzinfo=UTC)
    then += timedelta(minutes=minutes)
    return ".".join([prefix, kind, name, f"{then:%Y%m%d}", *([f"{then:%H%M}"] if minute else [])])


async def write(to: Bus, messages: Iterable[Written]) -> int:
    """How many: each so many wait for an answer, so that they do not pile up."""
    written = 0
    for subject, data, headers in messages:
        written += 1
        if written % _AT_ONCE:
            await to.nc.publish(subject, data, headers=headers)
        else:
            await to.js.publish(subject, data, headers=headers, timeout=_PATIENCE)
    await to.nc.flush()
    return written


async def _fill(root: Path, of: Bus) -> tuple[int, int]:
    """Make a store that has five such days: how many messages these are, and how many bytes."""
    server = NatsServer(root, more=HASTY)
    await asyncio.to_thread(server.start)
    try:
        async with connect(BusOptions(server.url), "bench") as to:
            await ensure_tape(to, LIMITS, simulated=False)
            written = await write(to, _days_of(await _recorded(of)))
            return written, await has(to, written, simulated=False)
    finally:
        await asyncio.to_thread(server.close)


async def has(bus: Bus, messages: int, *, simulated: bool) -> int:
    """Wait until a tape has so many messages; how many bytes they are."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            info = await tape_info(bus, simulated=simulated)
            if info is not None and info.state.messages == messages:
                return info.state.bytes
            await asyncio.sleep(0.05)


def _places(filled: Path, to: Path) -> tuple[Path, Path]:
    """Where the filled tape is, and where the NATS of a set that runs finds it at its next start."""
    (found,) = filled.rglob(f"streams/{DEFAULT.stream_tape}")
    (beside,) = to.rglob(f"streams/{DEFAULT.stream_tape_simulated}")
    return found, beside.with_name(found.name)


async def _subjects(bus: Bus) -> list[str]:
    """All minutes of all lists, list by list: of all at once the answer would be too large."""
    found: list[str] = []
    for reader in await readers(bus):
        pattern = f"{DEFAULT.tape}.{reader.shelf.name}.>"
        info = await bus.js.stream_info(DEFAULT.stream_tape, subjects_filter=pattern)
        found += sorted(info.state.subjects or {})
    return found


async def _asked(bus: Bus) -> list[float]:
    """How many minutes there are, and how long direct gets of random ones take, ms."""
    subjects = await _subjects(bus)
    assert len(subjects) > DAYS * MINUTES_A_DAY, "all lists have all minutes"
    dice, took = random.Random(5), []
    for _ in range(QUESTIONS):
        began = time.perf_counter()
        assert await get_next(bus, DEFAULT.stream_tape, dice.choice(subjects), 1, 500)
        took.append((time.perf_counter() - began) * 1000)
    return [len(subjects), *took]


async def _memory(root: Path) -> list[Figure]:
    without, full = [], []
    async with _set_at_the_open(root) as up, connect(up.nats, "bench") as bus:
        await recording(bus)
        await asyncio.sleep(RECORDED_SECONDS)
        messages, size = await _fill(root / "filled", bus)
        away, there = _places(root / "filled", up.data)
        for _ in range(TURNS):
            without.append(await _resident(up))
            away.rename(there)
            full.append(await _resident(up))
            await has(bus, messages, simulated=False)
            there.rename(away)
        away.rename(there)
        await _resident(up)
        await has(bus, messages, simulated=False)  # the link is there again
        subjects, *took = await _asked(bus)
    return [
        Figure(f"tape: messages of {DAYS} days", messages, ""),
        Figure("tape: the same before compression", size / 1e6, "MB"),
        Figure(f"tape: minutes of lists in {DAYS} days", subjects, ""),
        Figure("tape: nats-server at the open, without them, most resident", median(without), "MB"),
        Figure(f"tape: nats-server at the open, {DAYS} days on tape, most resident", median(full), "MB"),
        Figure("tape: memory with five days against without", median(full) / median(without), "x", 1.3),
        Figure(f"tape: a minute of {DAYS} days by direct get, beside the open, p50", percentile(took, 0.5), "ms"),
        Figure("tape: the same, p99", percentile(took, 0.99), "ms"),
    ]


def memory() -> Sequence[Figure]:
    """A set over the open, whose NATS is started anew without a past and with five days of it, in turn."""
    with tempfile.TemporaryDirectory() as root:
        return asyncio.run(_memory(Path(root)))


BENCHMARKS: dict[str, Benchmark] = {"tape_memory": memory}
