"""One time of leading: every second, what is new of each list is read and recorded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from nats.aio.msg import Msg

from gapscan.bus.client import NATS_ERRORS, Bus, translated
from gapscan.bus.direct_get import NoStreamError
from gapscan.bus.snapshots import read_snapshot
from gapscan.bus.tape import TapeLimits, TapeWriter, tape_info
from gapscan.bus.topology import list_names
from gapscan.config import Config
from gapscan.errors import BusError, FencedError, ProtocolError, StreamLostError, TopologyError
from gapscan.obs import Tally, logger
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import Heartbeat
from gapscan.service.leadership import Leadership
from gapscan.tape.disk import DiskWatch
from gapscan.tape.list_tape import ListTape
from gapscan.tape.market_clock import MarketClock

CYCLE_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 30.0  # between two looks at the disk
REFUSED_SECONDS: Final = 10.0  # between two tries to make a tape that NATS refuses
_LATE_MS: Final = 5_000  # market time within which deltas of lists come after those of others
_LEAST_BATCHES: Final = 20  # of one list in one cycle, so that no list waits for another's backlog

_log = logger("recorder")


class RecorderTerm:
    """From the recovery of the tape to the loss of the lease."""

    def __init__(self, bus: Bus, config: Config, tally: Tally) -> None:
        self.tapes: dict[str, ListTape] = {}
        self.writers: dict[bool, TapeWriter] = {}  # by whether the market is simulated
        self.disk = DiskWatch(bus, config.history, tally)
        self.fault = ""  # why nothing is recorded
        self.cycle_ms = 0.0
        self._bus = bus
        self._simulated = config.provider.simulated  # all of it, whatever a heartbeat says
        section = config.history
        self._limits = TapeLimits(section.max_age, section.max_bytes, config.nats.replicas)
        self._tally = tally
        self._beats: dict[str, Heartbeat] = {}
        self._unread: set[str] = set()
        self._fronts: dict[bool, int] = {}  # the first sequences of the tapes, when they were last looked at
        self._clocks = {simulated: MarketClock() for simulated in (False, True)}

    async def lead(self, leadership: Leadership) -> None:
        """Record until the lease is lost (LeaseLostError) or another writer shows (FencedError)."""
        async with self._listening():
            self._unread = await list_names(self._bus)
            _log.info("leading", extra={"lists": len(self._unread)})
            await leadership.while_held(self._record(), self._watch_disk())

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        try:
            subscription = await self._bus.nc.subscribe(self._bus.names.heartbeat_subject("*"), cb=self._on_beat)
        except NATS_ERRORS as error:
            raise translated(error, "subscribing to heartbeats") from error
        try:
            yield
        finally:
            await self._bus.unsubscribe(subscription)

    async def _on_beat(self, message: Msg) -> None:
        try:
            beat = decode_as(Heartbeat, message.data)
        except ProtocolError as error:
            self._tally.trouble("unreadable", f"a heartbeat cannot be read: {error}")
            return
        if beat.as_of:  # before that, a ranker does not know which market it is
            self._beats[beat.list] = beat
            self._clocks[self._is_of_simulated(beat)].observe(beat)

    def _is_of_simulated(self, beat: Heartbeat) -> bool:
        return beat.simulated or self._simulated

    async def _watch_disk(self) -> None:
        while True:
            for writer in list(self.writers.values()):
                try:
                    await self.disk.look(writer.stream)
                    await self._look_back(writer)
                except (BusError, ProtocolError) as error:
                    self._tally.trouble("disk_failed", error.message)
            await asyncio.sleep(LOOK_SECONDS)

    async def _look_back(self, writer: TapeWriter) -> None:
        """Where the oldest of a tape was dropped, lists that rest refer to nothing that went with it."""
        info = await tape_info(self._bus, simulated=writer.simulated)
        if info is None or self._fronts.get(writer.simulated) == info.state.first_seq:
            return
        with suppress(NoStreamError):
            for tape in [each for each in self.tapes.values() if each.recording.simulated is writer.simulated]:
                await tape.look_back()
            self._fronts[writer.simulated] = info.state.first_seq

    async def _record(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await self._cycle()
                self.fault, pause = "", CYCLE_SECONDS
            except (FencedError, StreamLostError):
                raise
            except TopologyError as error:
                self.fault, pause = str(error), REFUSED_SECONDS
                self._tally.trouble("tape_refused", f"nothing is recorded: {error}")
            except BusError as error:
                pause = CYCLE_SECONDS
                self.fault = error.message
                self._tally.trouble("record_failed", f"recording waits: {error.message}")
                for writer in self.writers.values():
                    await writer.check_stream()
            self.cycle_ms = (loop.time() - began) * 1000
            await asyncio.sleep(max(0.05, began + pause - loop.time()))

    async def _cycle(self) -> None:
        if self.disk.paused:
            self.fault = "the disk has no room"
            for tape in self.tapes.values():
                tape.pause()
            return
        for writer in self.writers.values():
            await writer.store()  # what the cycle before left
        beats, self._beats = self._beats, {}
        for name in sorted(beats.keys() | self._unread):
            await self._step(name, beats.get(name))
        self._move_clocks()

    async def _step(self, name: str, beat: Heartbeat | None) -> None:
        tape = await self._tape(name, beat)
        if tape is None:
            return
        clock, before = self._clocks[tape.recording.simulated], tape.recording.time
        if beat is None or tape.observe(beat) or name in self._unread:
            await self._read(tape, clock.time)
        elif clock.is_of_another_day(beat):
            await tape.rest(beat)
        if tape.recording.time < before:
            clock.go_back(before, tape.recording.time)
        tape.advance(clock.time, clock.time - _LATE_MS)
        self._unread.discard(name)
        await self.writers[tape.recording.simulated].store()

    async def _read(self, tape: ListTape, market_time: int) -> None:
        for _ in range(_LEAST_BATCHES):
            if not await tape.read(market_time):
                return
            await self.writers[tape.recording.simulated].store()

    def _move_clocks(self) -> None:
        for simulated, clock in self._clocks.items():
            tapes = {name: tape for name, tape in self.tapes.items() if tape.recording.simulated is simulated}
            clock.move({name: tape.recording.copy for name, tape in tapes.items()}, time.monotonic())

    async def _tape(self, name: str, beat: Heartbeat | None) -> ListTape | None:
        """A list's tape; a market that becomes simulated, or real, has another."""
        tape = self.tapes.get(name)
        known = self._is_of_simulated(beat) if beat else None
        if tape is not None and known in (None, tape.recording.simulated):
            return tape
        simulated = known if known is not None else await self._is_simulated(name)
        if simulated is None:
            return None
        writer = await self._writer(simulated=simulated)
        tape = ListTape(self._bus, name, writer, self._tally)
        await tape.recover()
        self.tapes[name] = tape
        self._unread.add(name)
        return tape

    async def _is_simulated(self, name: str) -> bool | None:
        """What the snapshot says of a list whose ranker is not heard; None when there is none."""
        with suppress(ProtocolError):
            snapshot = await read_snapshot(self._bus, name)
            if snapshot is not None and snapshot.sequence:
                return snapshot.simulated or self._simulated
        return None

    async def _writer(self, *, simulated: bool) -> TapeWriter:
        if simulated not in self.writers:
            writer = TapeWriter(self._bus, simulated=simulated)
            await writer.open(self._limits)
            self.writers[simulated] = writer
        return self.writers[simulated]

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows of this term."""
        return {
            "lists": {
                name: {
                    "recorded_to": tape.recording.time,
                    "gaps": tape.gaps,
                    "hash": self.writers[tape.recording.simulated].heads[name].hash,
                    "number": self.writers[tape.recording.simulated].heads[name].number,
                }
                for name, tape in self.tapes.items()
                if name in self.writers[tape.recording.simulated].heads
            },
            "stored": sum(writer.stored for writer in self.writers.values()),
            "stored_bytes": sum(writer.stored_bytes for writer in self.writers.values()),
            "waiting": sum(writer.waiting for writer in self.writers.values()),
            "disk_free": self.disk.free,
            "cycle_ms": round(self.cycle_ms, 1),
            "last_error": self.fault,
        }
