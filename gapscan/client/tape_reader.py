"""Reading one list's past from the tape, by direct get alone: at a market time, at a position, or from one on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from gapscan.bus.client import Bus
from gapscan.bus.tape import minute_messages, told
from gapscan.client.tape_search import TapeSearch
from gapscan.errors import NotRecordedError, UnknownListError
from gapscan.lists.playback import Playback, Told, known_at
from gapscan.protocol.messages import Delta, Row
from gapscan.protocol.tape import MINUTE_MS, SECOND_MS, Gap, Shelf, Unchanged, minute_in, minute_of, second_of


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
class Played:
    """A list played up to a time: the sequence of the newest message that counts, and whether later ones are there."""

    playback: Playback
    sequence: int
    complete: bool


class TapeReader(TapeSearch):
    """The past of one list on one tape."""

    @classmethod
    async def open(cls, bus: Bus, name: str, simulated: bool | None = None) -> TapeReader:
        """The tape that has the list: the real market's, if it is on both and `simulated` does not say.

        Raises UnknownListError when nothing is recorded of it, BusError.
        """
        for choice in (False, True) if simulated is None else (simulated,):
            reader = cls(bus, Shelf(name, choice, bus.names))
            if await reader.last() is not None:
                return reader
        raise UnknownListError(
            f"nothing is recorded of a list named {name}", remedy="`gapscan history` shows what there is"
        )

    async def at(self, when: int) -> PastView:
        """The list at `when`, epoch ms, which counts in whole seconds. Raises NotRecordedError, BusError."""
        played = await self.played(when)
        return self.view(played.playback, when, complete=played.complete)

    async def played(self, when: int) -> Played:
        """The same, to be played on. Raises NotRecordedError, BusError."""
        minute = when // MINUTE_MS
        stored = await minute_messages(self.bus, self.shelf, minute)
        messages = [told(each) for each in stored]
        playback = await self.begun(messages)
        known = list(known_at(messages, when))
        for message in known:
            playback.take(message)
        if not known or playback.copy is None:
            raise await self._not_recorded(when, playback.gap)
        at = max(place for place, message in enumerate(messages) if message is known[-1])
        complete = at < len(messages) - 1 or await self.has(minute + 1)
        return Played(playback, stored[at].sequence, complete)

    async def begun(self, messages: Sequence[Told]) -> Playback:
        """What a minute begins with that only refers to its list; nothing where that is not kept any more."""
        playback = Playback(simulated=self.shelf.simulated)
        if messages and isinstance(messages[0], Unchanged):
            for message in [told(m) for m in await minute_messages(self.bus, self.shelf, minute_of(messages[0].since))]:
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
            played = await self.played(start)
        except NotRecordedError:
            found = await self.first_after(start)
            if found is None:
                raise
            played, gap = Played(Playback(), found.sequence - 1, complete=True), True
        else:
            yield self.view(played.playback, start)
            gap = False
        playback = played.playback
        async for stored in self.messages(played.sequence + 1):
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
        found = await self.bounds_of(epoch)
        if found is None:
            raise NotRecordedError(f"epoch {epoch} of {self.shelf.name} is not on the tape")
        low, high = found
        while low < high:  # the last message in [low, high] whose position is not past the one asked for
            middle = (low + high + 1) // 2
            at = await self.position(middle)
            if at is None or at[2] != epoch or at[1] > sequence or at[0] > high:
                high = middle - 1
            else:
                low = max(at[0], middle)
        return await self._at_sequence(low, epoch, sequence)

    async def _at_sequence(self, stream_sequence: int, epoch: str, sequence: int) -> PastView:
        stored = await self.next(stream_sequence)
        if stored is not None:
            messages = [told(each) for each in await minute_messages(self.bus, self.shelf, minute_in(stored.subject))]
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

    async def _not_recorded(self, when: int, gap: Gap | None) -> NotRecordedError:
        name = self.shelf.name
        before, after = await self.last_until(when), await self.first_after(when)
        message = told(before) if before else None
        gap = gap or (message if isinstance(message, Gap) else None)
        if gap is not None:
            return NotRecordedError(
                f"what {name} was at {_clock(when)} is not recorded: there is a gap from {_clock(gap.begin)} to"
                f" {_clock(gap.end)}"
            )
        if after is None:
            return NotRecordedError(f"{name} is not recorded up to {_clock(when)} yet: the tape ends before")
        begins = second_of(await self.begin()) * SECOND_MS
        if before is None or when < begins:
            return NotRecordedError(f"{name} at {_clock(when)} is not kept: its past begins at {_clock(begins)}")
        return NotRecordedError(f"what {name} was at {_clock(when)} is not recorded")


def _clock(ms: int) -> str:
    from gapscan.market.sessions import new_york

    return f"{new_york(ms):%Y-%m-%d %H:%M:%S} ET"
