"""A list's past played: from a time on, at a speed, with pause and seek. Market time follows a clock of the player's.

The list at a time is what `TapeReader.at` says of it; the player reads ahead, and shows after each change that counts
by then what the list is. Where the tape ends it waits for more. What is in a gap is passed over, and said.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

from gapscan.bus.direct_get import Stored, get_next
from gapscan.bus.tape import told
from gapscan.client.tape_reader import PastView, TapeReader
from gapscan.errors import BusError, GapscanError
from gapscan.lists.playback import Playback, Told
from gapscan.protocol.tape import SECOND_MS, Gap, Unchanged, second_of

PlayState = Literal["playing", "paused", "waiting"]

MOST_SPEED: Final = 600.0
_AHEAD: Final = 60  # messages that are read at once: a minute of a list that changes every second
_POLL_SECONDS: Final = 1.0  # between looks for more at the end of the tape
_SEEK_SECONDS: Final = 0.05  # between two seeks: of those that come faster, the last one counts


@dataclass(frozen=True, slots=True)
class Scene:
    """What there is to show: the list at market time `time`, epoch ms, or why it is not known (`error`).

    `sought`: the time was asked for. `gap` was passed over just now.
    """

    view: PastView | None
    time: int
    state: PlayState
    sought: bool = False
    gap: Gap | None = None
    error: GapscanError | None = None


class Player:
    """One list, played. `when` is market time, epoch ms; `interval` is the least time between two scenes, seconds.

    Players that have a `room` in common read no more moments at once than fit in.
    """

    def __init__(
        self,
        reader: TapeReader,
        when: int,
        speed: float = 1.0,
        interval: float = 0.1,
        clock: Callable[[], float] = time.monotonic,
        room: asyncio.Semaphore | None = None,
    ) -> None:
        self.reader = reader
        self.speed = speed
        self._interval = interval
        self._clock = clock
        self._room = room or asyncio.Semaphore()
        self._called = asyncio.Event()
        self._sought: int | None = when
        self._aim: int | None = when  # the same, until it is there
        self._time, self._since = when, clock()  # market time at a moment of the clock
        self._end: int | None = None  # of the tape, while it is reached: market time goes no further
        self._playback: Playback | None = None
        self._next = 0
        self._troubled = False  # NATS is away
        self._ahead: deque[tuple[int, Told]] = deque()  # with the market times at which they count

    @property
    def time(self) -> int:
        """Market time, epoch ms."""
        now = self._time + round((self._clock() - self._since) * self.speed * 1000)
        return now if self._end is None else min(now, max(self._end, self._time))

    @property
    def heading(self) -> int:
        """Market time of where it is going, epoch ms: what was sought last, or where it is."""
        return self.time if self._aim is None else self._aim

    @property
    def state(self) -> PlayState:
        """Whether market time moves."""
        if not self.speed:
            return "paused"
        return "waiting" if self._end is not None and self.time >= self._end else "playing"

    def seek(self, when: int) -> None:
        """Go on from market time `when`, epoch ms."""
        self._sought = self._aim = when
        self._called.set()

    def set_speed(self, speed: float) -> None:
        """So many seconds of market time in a second; 0 is a pause."""
        self._anchor(self.time)
        self.speed = min(max(speed, 0.0), MOST_SPEED)
        self._called.set()

    def _anchor(self, when: int) -> None:
        self._time, self._since = when, self._clock()

    async def scenes(self) -> AsyncGenerator[Scene, None]:
        """What there is to show, for ever. Raises ProtocolError, DeltaError."""
        said: PlayState | None = None
        while True:
            if self._sought is not None:
                yield await self._jump(self._sought)
                await asyncio.sleep(_SEEK_SECONDS)
                said = self.state
            elif self.speed and self._playback is not None:
                for scene in await self._patient_advance(self._playback):
                    yield scene
            if said != self.state:
                said = self.state
                yield self._scene()
            await self._rest()

    async def _jump(self, when: int) -> Scene:
        """The list at another time. When it is not known there, all stays as it was."""
        self._sought = None
        try:
            return await self._go(when)
        finally:
            if self._sought is None:
                self._aim = None

    async def _go(self, when: int) -> Scene:
        try:
            async with self._room:
                played = await self.reader.played(when)
        except GapscanError as error:
            return Scene(None, when, self.state, sought=True, error=error)
        self._playback, self._next, self._end = played.playback, played.sequence + 1, None
        self._ahead.clear()
        self._anchor(when)
        if not played.complete:
            self._end = min(when, second_of(played.playback.last) * SECOND_MS)
            self._anchor(self._end)
        return self._scene(sought=True)

    def _scene(self, *, sought: bool = False, gap: Gap | None = None) -> Scene:
        held = self._playback
        known = held is not None and held.copy is not None
        view = self.reader.view(held, self.time) if held is not None and known else None
        return Scene(view, self.time, self.state, sought, gap)

    async def _patient_advance(self, playback: Playback) -> list[Scene]:
        """As `_advance`; while NATS is away market time stands, which is said once."""
        try:
            scenes = await self._advance(playback)
        except BusError as error:
            self._anchor(self.time)
            first, self._troubled = not self._troubled, True
            return [Scene(None, self.time, self.state, error=error)] if first else []
        self._troubled = False
        return scenes

    async def _advance(self, playback: Playback) -> list[Scene]:
        """What has come to count since the last time."""
        scenes: list[Scene] = []
        changed = False
        while await self._next_due() <= self.time and self._ahead and self._sought is None:
            message = self._ahead.popleft()[1]
            if isinstance(message, Unchanged) and playback.copy is None:
                playback = self._playback = await self.reader.begun([message])
            gap = playback.gap
            changed = playback.take(message) or changed
            if isinstance(message, Gap) and message != gap:
                self._anchor(max(self.time, message.end))
                scenes.append(self._scene(gap=message))
        if changed and playback.copy is not None:
            scenes.append(self._scene())
        return scenes

    async def _next_due(self) -> float:
        """When the next message counts, market time; more are read when none is left."""
        if not self._ahead:
            await self._read()
        return self._ahead[0][0] if self._ahead else float("inf")

    async def _read(self) -> None:
        shelf = self.reader.shelf
        found = await get_next(self.reader.bus, shelf.stream, shelf.minutes, self._next, _AHEAD)
        for stored in found:
            self._ahead.append(_due(stored))
        if found:
            self._next = found[-1].sequence + 1
        if found and self._end is not None:  # what it waited for has come
            self._anchor(self.time)
            self._end = None
        elif not found and self._end is None and self._playback is not None:
            self._end = second_of(self._playback.last) * SECOND_MS

    async def _rest(self) -> None:
        """Wait until something may be due, or somebody calls."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pause()):
                await self._called.wait()
        self._called.clear()

    def _pause(self) -> float | None:
        if self._sought is not None:
            return 0.0
        if not self.speed or self._playback is None:
            return None
        if self._troubled or not self._ahead:
            return _POLL_SECONDS if self._troubled or self.state == "waiting" else self._interval
        return max(self._interval, (self._ahead[0][0] - self.time) / 1000 / self.speed)


def _due(stored: Stored) -> tuple[int, Told]:
    """A message, and from which market time on it counts, epoch ms."""
    message = told(stored)
    return (message.begin if isinstance(message, Gap) else second_of(message.as_of) * SECOND_MS), message
