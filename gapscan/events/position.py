"""How far a list's deltas were made events of, kept for whoever makes them next."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

from nats.js.errors import NotFoundError

from gapscan.bus.client import NATS_ERRORS, Bus, translated
from gapscan.bus.fenced import FencedValue
from gapscan.errors import ProtocolError
from gapscan.events.history import ListHistory
from gapscan.obs import logger
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as, encode
from gapscan.protocol.events import EventPosition, Occurrence

_log = logger("events")


class PositionKeeper:
    """Keeps the position of one list, every `seconds` when it has changed."""

    def __init__(self, bus: Bus, history: ListHistory, seconds: float) -> None:
        self._bus = bus
        self._history = history
        self._seconds = seconds
        self._value = FencedValue(bus, bus.names.bucket_events, history.name, f"the events' position in {history.name}")
        self._saved = ("", -1)
        self._due_at = time.monotonic() + random.uniform(0, seconds)  # not all lists at the same moment

    async def read(self) -> EventPosition | None:
        """The position that is kept; None when there is none that can be read. Raises BusError."""
        stored = await self._value.read()
        try:
            position = decode_as(EventPosition, stored.data) if stored and stored.data else None
        except ProtocolError as error:
            _log.warning("the kept position is unreadable: %s", error.message, extra={"list": self._history.name})
            return None
        self._saved = (position.epoch, position.sequence) if position else ("", -1)
        return position

    async def save_when_due(self) -> None:
        """Keep it, if it was not for long. Raises BusError, FencedError."""
        if time.monotonic() >= self._due_at:
            await self.save_if_changed()

    async def save_if_changed(self) -> None:
        """Keep it, if it is another one. Raises BusError, FencedError."""
        copy = self._history.copy
        if self._saved != (copy.epoch, copy.sequence):
            await self.save()
        self._due_at = time.monotonic() + self._seconds

    async def save(self, pending: Sequence[Occurrence] = (), stored: int = 0) -> None:
        """Keep it, with what is still to be stored. Raises BusError, FencedError."""
        position = self._history.position(pending, stored)
        await self._value.put(encode(position))
        self._saved = (position.epoch, position.sequence)

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
