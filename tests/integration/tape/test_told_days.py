"""Days that are kept are what the tape says now, whatever became of it meanwhile; and they are kept within bounds."""

from __future__ import annotations

import random

import pytest

from gapscan.bus.client import Bus
from gapscan.bus.direct_get import Stored
from gapscan.bus.tape import TapeLimits, TapeWriter, day_messages, read_day
from gapscan.client import told_days
from gapscan.client.tape_reader import TapeReader
from gapscan.client.timeline import read_timeline
from gapscan.client.told_days import DAY_MS, ToldDays
from gapscan.lists.recording import Record
from gapscan.protocol.messages import Snapshot
from gapscan.protocol.tape import MINUTE_MS, Gap, Move, Moves, Shelf
from tests.support.tape import START

LIMITS = TapeLimits(3600.0, 64 * 1024 * 1024)
NAMES = ("winners", "losers")
DAYS = tuple(START // DAY_MS * DAY_MS + each * DAY_MS for each in (0, 1))


class Tape:
    """A tape to which anything may happen."""

    def __init__(self, bus: Bus, seed: int) -> None:
        self.bus = bus
        self.dice = random.Random(seed)
        self.writer = TapeWriter(bus, simulated=True)
        self.aged: set[str] = set()  # lists of which an older part went while what was told last may have stayed

    async def happen(self) -> None:
        """Mostly something is added."""
        await self.dice.choice([*[self.add] * 12, self.forget, self.age, self.begin_anew])()

    async def add(self) -> None:
        name, day = self.dice.choice(NAMES), self.dice.choice(DAYS)
        time = day + self.dice.randrange(DAY_MS)
        moves = Moves(name, time, [Move(f"S{self.dice.randrange(99)}", time, "enter", 1, 2.5)])
        messages: list[Moves | Gap] = [moves, moves, moves, Gap(name, time, time + 500, "not_read")]
        message = self.dice.choice(messages)
        self.writer.append(name, [Record(time // MINUTE_MS, message, daily=True)])
        await self.writer.store()

    async def forget(self) -> None:
        name = self.dice.choice(NAMES)
        await self.writer.forget(name)
        self.aged.discard(name)

    async def age(self) -> None:
        """The oldest go, as with time."""
        self.aged.update(NAMES)
        await self.bus.js.purge_stream(self.writer.stream, seq=max(1, self.writer.sequence - self.dice.randrange(9)))

    async def begin_anew(self) -> None:
        self.aged.clear()
        await self.bus.js.delete_stream(self.writer.stream)
        self.writer = TapeWriter(self.bus, simulated=True)
        await self.writer.open(LIMITS)


@pytest.mark.parametrize("seed", range(2))
async def test_what_is_kept_is_what_is_there(bus: Bus, seed: int) -> None:
    tape, kept = Tape(bus, seed), ToldDays()
    await tape.writer.open(LIMITS)
    for _ in range(60):
        await tape.happen()
        shelf, day = Shelf(tape.dice.choice(NAMES), simulated=True), tape.dice.choice(DAYS)
        told = await read_day(bus, shelf, day // MINUTE_MS)
        found = list(await kept.read(bus, shelf, day))
        if shelf.name in tape.aged:  # what was told stays told
            assert found[len(found) - len(told) :] == told
        else:
            assert found == told
        assert all(message.list == shelf.name for message in found)


async def test_only_what_is_new_is_read(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    tape, kept, shelf = Tape(bus, 1), ToldDays(), Shelf("winners", simulated=True)
    await tape.writer.open(LIMITS)
    read: list[int] = []

    async def counted(bus: Bus, shelf: Shelf, minute: int, first: int = 1) -> list[Stored]:
        found = await day_messages(bus, shelf, minute, first)
        read.append(len(found))
        return found

    monkeypatch.setattr(told_days, "day_messages", counted)
    for number in range(30):
        time = START + number * MINUTE_MS
        moves = Moves("winners", time, [Move("AAA", time, "enter", 1)])
        tape.writer.append("winners", [Record(time // MINUTE_MS, moves, daily=True)])
        await tape.writer.store()
        assert len(await kept.read(bus, shelf, DAYS[0])) == number + 1
    assert read == [1, *[2] * 29]


async def test_a_gap_of_the_day_is_told_whenever_the_last_move_was(bus: Bus) -> None:
    """Also when that was after midnight in UTC, in the post-market of the same trading day."""
    tape, shelf = Tape(bus, 1), Shelf("winners", simulated=True)
    await tape.writer.open(LIMITS)
    evening = DAYS[1] + 30 * MINUTE_MS
    gap = Gap("winners", START + 5000, START + 9000, "not_kept")
    moves = [Move("AAA", evening, "enter", 1), Move("BBB", evening + 1, "leave", 1)]

    def snapshot(as_of: int) -> Record:
        return Record(as_of // MINUTE_MS, Snapshot("winners", "e1", 1, as_of, [], 0, simulated=True))

    records = [
        snapshot(START),
        Record(START // MINUTE_MS, gap, daily=True),
        snapshot(evening),
        Record(evening // MINUTE_MS, Moves("winners", evening + 1, moves), daily=True),
    ]
    tape.writer.append("winners", records)
    await tape.writer.store()
    for since in (0, START, evening, evening + 1):
        found = await read_timeline(TapeReader(bus, shelf), since, ToldDays())
        assert list(found.gaps) == [gap]
        assert list(found.moves) == [move for move in moves if move.time > since]
        assert (found.begin, found.end) == (START, evening)


async def test_days_are_kept_within_bounds(bus: Bus) -> None:
    tape, kept = Tape(bus, 1), ToldDays(most_bytes=2000)
    await tape.writer.open(LIMITS)
    for _ in range(60):
        await tape.add()
    for name in NAMES:
        for day in DAYS:
            shelf = Shelf(name, simulated=True)
            assert list(await kept.read(bus, shelf, day)) == await read_day(bus, shelf, day // MINUTE_MS)
    assert len(kept) <= 1
