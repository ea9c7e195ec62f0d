"""Reading the deltas of one list, each once and in order, and storing what they mean before the next is looked at."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Final

from nats.aio.msg import Msg

from gapscan.bus.client import Bus
from gapscan.errors import BusError, GapscanError, ProtocolError
from gapscan.events.history import ListHistory
from gapscan.events.position import PositionKeeper
from gapscan.events.quiet import Quiet
from gapscan.events.states import BATCH, deltas_after, state_now
from gapscan.events.store import EventStore
from gapscan.lists.state import Copy, Fit
from gapscan.obs import Tally
from gapscan.protocol import names
from gapscan.protocol.codec import decode
from gapscan.protocol.events import GapReason, Occurrence
from gapscan.protocol.messages import Delta, Heartbeat
from gapscan.runtime import Backoff
from gapscan.service.retrying import RETRY_FIRST, RETRY_LIMIT, retrying

INBOX_SIZE: Final = 4096  # messages not yet handled; what comes on top is dropped, and read from the stream
WAIT_SECONDS: Final = 1.0  # without a word, until the position may be kept
AGAIN_SECONDS: Final = 0.25  # between two looks for a state that is still to come
EMPTY_SECONDS: Final = 5.0  # for which a list of a new epoch may be empty because it is still being made
LOST_SECONDS: Final = 3.0  # for which a writer may say a lower sequence because he does not know better yet


class ListReader:
    """One list. Its deltas come by `offer`; those that do not are read from its stream."""

    def __init__(
        self, bus: Bus, name: str, store: EventStore, tally: Tally, save_seconds: float, *, simulated: bool = False
    ) -> None:
        self.history = ListHistory(name)
        self.gaps = 0
        self._bus = bus
        self._name = name
        self._store = store
        self._simulated = self.history.simulated = simulated  # by the settings; else, its writer says so
        self._tally = tally
        self._keeper = PositionKeeper(bus, self.history, save_seconds, tally)
        self._inbox: asyncio.Queue[Msg] = asyncio.Queue(INBOX_SIZE)
        self._woken = asyncio.Event()
        self._removed = False
        self._behind = True  # there may be deltas that no message brought
        self._told = 0  # the sequence that the writer said last
        self._due: GapReason | None = None  # why the list is to be taken as it is now
        self._waiting_since = 0.0  # for its state, monotonic
        self._ahead_since: float | None = None  # of what the writer says, monotonic
        self._pending: list[Occurrence] = []  # what a gap means, to be stored before any delta is looked at
        self._quiet = Quiet()
        self._between = False  # a delta is applied whose events are not stored yet

    def offer(self, message: Msg) -> None:
        """A delta or a heartbeat of the list came in."""
        try:
            self._inbox.put_nowait(message)
        except asyncio.QueueFull:
            self._tally.count("inbox_full")
            self._behind = True
        self._woken.set()

    def look(self) -> None:
        """Something may have been missed."""
        self._behind = True
        self._woken.set()

    @property
    def unsaved(self) -> str:
        """Why its position cannot be kept; empty when it can."""
        return self._keeper.fault

    def remove(self) -> None:
        """The list is defined no longer: `run` says so, and ends."""
        self._removed = True
        self._woken.set()

    async def run(self) -> None:
        """Read for ever, or until the list is removed. Raises FencedError when another one does, or the log is gone."""
        await retrying("events", f"taking up list {self._name}", self._recover)
        backoff = Backoff(RETRY_FIRST, RETRY_LIMIT)
        while not self._removed:
            await self._wait()
            if await self._tried():
                backoff.reset()
            else:
                await asyncio.sleep(backoff.next())
        await retrying("events", f"taking leave of list {self._name}", self._leave)

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(AGAIN_SECONDS if self._due or self._pending else WAIT_SECONDS):
                await self._woken.wait()
        self._woken.clear()

    async def _tried(self) -> bool:
        """Do what there is to do; False when it is to be tried again."""
        try:
            await self._step()
        except (BusError, ProtocolError) as error:
            if isinstance(error, BusError) and not error.retry:
                raise
            self._tally.trouble("read_failed", f"list {self._name} cannot be read: {error.message}")
            self.look()
            return False
        return True

    async def _recover(self) -> None:
        """Go on where the last one was, or begin with the first delta; failing that, with the list as it is."""
        position = await self._keeper.read()
        if position is None:
            return
        try:
            self.history.restore(position)
        except ProtocolError as error:
            self._tally.trouble("position_unusable", f"list {self._name}: {error.message}")
            return
        if position.pending:
            await self._store.store_again(position.pending, position.stored)
            await self._keeper.save()

    async def _step(self) -> None:
        await self._store_pending()
        if not self.history.begun:
            self._skip_because("start")
        while not self._inbox.empty():
            await self._handle(self._inbox.get_nowait())
        if self._behind and not self._due and self.history.begun:
            await self._catch_up()
        if self._due:
            await self._skip(self._due)
            await self._store_pending()
        if self.history.begun and not self._due:
            await self._keeper.save_when_due()

    async def _handle(self, message: Msg) -> None:
        try:
            content = decode(message.data)
        except ProtocolError as error:
            self._tally.trouble("malformed", f"list {self._name}: {error.message}")
            return
        if isinstance(content, Delta):
            await self._apply(content, int((message.headers or {}).get(names.HEADER_SEQUENCE, 0)))
        elif isinstance(content, Heartbeat):
            self._observe(content)
            await self._look_at_dwell(content)

    def _observe(self, beat: Heartbeat) -> None:
        copy = self.history.copy
        self.history.simulated = beat.simulated or self._simulated
        self._told = beat.sequence if beat.epoch == copy.epoch else 0
        if not self.history.begun:
            self._behind = True
        elif beat.epoch != copy.epoch:
            self._skip_because("epoch")
        elif beat.sequence > copy.sequence:
            self._behind = True
        if not self.history.begun or beat.sequence >= copy.sequence:
            self._ahead_since = None
            return
        # A store that lost its newest deltas goes on with their sequences.
        self._ahead_since = self._ahead_since or time.monotonic()
        if time.monotonic() - self._ahead_since > LOST_SECONDS:
            self._skip_because("lost")

    async def _look_at_dwell(self, beat: Heartbeat) -> None:
        """A quiet list has no delta to end a dwell at: what its next one would have told is told, and just so."""
        copy = self.history.copy
        if self._due or (beat.epoch, beat.sequence) != (copy.epoch, copy.sequence):
            return
        self._pending += self.history.lasted(self._quiet.until(beat))
        await self._store_pending()

    async def _apply(self, delta: Delta, sequence: int) -> None:
        if self._due or not self.history.begun:
            self._behind = True
            return
        fit, occurrences = self.history.apply(delta, sequence)
        if fit is Fit.APPLIED:
            self._between = True
            await self._store.store(occurrences)
            self._between = False
        elif fit is Fit.HOLE:
            self._behind = True
        elif fit is Fit.OTHER_EPOCH:
            self._skip_because("epoch")
        elif fit is Fit.MISMATCH:
            self._skip_because("mismatch")

    async def _catch_up(self) -> None:
        """Read what no message brought. What is missing and is kept no more, is missing for good."""
        self._behind = False
        while not self._due:
            expected = self.history.copy.sequence + 1
            batch = await deltas_after(self._bus, self._name, expected - 1)
            if self._lacks(expected, batch):
                self._skip_because("expired")
            for delta, sequence in batch:
                await self._apply(delta, sequence)
            if len(batch) < BATCH:
                return

    def _lacks(self, expected: int, found: list[tuple[Delta, int]]) -> bool:
        """Whether the delta `expected` was stored, and is kept no more."""
        if not found:
            return self._told >= expected
        delta, sequence = found[0]
        return delta.epoch == self.history.copy.epoch and sequence > expected

    def _skip_because(self, reason: GapReason) -> None:
        if not self._due:
            self._due, self._waiting_since = reason, time.monotonic()

    async def _skip(self, reason: GapReason) -> None:
        """Take the list as it is now, once it can be had."""
        found = await state_now(self._bus, self._name)
        if found is None or self._is_early(found[0], reason):
            return
        copy, simulated = found
        epoch = await self._first_epoch(copy) if reason == "start" else ""
        self._due, self._behind, self._ahead_since = None, True, None
        if epoch:
            self.history.begin(epoch)
            return
        if reason == "epoch" and copy.epoch == self.history.copy.epoch:
            return  # it was a late message of an earlier one
        self._pending = self.history.skip_to(copy, reason, simulated or self._simulated)
        self.gaps += 1
        self._tally.trouble("gaps", f"list {self._name}: deltas are missing ({reason})")

    async def _first_epoch(self, found: Copy) -> str:
        """The epoch of a list that nobody read before, while its first delta is kept: then all of it is known."""
        if found.sequence == 0:
            return found.epoch
        first = await deltas_after(self._bus, self._name, 0)
        return first[0][0].epoch if first and first[0][1] == 1 else ""

    def _is_early(self, found: Copy, reason: GapReason) -> bool:
        """Whether a later state is to be waited for."""
        mine = self.history.copy
        if found.epoch == mine.epoch:
            return reason in ("expired", "mismatch") and found.sequence <= mine.sequence
        waited = time.monotonic() - self._waiting_since
        return bool(mine.rows) and not found.rows and waited < EMPTY_SECONDS

    async def _store_pending(self) -> None:
        """Keep what is to be stored before it is: begun again, it would be another sum."""
        if self._pending:
            await self._keeper.save(self._pending, self._store.sequence)
            await self._store.store(self._pending)
            self._pending = []
            await self._keeper.save()

    async def _leave(self) -> None:
        await self._store_pending()
        if self.history.begun:
            self._pending = self.history.remove()
            await self._store_pending()
        await self._keeper.forget()

    async def save(self) -> None:
        """Keep the position at the end, unless it is between two."""
        if self.history.begun and not (self._between or self._pending):
            with suppress(GapscanError):
                await self._keeper.save_if_changed()
