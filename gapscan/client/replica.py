"""An exact replica of one list: holes are filled by sequence; where that is impossible, the snapshot is loaded again.

Nothing here waits for messages: a follower offers each delta, and calls `repair` while a fetch is due.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from gapscan.bus.client import Bus
from gapscan.bus.direct_get import NoStreamError, Stored, get_from, no_such_list
from gapscan.bus.snapshots import read_snapshot
from gapscan.client.view import LinkStats
from gapscan.errors import ProtocolError
from gapscan.lists.state import Copy, Fit
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import Delta, Heartbeat, Snapshot

MAX_FILL: Final = 1000  # deltas; a longer hole is not filled, the snapshot is loaded instead

_TIMES_ASKED: Final = 3
_ASK_AGAIN_SECONDS: Final = 0.1


class Replica:
    """The copy of one list, and the fetch that is due for it. Until that is done, the copy is an older state."""

    def __init__(self, bus: Bus, name: str) -> None:
        self.copy = Copy()
        self.simulated = False
        self.stats = LinkStats()
        self._bus = bus
        self._name = name
        self._stream = bus.names.list_stream(name)
        self._due: Callable[[], Awaitable[None]] | None = None
        self._is_rewound = False  # what is to be loaded is of the same epoch, but of another past than the copy

    @property
    def due(self) -> bool:
        """Whether a fetch is due: of missing deltas, or of the snapshot."""
        return self._due is not None

    def count(self, **counts: int) -> None:
        """Add to the counters of `stats`."""
        self.stats = replace(
            self.stats, **{name: getattr(self.stats, name) + number for name, number in counts.items()}
        )

    def offer(self, delta: Delta, sequence: int) -> Fit:
        """Apply `delta`, whose last sequence is `sequence`, if it is the next one; else request what is missing."""
        fit = self.copy.apply(delta, sequence)
        if fit is Fit.HOLE:
            self.request_fill()
        elif fit is Fit.OLD and self._is_of_other_past(delta, sequence):
            self._request_rewind()
        elif fit in (Fit.MISMATCH, Fit.OTHER_EPOCH):
            self._due = self.load_snapshot
            self.count(mismatches=fit is Fit.MISMATCH)
        return fit

    def _is_of_other_past(self, delta: Delta, sequence: int) -> bool:
        """Whether it leads to the copy's sequence, but not to the copy: before the next one that would seem to fit."""
        copy = self.copy
        return sequence == copy.sequence and (delta.as_of, delta.checksum) != (copy.as_of, copy.checksum)

    def observe(self, beat: Heartbeat) -> bool:
        """Compare the copy with the position in a heartbeat, and request what is missing; False if of another epoch."""
        if beat.epoch != self.copy.epoch:
            self._due = self.load_snapshot
            return False
        self.simulated = beat.simulated
        if beat.sequence > self.copy.sequence:
            self.request_fill()
        return True

    def check_rewound(self, beat: Heartbeat) -> None:
        """The heartbeat is to be believed: where it is behind the copy, the list went back, as its store did."""
        if beat.sequence < self.copy.sequence:
            self._request_rewind()

    def _request_rewind(self) -> None:
        self._is_rewound = True
        self._due = self.load_snapshot

    def request_fill(self) -> None:
        """Deltas may have been missed: fetch those after the copy's sequence, unless a snapshot is due."""
        self._due = self._due or self._fill

    async def repair(self) -> None:
        """Do the fetch that is due. If it fails, it stays due. Raises BusError, ProtocolError, UnknownListError."""
        if self._due is not None:
            await self._due()

    async def load_snapshot(self) -> None:
        """Replace the copy by the snapshot, and apply the deltas after it. Raises as `repair` does."""
        self._due = self.load_snapshot
        snapshot = await self._snapshot()
        if snapshot is None:
            raise no_such_list(self._name)
        try:
            stored = await get_from(self._bus, self._stream, snapshot.sequence + 1, MAX_FILL)
        except NoStreamError:
            raise no_such_list(self._name) from None
        before = self.copy.epoch, self.copy.sequence, self.copy.as_of, self.copy.checksum
        self.copy.load(snapshot)
        self.simulated = snapshot.simulated
        self.count(snapshots=1)
        self._due = None
        self._apply(stored)
        if self._is_rewound:
            self._is_rewound = False
            after = self.copy.epoch, self.copy.sequence, self.copy.as_of, self.copy.checksum
            self.count(rewinds=after[0] == before[0] and after != before)

    async def _snapshot(self) -> Snapshot | None:
        """The snapshot; where there seems to be none, asked for again: a replica that is behind may have answered."""
        for _ in range(_TIMES_ASKED - 1):
            if snapshot := await read_snapshot(self._bus, self._name):
                return snapshot
            await asyncio.sleep(_ASK_AGAIN_SECONDS)
        return await read_snapshot(self._bus, self._name)

    async def _fill(self) -> None:
        """Fetch the missing deltas from the stream; request the snapshot when they are gone or too many."""
        stored = await get_from(self._bus, self._stream, self.copy.sequence + 1, MAX_FILL)
        self._due = None
        if stored:
            self.count(holes=1, refetched=len(stored))
        if not self._apply(stored) or len(stored) == MAX_FILL:
            self._due = self.load_snapshot

    def _apply(self, stored: list[Stored]) -> bool:
        for message in stored:
            try:
                delta = decode_as(Delta, message.data)
            except ProtocolError:
                self.count(malformed=1)
                return False
            if self.offer(delta, message.sequence) not in (Fit.APPLIED, Fit.OLD):
                return False
        return True
