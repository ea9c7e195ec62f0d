"""How far a list's deltas were made events of, kept for whoever makes them next."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

from nats.js.errors import NotFoundError

from gapscan.bus.client import NATS_ERRORS, Bus, translated
from gapscan.bus.fenced import FencedValue
from gapscan.errors import BusError, FencedError, ProtocolError
from gapscan.events.history import ListHistory
from gapscan.events.position_parts import PartsStore, fitting, room
from gapscan.obs import Tally
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as
from gapscan.protocol.events import EventPosition, Occurrence


class PositionKeeper:
    """Keeps the position of one list, every `seconds` when it has changed. `fault` says why it cannot, if so."""

    def __init__(self, bus: Bus, history: ListHistory, seconds: float, tally: Tally) -> None:
        self.fault = ""
        self._bus = bus
        self._history = history
        self._tally = tally
        self._parts = PartsStore(bus, history.name)
        self._seconds = seconds
        self._value = FencedValue(bus, bus.names.bucket_events, history.name, f"the events' position in {history.name}")
        self._saved = ("", -1)
        self._due_at = time.monotonic() + random.uniform(0, seconds)  # not all lists at the same moment

    async def read(self) -> EventPosition | None:
        """The position that is kept; None when there is none that can be read. Raises BusError."""
        stored = await self._value.read()
        position = self._decoded(stored.data) if stored and stored.data else None
        if position and position.parts:
            position = await self._whole(position)
        self._saved = (position.epoch, position.sequence) if position else ("", -1)
        return position

    async def _whole(self, position: EventPosition) -> EventPosition:
        """What its parts say; without them, what alerts knew of the list is not known, as if they were new."""
        assert position.parts is not None  # for the type checker
        data = await self._parts.get(position.parts)
        whole = self._decoded(data) if data is not None else None
        if whole is None:
            self._tally.trouble("position_incomplete", f"list {self._history.name}: parts of its position are gone")
        return whole or position

    def _decoded(self, data: bytes) -> EventPosition | None:
        try:
            return decode_as(EventPosition, data)
        except ProtocolError as error:
            self._tally.trouble("position_unusable", f"list {self._history.name}: {error.message}")
            return None

    async def save_when_due(self) -> None:
        """Keep it, if it was not for long. What cannot be kept is tried again the next time. Raises FencedError."""
        if time.monotonic() >= self._due_at:
            try:
                await self.save_if_changed()
            except BusError as error:
                if not error.retry:
                    raise

    async def save_if_changed(self) -> None:
        """Keep it, if it is another one. Raises BusError, FencedError."""
        self._due_at = time.monotonic() + self._seconds
        copy = self._history.copy
        if self._saved != (copy.epoch, copy.sequence):
            await self.save()

    async def save(self, pending: Sequence[Occurrence] = (), stored: int = 0) -> None:
        """Keep it, with what is still to be stored. Raises BusError, FencedError."""
        position = self._history.position(pending, stored)
        try:
            await self._put(position)
        except FencedError:
            raise
        except BusError as error:
            self.fault = error.message
            self._tally.trouble("position_unsaved", f"list {self._history.name}: {error.message}")
            raise
        self.fault = ""
        self._saved = (position.epoch, position.sequence)

    async def _put(self, position: EventPosition) -> None:
        value, has_parts = await fitting(position, self._parts, room(self._bus))
        await self._value.put(value)
        await self._parts.drop_others(self._value.revision, has_parts=has_parts)

    async def forget(self) -> None:
        """The list is removed. Raises BusError."""
        bucket = self._bus.names.bucket_events
        try:
            await self._bus.js.purge_stream(
                names.bucket_stream(bucket), subject=names.key_subject(bucket, self._history.name)
            )
        except NotFoundError:
            return
        except NATS_ERRORS as error:
            raise translated(error, f"removing the position in {self._history.name}") from error
        await self._parts.drop()
