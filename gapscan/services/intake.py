"""Frames of the feed into a universe: what the streams still hold first, then as they come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum
from typing import Final

from nats.aio.msg import Msg

from gapscan.bus.client import NATS_ERRORS, Bus, translated
from gapscan.bus.direct import get_from
from gapscan.errors import ProtocolError
from gapscan.market.universe import Universe
from gapscan.obs import Tally
from gapscan.protocol import names
from gapscan.protocol.codec import decode
from gapscan.protocol.messages import ReferenceFrame, UniverseFrame

# Parts of frames not yet taken in: several whole scans. What comes on top is dropped; the next scan brings it again.
_WAITING: Final = 64
_KEPT: Final = 64  # parts that the streams keep


class Whole(Enum):
    """What has come in whole."""

    SCAN = "scan"
    REFERENCE = "reference"


class Intake:
    """Keeps `universe` up to date, and says when a scan or the reference data has come in whole."""

    def __init__(self, bus: Bus, universe: Universe, tally: Tally) -> None:
        self.universe = universe
        self.has_reference = False
        self.has_scan = False
        self.last_scan_at: float | None = None  # monotonic; None before the first scan that came live
        self._bus = bus
        self._tally = tally
        self._waiting: asyncio.Queue[Msg] = asyncio.Queue(_WAITING)

    @property
    def ready(self) -> bool:
        """Whether there is enough to rank: without either part, every list would come out empty."""
        return self.has_reference and self.has_scan

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Hear live frames, and take in what the streams hold. Raises BusError."""
        try:
            subscriptions = [
                await self._bus.nc.subscribe(subject, cb=self._on_message)
                for subject in (names.FEED_REFERENCE, names.FEED_UNIVERSE)
            ]
        except NATS_ERRORS as error:
            raise translated(error, "subscribing to the feed") from error
        try:
            await self._recover()
            yield
        finally:
            if self._bus.connected:
                for subscription in subscriptions:
                    await subscription.unsubscribe()

    async def _on_message(self, message: Msg) -> None:
        try:
            self._waiting.put_nowait(message)
        except asyncio.QueueFull:
            self._tally.trouble("parts_dropped", "frames come faster than they are ranked; parts are dropped")

    async def _recover(self) -> None:
        for stream in (names.STREAM_REFERENCE, names.STREAM_UNIVERSE):
            for stored in await get_from(self._bus, stream, 1, _KEPT):
                self._take(stored.data)

    async def next_whole(self) -> Whole:
        """Take in parts until a scan or the reference data is whole; which of the two it was."""
        while True:
            message = await self._waiting.get()
            if whole := self._take(message.data):
                if whole is Whole.SCAN:
                    self.last_scan_at = time.monotonic()
                return whole

    def _take(self, data: bytes) -> Whole | None:
        """Merge one part; what has become whole by it, if anything."""
        try:
            frame = decode(data)
        except ProtocolError as error:
            self._tally.trouble("bad_frames", f"a frame of the feed cannot be read: {error}")
            return None
        if isinstance(frame, UniverseFrame):
            return self._take_scan(frame)
        if isinstance(frame, ReferenceFrame):
            return self._take_reference(frame)
        self._tally.trouble("bad_frames", f"the feed sent a {type(frame).__name__}")
        return None

    def _take_scan(self, frame: UniverseFrame) -> Whole | None:
        if not self.universe.merge_frame(frame):
            self._tally.trouble("old_frames", "a scan of an earlier trading day was left out")
            return None
        if frame.part < frame.parts:
            return None
        self.has_scan = True
        return Whole.SCAN

    def _take_reference(self, frame: ReferenceFrame) -> Whole | None:
        self.universe.merge_reference(frame)
        if frame.part < frame.parts:
            return None
        self.has_reference = True
        return Whole.REFERENCE
