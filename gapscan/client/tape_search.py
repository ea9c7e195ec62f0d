"""Where on a tape what is of a list: its ends, a time, a position, found by bisection. By direct get alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from gapscan.bus.client import Bus
from gapscan.bus.direct_get import NoStreamError, Stored, get_last_matching, get_next
from gapscan.bus.tape import told
from gapscan.errors import UnknownListError
from gapscan.protocol.messages import Delta, Snapshot
from gapscan.protocol.tape import MINUTE_MS, Gap, Shelf, Unchanged, minute_in

_BATCH: Final = 200
_FEW: Final = 8  # where one of the first is what is looked for


class TapeSearch:
    """The messages of one list on one tape, all minutes together, in the order in which they are stored."""

    def __init__(self, bus: Bus, shelf: Shelf) -> None:
        self.shelf = shelf
        self.bus = bus

    async def ends(self) -> tuple[Stored, Stored]:
        """The first and the last message. Raises UnknownListError when there is none any more, BusError."""
        first, last = await self.next(1), await self.last()
        if first is None or last is None:
            raise UnknownListError(f"nothing is recorded of a list named {self.shelf.name}")
        return first, last

    async def begin(self) -> int:
        """The oldest market time on the tape, epoch ms: that of the first list that it has whole."""
        after, count = 0, 1
        while found := await get_next(self.bus, self.shelf.stream, self.shelf.minutes, after + 1, count):
            for stored in found:
                if isinstance(message := told(stored), Snapshot):
                    return message.as_of
            after, count = found[-1].sequence, _FEW
        return 0

    async def end(self) -> int:
        """The newest market time on the tape, epoch ms."""
        last = await self.last()
        message = told(last) if last else None
        return (message.end if isinstance(message, Gap) else message.as_of) if message else 0

    async def bounds_of(self, epoch: str) -> tuple[int, int] | None:
        """The first and the last message on the tape that are of an epoch; None when there is none."""
        first, last = await self.position(1), await self.last()
        if first is None or last is None:
            return None
        return await self._search(epoch, first[0], last.sequence)

    async def _search(self, epoch: str, low: int, high: int) -> tuple[int, int] | None:
        """As `bounds_of`, between two sequences. Epochs follow one another, each in one piece."""
        a, b = await self.position(low), await self.position(high)
        if a is None or a[0] > high:
            return None
        if b is not None and a[2] == b[2]:
            return (low, high) if a[2] == epoch else None
        if high - low <= 1:
            return (low, low) if a[2] == epoch else (high, high) if b is not None and b[2] == epoch else None
        middle = (low + high) // 2
        parts = [part for bounds in ((low, middle), (middle, high)) if (part := await self._search(epoch, *bounds))]
        return (parts[0][0], parts[-1][1]) if parts else None

    async def position(self, stream_sequence: int) -> tuple[int, int, str] | None:
        """Where it is on the tape, sequence and epoch of the first message from there that has a position."""
        async for stored in self.messages(stream_sequence, 4):
            message = told(stored)
            if isinstance(message, Snapshot | Unchanged):
                return stored.sequence, message.sequence, message.epoch
            if isinstance(message, Delta) and isinstance(message.sequence, int):
                return stored.sequence, message.sequence, message.epoch
        return None

    async def first_after(self, when: int) -> Stored | None:
        """The first message of a later minute than that of `when`."""
        first, last = await self.next(1), await self.last()
        if first is None or last is None or minute_in(last.subject) <= when // MINUTE_MS:
            return None
        low, high = first.sequence, last.sequence
        while low < high:
            middle = (low + high) // 2
            found = await self.next(middle)
            if found is None or minute_in(found.subject) > when // MINUTE_MS:
                high = middle
            else:
                low = found.sequence + 1
        return await self.next(low)

    async def last_until(self, when: int) -> Stored | None:
        """The last message of the newest minute that is not later than that of `when`."""
        after, first = await self.first_after(when), await self.next(1)
        if after is None:
            return await self.last()
        low, high = (first.sequence if first else 1), after.sequence - 1
        found: Stored | None = None
        while low <= high:  # the last one before `after`: what lies between may be other lists'
            middle = (low + high) // 2
            next_one = await self.next(middle)
            if next_one is None or next_one.sequence >= after.sequence:
                high = middle - 1
            else:
                found, low = next_one, next_one.sequence + 1
        return found

    async def messages_from(self, when: int) -> AsyncIterator[Stored]:
        """All messages of minutes from that of `when` on, in order."""
        first = await self.first_after(when - MINUTE_MS)
        if first is not None:
            async for stored in self.messages(first.sequence):
                yield stored

    async def has(self, minute: int) -> bool:
        """Whether anything is recorded of a minute."""
        return bool(await get_next(self.bus, self.shelf.stream, self.shelf.minute(minute), 1, 1))

    async def last(self) -> Stored | None:
        """The newest message of the list; None when there is none."""
        try:
            return await get_last_matching(self.bus, self.shelf.stream, self.shelf.minutes)
        except NoStreamError:
            return None

    async def next(self, stream_sequence: int) -> Stored | None:
        """The list's first message at or after a sequence of the tape; None when there is none."""
        try:
            found = await get_next(self.bus, self.shelf.stream, self.shelf.minutes, stream_sequence, 1)
        except NoStreamError:
            return None
        return found[0] if found else None

    async def messages(self, stream_sequence: int, most: int = 0, batch: int = _BATCH) -> AsyncIterator[Stored]:
        """The list's messages from a sequence on, in order; at most so many, or all."""
        count = most or batch
        while True:
            found = await get_next(self.bus, self.shelf.stream, self.shelf.minutes, stream_sequence, count)
            for stored in found:
                yield stored
            if len(found) < count or most:
                return
            stream_sequence = found[-1].sequence + 1
