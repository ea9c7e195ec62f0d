"""What the feed says once, read again from its streams when it may have been missed.

Scans and bars come again by themselves. Halts, reference data and volume curves do not: who was cut off from NATS for
a moment, or had no room for a message, would go without them until the next change, or the next day.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from gapscan.bus.capacity import smaller_messages
from gapscan.bus.client import Bus
from gapscan.bus.direct_get import get_from
from gapscan.bus.topology import KEPT
from gapscan.errors import BusError
from gapscan.obs import Tally
from gapscan.runtime import Backoff

# Between two readings, in seconds: a set of volume curves takes a moment to be published.
FIRST: Final = 1.0
LIMIT: Final = 60.0


class StreamReplay:
    """Reads the streams anew after each return of the link, when it is wanted, and while curves are `lacking`.

    `offer` gets each stored message, in order; it may hold this up.
    """

    def __init__(
        self, bus: Bus, offer: Callable[[bytes], Awaitable[None]], lacking: Callable[[], bool], tally: Tally
    ) -> None:
        self._bus = bus
        self._said_once = (bus.names.stream_reference, bus.names.stream_curves, bus.names.stream_halts)
        self._offer = offer
        self._lacking = lacking
        self._tally = tally
        self._due: set[str] = set()
        self._wanted = asyncio.Event()

    @property
    def pending(self) -> bool:
        """Whether something is to be read again, or to be checked."""
        return self._wanted.is_set()

    def want(self, streams: Iterable[str] | None = None) -> None:
        """Have `streams` read again, by default those of what is said once: something in them may have been missed."""
        self._due.update(self._said_once if streams is None else streams)
        self._wanted.set()

    async def run(self) -> None:
        """Replay for ever."""
        stop_listening = self._bus.on_link_change(self._link_changed)
        try:
            await self._run(Backoff(FIRST, LIMIT))
        finally:
            stop_listening()

    def _link_changed(self) -> None:
        if self._bus.connected:
            self.want()

    async def _run(self, backoff: Backoff) -> None:
        while True:
            await self._wanted.wait()
            await asyncio.sleep(backoff.next())
            self._wanted.clear()
            due, self._due = self._due, set()
            if self._lacking():
                due.add(self._bus.names.stream_curves)
                self._tally.trouble(
                    "curves_lacking", "parts of the feed's volume curves are lacking, they are read again"
                )
                self._wanted.set()  # to check whether that was enough
            if not due:
                backoff.reset()
            for stream in sorted(due):
                await self._read(stream)

    async def _read(self, stream: str) -> None:
        try:
            stored = await get_from(self._bus, stream, 1, KEPT * smaller_messages(self._bus))
        except BusError as error:
            self._tally.trouble("not_caught_up", f"what may have been missed of {stream} cannot be read: {error}")
            self.want((stream,))
            return
        for message in stored:
            await self._offer(message.data)
