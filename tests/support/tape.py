"""Made-up lists with market times, a recorder beside them, and the truth about what they were when."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec

from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.publisher import ListPublisher
from gapscan.bus.topology import Retention, ensure_shared
from gapscan.config import Config, RankerSection
from gapscan.errors import BusError
from gapscan.protocol.messages import Change, Remove, Row
from gapscan.runtime import end
from gapscan.tape.service import Recorder
from tests.support.lists import some_rows
from tests.support.until import until

START = 1_795_789_830_000  # 2026-11-27 09:30:30 in New York


@dataclass
class PlayedList:
    """A list whose market time is moved by hand. `truth` has its rows after each delta, with the time of the delta."""

    publisher: ListPublisher
    dice: random.Random
    simulated: bool = False
    time: int = START
    truth: list[tuple[int, list[Row]]] = field(default_factory=list)

    async def step(self, ms: int, rows: list[Row] | None = None) -> None:
        """Move on by `ms`, and publish some other rows, or these: for as long as NATS does not take them."""
        self.time += ms
        rows = some_rows(self.dice) if rows is None else rows
        while True:
            try:
                if await self.publisher.publish(rows, self.time):
                    self.truth.append((self.time, rows))
                return
            except BusError:
                await asyncio.sleep(0.05)

    async def beat(self) -> None:
        """A heartbeat, if NATS is there."""
        try:
            await self.publisher.heartbeat("live", self.time, self.simulated)
        except BusError:
            return

    def rows_at(self, when: int) -> list[Row] | None:
        """What a follower held when market time had passed `when`; None before the first delta."""
        until_then = [rows for time, rows in self.truth if time <= when // 1000 * 1000]
        return until_then[-1] if until_then else None


async def played_list(
    bus: Bus,
    name: str,
    seed: int = 1,
    *,
    simulated: bool = False,
    retention: Retention | None = None,
    start: int = START,
) -> PlayedList:
    """A new list with its first rows. Whoever leaves it did so for lack of trades, as it says."""
    await ensure_shared(bus, Retention())
    publisher = ListPublisher(bus, name, _idle)
    await publisher.recover(retention or Retention(), simulated)
    played = PlayedList(publisher, random.Random(seed), simulated, start)
    await played.step(1)
    await publisher.write_snapshot(simulated)
    return played


def _idle(_name: str, changes: Sequence[Change], _since: int) -> list[Change]:
    return [Remove(change.symbol, "idle") if isinstance(change, Remove) else change for change in changes]


@asynccontextmanager
async def recording(options: BusOptions, instance: str = "") -> AsyncIterator[Recorder]:
    """A recorder on a connection of its own, in this process."""
    config = msgspec.structs.replace(Config(), ranker=RankerSection(lease=1.0))
    if instance:
        config = msgspec.structs.replace(config, service=msgspec.structs.replace(config.service, instance=instance))
    async with connect(options, "recorder") as bus:
        await ensure_shared(bus, Retention())
        recorder = Recorder(bus, config)
        task = asyncio.create_task(recorder.run())
        try:
            yield recorder
        finally:
            await end(task)


async def recorded(recorder: Recorder, played: PlayedList) -> None:
    """Wait until all that the list was is on the tape, but for a last delta, a minute later."""
    played.time = (played.time // 60_000 + 2) * 60_000
    for rows in ([Row(symbol="END", price=1.0)], []):
        await played.publisher.publish(rows, played.time)
        played.truth.append((played.time, rows))
        played.time += 60_000
    await played.publisher.publish([Row(symbol="END", price=1.0)], played.time)
    await caught_up(recorder, played)


async def caught_up(recorder: Recorder, played: PlayedList) -> None:
    """Wait until all that was published of the list is on the tape, but for the moves of a minute that is not over."""

    async def done() -> bool:
        await played.beat()
        now = recorder.term
        tape = now.tapes.get(played.publisher.name) if now else None
        waiting = sum(writer.waiting for writer in now.writers.values()) if now else 1
        return tape is not None and tape.recording.copy.sequence == played.publisher.sequence and not waiting

    await until(done, "the recorder")
