"""Reading one list's past from the tape, by direct get alone: at a market time, at a position, or from one on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from gapscan.bus.client import Bus
from gapscan.bus.direct_get import NoStreamError, Stored, get_last_matching, get_next
from gapscan.bus.tape import minute_messages, told
from gapscan.errors import NotRecordedError, UnknownListError
from gapscan.lists.playback import Playback, Told, known_at
from gapscan.protocol.messages import Delta, Row, Snapshot
from gapscan.protocol.tape import MINUTE_MS, Gap, Shelf, Unchanged, minute_in, minute_of

_BATCH = 200


@dataclass(frozen=True, slots=True)
class PastView:
    """A list as it was at `when`, both in market time, epoch ms. It never changes; rows are not to be changed.

    `epoch` and `sequence` are its position, `as_of` says of when its newest change is. `gap_before`: between the view
    before and this one it is not known what the list was. `complete` is false at the end of the tape: what happened
    up to `when` may not all be recorded yet.
    """

    list: str
    when: int
    epoch: str
    sequence: int
    as_of: int
    rows: tuple[Row, ...]
    simulated: bool
    gap_before: bool = False
    complete: bool = True


@dataclass(frozen=True, slots=True)
class _Played:
    """A list played up to a time: the sequence of the newest message that counts, and whether later ones are there."""

    playback: Playback
    sequence: int
    complete: bool


class TapeReader:
    """The past of one list on one tape."""

    def __init__(self, bus: Bus, shelf: Shelf) -> None:
        self.shelf = shelf
        self._bus = bus

    @classmethod
    async def open(cls, bus: Bus, name: str, simulated: bool | None = None) -> TapeReader:
        """The tape that has the list: the real market's, if it is on both and `simulated` does not say.

        Raises UnknownListError when nothing is recorded of it, BusError.
        """
        for choice in (False, True) if simulated is None else (simulated,):
            reader = cls(bus, Shelf(name, choice))
            if await reader._last() is not None:
                return reader
        raise UnknownListError(
            f"nothing is recorded of a list named {name}", remedy="`gapscan history` shows what there is"
        )

    async def ends(self) -> tuple[Stored, Stored]:
        """The first and the last message. Raises UnknownListError when there is none any more, BusError."""
        first, last = await self._next(1), await self._last()
        if first is None or last is None:
            raise UnknownListError(f"nothing is recorded of a list named {self.shelf.name}")
        return first, last

    async def begin(self) -> int:
        """The oldest market time on the tape, epoch ms: that of the first list that it has whole."""
        async for stored in self._from(1):
            if isinstance(message := told(stored), Snapshot):
                return message.as_of
        return 0

    async def end(self) -> int:
        """The newest market time on the tape, epoch ms."""
        last = await self._last()
        message = told(last) if last else None
        return (message.end if isinstance(message, Gap) else message.as_of) if message else 0

    async def at(self, when: int) -> PastView:
        """The list at `when`, epoch ms, which counts in whole seconds. Raises NotRecordedError, BusError."""
        played = await self._play(when)
        return self.view(played.playback, when, complete=played.complete)

    async def _play(self, when: int) -> _Played:
        minute = when // MINUTE_MS
        stored = await minute_messages(self._bus, self.shelf, minute)
        messages = [told(each) for each in stored]
        playback = await self.begun(messages)
        known = list(known_at(messages, when))
        for message in known:
            playback.take(message)
        if not known or playback.copy is None:
            raise await self._not_recorded(when, playback.gap)
        at = max(place for place, message in enumerate(messages) if message is known[-1])
        complete = at < len(messages) - 1 or await self._has(minute + 1)
        return _Played(playback, stored[at].sequence, complete)

    async def begun(self, messages: Sequence[Told]) -> Playback:
        """What a minute begins with that only refers to its list."""
        playback = Playback(simulated=self.shelf.simulated)
        if messages and isinstance(messages[0], Unchanged):
            for message in [
                told(m) for m in await minute_messages(self._bus, self.shelf, minute_of(messages[0].since))
            ]:
                playback.take(message)
        return playback

    def view(self, playback: Playback, when: int, *, gap: bool = False, complete: bool = True) -> PastView:
        """The list as it was played up to `when`."""
        copy = playback.copy
        assert copy is not None  # for the type checker: the callers looked
        return PastView(
            list=self.shelf.name,
            when=when,
            epoch=copy.epoch,
            sequence=copy.sequence,
            as_of=copy.as_of,
            rows=tuple(copy.rows),
            simulated=self.shelf.simulated,
            gap_before=gap,
            complete=complete,
        )

    async def views(self, start: int, end: int) -> AsyncIterator[PastView]:
        """The list at `start`, then after each recorded change up to `end`. What is in a gap is left out."""
        try:
            played = await self._play(start)
        except NotRecordedError:
            found = await self._first_after(start)
            if found is None:
                raise
            played, gap = _Played(Playback(), found.sequence - 1, complete=True), True
        else:
            yield self.view(played.playback, start)
            gap = False
        playback = played.playback
        async for stored in self._from(played.sequence + 1):
            message = told(stored)
            if not isinstance(message, Gap) and message.as_of > end:
                return
            if isinstance(message, Unchanged) and playback.copy is None:
                playback = await self.begun([message])
            changed = playback.take(message)
            gap = gap or playback.gap is not None
            if changed and playback.copy is not None and (gap or isinstance(message, Delta)):
                yield self.view(playback, playback.last, gap=gap)
                gap = False

    async def at_position(self, epoch: str, sequence: int) -> PastView:
        """The list at a position: of those recorded, the last one that is not behind it.

        Raises NotRecordedError when the epoch, or what it was at that sequence, is not on the tape; BusError.
        """
        found = await self._bounds_of(epoch)
        if found is None:
            raise NotRecordedError(f"epoch {epoch} of {self.shelf.name} is not on the tape")
        low, high = found
        while low < high:  # the last message in [low, high] whose position is not past the one asked for
            middle = (low + high + 1) // 2
            at = await self._position(middle)
            if at is None or at[2] != epoch or at[1] > sequence or at[0] > high:
                high = middle - 1
            else:
                low = max(at[0], middle)
        return await self._at_sequence(low, epoch, sequence)

    async def _at_sequence(self, stream_sequence: int, epoch: str, sequence: int) -> PastView:
        stored = await self._next(stream_sequence)
        if stored is not None:
            messages = [told(each) for each in await minute_messages(self._bus, self.shelf, minute_in(stored.subject))]
            playback = await self.begun(messages)
            view: PastView | None = None
            for message in messages:
                playback.take(message)
                held = playback.copy
                if held is not None and held.epoch == epoch and held.sequence <= sequence:
                    view = self.view(playback, playback.last)
            if view is not None:
                return view
        raise NotRecordedError(f"what {self.shelf.name} was at sequence {sequence} of epoch {epoch} is not recorded")

    async def _bounds_of(self, epoch: str) -> tuple[int, int] | None:
        """The first and the last message on the tape that are of an epoch; None when there is none."""
        first, last = await self._position(1), await self._last()
        if first is None or last is None:
            return None
        return await self._search(epoch, first[0], last.sequence)

    async def _search(self, epoch: str, low: int, high: int) -> tuple[int, int] | None:
        """As `_bounds_of`, between two sequences. Epochs follow one another, each in one piece."""
        a, b = await self._position(low), await self._position(high)
        if a is None or a[0] > high:
            return None
        if b is not None and a[2] == b[2]:
            return (low, high) if a[2] == epoch else None
        if high - low <= 1:
            return (low, low) if a[2] == epoch else (high, high) if b is not None and b[2] == epoch else None
        middle = (low + high) // 2
        parts = [part for bounds in ((low, middle), (middle, high)) if (part := await self._search(epoch, *bounds))]
        return (parts[0][0], parts[-1][1]) if parts else None

    async def _position(self, stream_sequence: int) -> tuple[int, int, str] | None:
        """Where it is on the tape, sequence and epoch of the first message from there that has a position."""
        async for stored in self._from(stream_sequence, 4):
            message = told(stored)
            if isinstance(message, Snapshot | Unchanged):
                return stored.sequence, message.sequence, message.epoch
            if isinstance(message, Delta) and isinstance(message.sequence, int):
                return stored.sequence, message.sequence, message.epoch
        return None

    async def _not_recorded(self, when: int, gap: Gap | None) -> NotRecordedError:
        name = self.shelf.name
        before, after = await self._last_until(when), await self._first_after(when)
        message = told(before) if before else None
        gap = gap or (message if isinstance(message, Gap) else None)
        if gap is not None:
            return NotRecordedError(
                f"what {name} was at {_clock(when)} is not recorded: there is a gap from {_clock(gap.begin)} to"
                f" {_clock(gap.end)}"
            )
        if after is None:
            return NotRecordedError(f"{name} is not recorded up to {_clock(when)} yet: the tape ends before")
        if before is None:
            begins = minute_in(after.subject) * MINUTE_MS
            return NotRecordedError(f"{name} at {_clock(when)} is not kept: its past begins at {_clock(begins)}")
        return NotRecordedError(f"what {name} was at {_clock(when)} is not recorded")

    async def _first_after(self, when: int) -> Stored | None:
        """The first message of a later minute than that of `when`."""
        first, last = await self._next(1), await self._last()
        if first is None or last is None or minute_in(last.subject) <= when // MINUTE_MS:
            return None
        low, high = first.sequence, last.sequence
        while low < high:
            middle = (low + high) // 2
            found = await self._next(middle)
            if found is None or minute_in(found.subject) > when // MINUTE_MS:
                high = middle
            else:
                low = found.sequence + 1
        return await self._next(low)

    async def _last_until(self, when: int) -> Stored | None:
        """The last message of the newest minute that is not later than that of `when`."""
        after, first = await self._first_after(when), await self._next(1)
        if after is None:
            return await self._last()
        low, high = (first.sequence if first else 1), after.sequence - 1
        found: Stored | None = None
        while low <= high:  # the last one before `after`: what lies between may be other lists'
            middle = (low + high) // 2
            next_one = await self._next(middle)
            if next_one is None or next_one.sequence >= after.sequence:
                high = middle - 1
            else:
                found, low = next_one, next_one.sequence + 1
        return found

    async def messages_from(self, when: int) -> AsyncIterator[Stored]:
        """All messages of minutes from that of `when` on, in order."""
        first = await self._first_after(when - MINUTE_MS)
        if first is not None:
            async for stored in self._from(first.sequence):
                yield stored

    async def _has(self, minute: int) -> bool:
        return bool(await get_next(self._bus, self.shelf.stream, self.shelf.minute(minute), 1, 1))

    async def _last(self) -> Stored | None:
        try:
            return await get_last_matching(self._bus, self.shelf.stream, self.shelf.minutes)
        except NoStreamError:
            return None

    async def _next(self, stream_sequence: int) -> Stored | None:
        found = await get_next(self._bus, self.shelf.stream, self.shelf.minutes, stream_sequence, 1)
        return found[0] if found else None

    async def _from(self, stream_sequence: int, most: int = 0) -> AsyncIterator[Stored]:
        """The list's messages from a sequence on, in order."""
        count = most or _BATCH
        while True:
            batch = await get_next(self._bus, self.shelf.stream, self.shelf.minutes, stream_sequence, count)
            for stored in batch:
                yield stored
            if len(batch) < count or most:
                return
            stream_sequence = batch[-1].sequence + 1


def _clock(ms: int) -> str:
    from gapscan.market.sessions import new_york

    return f"{new_york(ms):%Y-%m-%d %H:%M:%S} ET"
