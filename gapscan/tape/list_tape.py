"""One list on its way to the tape: its deltas are read from its stream, never heard, so that none can be missed."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from gapscan.bus.client import Bus
from gapscan.bus.direct_get import NoStreamError, Stored, confirmed_from, get_next
from gapscan.bus.snapshots import read_snapshot
from gapscan.bus.tape import Newest, TapeWriter, newest, read_minute, told
from gapscan.errors import ProtocolError
from gapscan.lists.playback import Playback
from gapscan.lists.recording import Recording
from gapscan.lists.state import Copy, Fit, ranked
from gapscan.obs import Tally
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import Delta, Heartbeat, Snapshot
from gapscan.protocol.tape import MINUTE_MS, Reason, Shelf, Unchanged

BATCH: Final = 500
_REWOUND: Final = 3  # heartbeats: one may have been sent before the delta that was read


class ListTape:
    """Reads one list and hands what is to be recorded to the writer of its tape. Begun by `recover`."""

    def __init__(self, bus: Bus, name: str, writer: TapeWriter, tally: Tally) -> None:
        self.name = name
        self.recording = Recording(name, simulated=writer.simulated)
        self.gaps = 0
        self._bus = bus
        self._writer = writer
        self._tally = tally
        self._shelf = Shelf(name, writer.simulated, bus.names)
        self._market_time = 0
        self._behind = 0  # heartbeats, one after the other, that were behind what was read
        self._anew: Reason | None = "not_kept"  # why the list is to be taken from its snapshot, if it is
        self._least = ("", 0)  # epoch, and the sequence that a snapshot of it must have reached

    async def recover(self) -> None:
        """Go on where the tape ends: what was recorded is read back. Raises BusError."""
        found = await newest(self._bus, self._shelf)
        if found is None:
            return
        self._writer.set_head(self.name, found.head)
        try:
            if await self._resume(found):
                self._anew = None
        except ProtocolError as error:
            self._tally.trouble("unreadable", f"what was recorded of {self.name} cannot be continued: {error}")
            self._anew = "not_read"

    async def _resume(self, found: Newest) -> bool:
        messages = await read_minute(self._bus, self._shelf, found.minute)
        before: Copy | None = None
        if messages and isinstance(messages[0], Unchanged):
            before = await self._end_of(messages[0].since // MINUTE_MS)
        return self.recording.resume(found.minute, before, messages, moves_are_told=found.moves_are_told)

    async def _end_of(self, minute: int) -> Copy | None:
        playback = Playback()
        for message in await read_minute(self._bus, self._shelf, minute):
            playback.take(message)
        return playback.copy

    async def look_back(self) -> None:
        """Refer to nothing that the tape has dropped. Raises BusError, ProtocolError."""
        minute = self.recording.refers_to
        if minute is None:
            return
        first = await get_next(self._bus, self._shelf.stream, self._shelf.minute(minute), 1, 1)
        is_kept = first and not isinstance(told(first[0]), Delta)
        if not is_kept and self.recording.refers_to == minute:
            self.recording.be_whole()

    def observe(self, beat: Heartbeat) -> bool:
        """A heartbeat: whether there may be something to read."""
        copy = self.recording.copy
        self._behind = self._behind + 1 if beat.epoch == copy.epoch and beat.sequence < copy.sequence else 0
        if self._anew is None and beat.epoch != copy.epoch:
            self._anew = "new_epoch"
        elif self._anew is None and self._behind >= _REWOUND:
            self._anew, self._behind = "rewound", 0
        return self._anew is not None or beat.sequence > copy.sequence

    async def read(self, market_time: int) -> bool:
        """Read what the list's stream has, a batch at most; whether there may be more. Raises BusError.

        `market_time` is that of the newest delta of any list, epoch ms; 0 while there is none.
        """
        self._market_time = market_time
        if self._anew is not None and not await self._begin():
            return False
        try:
            after = self.recording.copy.sequence + 1
            batch = await confirmed_from(self._bus, self._bus.names.list_stream(self.name), after, BATCH)
        except NoStreamError:
            return False
        for stored in batch:
            if not self._offer(stored):
                return True
        return len(batch) == BATCH

    async def _begin(self) -> bool:
        try:
            snapshot = await read_snapshot(self._bus, self.name)
            if snapshot is not None and snapshot.sequence == 0:  # it says neither of when it is, nor of which market
                snapshot = replace(snapshot, as_of=self._market_time, simulated=self._shelf.simulated)
            if snapshot is None or snapshot.simulated is not self._shelf.simulated or not snapshot.as_of:
                return False
            if snapshot.epoch == self._least[0] and snapshot.sequence < self._least[1]:
                return False  # of the day before, for a moment still
            if self.recording.goes_back(snapshot.as_of):
                await self._go_back()
            self.gaps += self.recording.has_begun
            records = self.recording.begin(snapshot, self._anew or "not_kept")
        except ProtocolError as error:
            self._tally.trouble("unreadable", f"the snapshot of {self.name} cannot be used: {error}")
            return False
        self._writer.append(self.name, records)
        self._anew = None
        return True

    async def _go_back(self) -> None:
        """Another day is played: of a simulated one that is over, nothing stays."""
        self._anew = "time_went_back"
        if self._shelf.simulated:
            await self._writer.forget(self.name)
            self.recording = Recording(self.name, simulated=True)

    async def rest(self, beat: Heartbeat) -> None:
        """The list is what it was while another day has begun, of an earlier time: it was that from then on.

        Raises BusError.
        """
        copy = self.recording.copy
        if not self._shelf.simulated or not self.recording.goes_back(beat.as_of):
            return
        if (beat.epoch, beat.sequence) != (copy.epoch, copy.sequence):
            return
        snapshot = Snapshot(
            self.name, copy.epoch, copy.sequence, beat.as_of, ranked(copy.rows), copy.checksum, simulated=True
        )
        await self._go_back()
        self._writer.append(self.name, self.recording.begin(snapshot, "time_went_back"))
        self._anew = None

    def _offer(self, stored: Stored) -> bool:
        """One delta; False when the list must be taken from its snapshot."""
        try:
            delta = decode_as(Delta, stored.data)
        except ProtocolError as error:
            self._tally.trouble("unreadable", f"a delta of {self.name} cannot be read: {error}")
            self._anew = "not_read"
            return False
        if self.recording.goes_back(delta.as_of):
            self._anew, self._least = "time_went_back", (delta.epoch, stored.sequence)
            return False
        fit, records = self.recording.offer(delta, stored.sequence)
        self._writer.append(self.name, records)
        if fit in (Fit.APPLIED, Fit.OLD):
            return True
        self._anew = {Fit.HOLE: "not_kept", Fit.OTHER_EPOCH: "new_epoch"}.get(fit, "not_read")  # type: ignore[assignment]
        return False

    def pause(self) -> None:
        """Nothing is recorded for a while: what comes after it is another beginning."""
        self._anew = "paused"

    def advance(self, settled: int, minutes_settled: int) -> None:
        """All deltas up to `settled` are read, market time."""
        if self._anew is None:
            self._writer.append(self.name, self.recording.advance(settled, minutes_settled))
