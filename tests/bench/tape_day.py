"""What a live day weighs on the tape: a minute of each of its parts at real speed, and a day made of such minutes."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import aiohttp
import psutil
from msgspec.structs import replace

from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.tape import Head, ensure_tape, minute_messages, read_day, told
from gapscan.client.tape_reader import TapeReader
from gapscan.errors import BusError
from gapscan.lists.recording import Record
from gapscan.lists.state import Copy, ranked
from gapscan.market.sessions import SessionTimes, session_times, trading_date
from gapscan.protocol import names
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import Delta, Snapshot
from gapscan.protocol.tape import MINUTE_MS, Moves, Shelf, Unchanged, linked_hash, minute_of
from tests.bench.registry import Benchmark, Figure
from tests.bench.tape import SYMBOLS, asked, readers, recorded_to, recording, weighed
from tests.bench.tape_memory import HASTY, LIMITS, Written, has, write
from tests.support.nats import NatsServer
from tests.support.up import RunningSet, running_set

BEFORE_MS: Final = 20_000  # so long before the minute that counts a part's market begins
WHOLE_EVERY: Final = 60  # minutes: so far back a list that rests is referred to
_WAIT_SECONDS: Final = 300.0


class Part(NamedTuple):
    """A part of the day, in minutes after the session before it began, and the minute that all of it is taken to be."""

    name: str
    begin: int
    end: int
    minute: int


_Told = Snapshot | Delta | Unchanged

# Minutes after 04:00. The opening minute is the densest of its half hour: a day is lighter than what is made of it.
PARTS: Final = (
    Part("04:00-07:00", 0, 180, 120),
    Part("07:00-09:30", 180, 330, 285),
    Part("09:30-10:00", 330, 360, 330),
    Part("10:00-15:00", 360, 660, 420),
    Part("15:00-16:00", 660, 720, 690),
    Part("16:00-20:00", 720, 960, 780),
)


@dataclass(frozen=True)
class Minute:
    """What is recorded of one list in one minute; `held` is the list that it begins with."""

    name: str
    number: int
    messages: list[_Told]
    moves: list[Moves]
    held: Copy

    @property
    def rests(self) -> bool:
        """Whether nothing changed in it, and not in the one before."""
        return len(self.messages) == 1 and isinstance(self.messages[0], Unchanged)


def day() -> Sequence[Figure]:
    """A set at real speed, whose clock is set from each part of the day to the next; about twelve minutes."""
    return asyncio.run(_day())


async def _day() -> list[Figure]:
    with tempfile.TemporaryDirectory() as root:
        async with (
            running_set(Path(root), symbols=SYMBOLS, start="05:59", speed=1.0) as up,
            connect(up.nats, "bench") as bus,
        ):
            await recording(bus)
            times = session_times(trading_date(await recorded_to(bus)))
            minutes = [await _recorded(up, bus, times.pre // MINUTE_MS + part.minute) for part in PARTS]
        async with _server(Path(root) / "day") as bus:
            await _write(bus, minutes, times)
            spans = [(reader, times.pre, times.closed - 1) for reader in await _readers_of(bus, minutes)]
            what = "a live day"
            return [
                *map(_density, PARTS, minutes),
                *await weighed(what, bus, Path(root) / "day", len(spans), 350.0),
                *await asked(what, spans),
            ]


async def _recorded(up: RunningSet, bus: Bus, number: int) -> list[Minute]:
    """Have the market be at a minute, and wait until all lists have it on the tape."""
    await _set_clock(up, number * MINUTE_MS - BEFORE_MS)
    async with asyncio.timeout(_WAIT_SECONDS):
        while True:
            with suppress(BusError):  # a busy NATS is asked again
                if await recorded_to(bus) >= (number + 1) * MINUTE_MS:
                    return [await _minute(reader, number) for reader in await readers(bus)]
            await asyncio.sleep(0.5)


async def _minute(reader: TapeReader, number: int) -> Minute:
    all_told = [told(each) for each in await minute_messages(reader.bus, reader.shelf, number)]
    messages = [each for each in all_told if isinstance(each, _Told)]
    assert messages == all_told, f"a gap in {reader.shelf.name}"
    playback = await reader.begun(messages)
    playback.take(messages[0])
    assert playback.copy is not None
    told_moves = await read_day(reader.bus, reader.shelf, number)
    moves = [each for each in told_moves if isinstance(each, Moves) and minute_of(each.as_of) == number]
    return Minute(reader.shelf.name, number, messages, moves, playback.copy)


async def _set_clock(up: RunningSet, moment: int) -> None:
    """Of the simulated market."""
    found = psutil.Process(up.pid("sim")).net_connections("tcp4")
    ports = {each.laddr.port for each in found if each.status == psutil.CONN_LISTEN}
    async with aiohttp.ClientSession() as client:
        for port in ports:  # the other one is that of its metrics
            async with client.post(f"http://127.0.0.1:{port}/sim/clock", json={"at": moment}) as answer:
                if answer.status == 200:
                    return
    raise AssertionError("the simulation does not take a time")


def _density(part: Part, minute: Sequence[Minute]) -> Figure:
    """How many messages a list's minute has, in that part of the day."""
    messages = sum(len(each.messages) + len(each.moves) for each in minute)
    return Figure(f"tape: messages of a list's minute, {part.name}", messages / len(minute), "")


@asynccontextmanager
async def _server(root: Path) -> AsyncIterator[Bus]:
    """A NATS server of its own."""
    server = NatsServer(root, more=HASTY)
    await asyncio.to_thread(server.start)
    try:
        async with connect(BusOptions(server.url), "bench") as bus:
            yield bus
    finally:
        await asyncio.to_thread(server.close)


async def _readers_of(bus: Bus, minutes: Sequence[Sequence[Minute]]) -> list[TapeReader]:
    return [await TapeReader.open(bus, each.name, True) for each in minutes[0]]


async def _write(bus: Bus, minutes: Sequence[Sequence[Minute]], times: SessionTimes) -> None:
    """Each minute of the day is what was recorded of its part, with its own time."""
    await ensure_tape(bus, LIMITS, simulated=True)
    await has(bus, await write(bus, _chained(_all_minutes(minutes, times))), simulated=True)


def _all_minutes(minutes: Sequence[Sequence[Minute]], times: SessionTimes) -> Iterator[tuple[str, Record]]:
    for part, lists in zip(PARTS, minutes, strict=True):
        for after in range(part.begin, part.end):
            for each in lists:
                for record in _moved(each, times.pre // MINUTE_MS + after, (after - part.begin) % WHOLE_EVERY):
                    yield each.name, record


def _chained(records: Iterable[tuple[str, Record]]) -> Iterator[Written]:
    """As a recorder writes them, with the headers that make a chain of a list's messages."""
    heads: dict[str, Head] = {}
    for name, record in records:
        shelf, head = Shelf(name, simulated=True), heads.get(name, Head())
        subject = (shelf.moves if record.daily else shelf.minute)(record.minute)
        payload, number = encode(record.message), head.number + 1
        heads[name] = new = Head(number, linked_hash(head.hash, number, subject, payload))
        yield (
            subject,
            payload,
            {
                names.HEADER_NUMBER: str(number),
                names.HEADER_PREVIOUS_HASH: head.hash,
                names.HEADER_HASH: new.hash,
                names.HEADER_MSG_ID: new.hash,
            },
        )


def _moved(of: Minute, to: int, since_whole: int) -> Iterator[Record]:
    """The same in another minute. One that refers to what is not there begins with the list itself."""
    by = (to - of.number) * MINUTE_MS
    first, *others = of.messages
    if of.rests and since_whole:
        yield Record(to, replace(first, as_of=to * MINUTE_MS, since=(to - since_whole) * MINUTE_MS))
    else:
        yield Record(to, _whole(of, to))
    for message in others:
        yield Record(to, replace(message, as_of=message.as_of + by))
    for told_moves in of.moves:
        moves = [replace(move, time=move.time + by) for move in told_moves.moves]
        yield Record(to, replace(told_moves, as_of=told_moves.as_of + by, moves=moves), daily=True)


def _whole(of: Minute, to: int) -> Snapshot:
    held = of.held
    return Snapshot(
        of.name, held.epoch, held.sequence, to * MINUTE_MS, ranked(held.rows), held.checksum, simulated=True
    )


BENCHMARKS: dict[str, Benchmark] = {"tape_day": day}
