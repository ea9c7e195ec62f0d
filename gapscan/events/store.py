"""The stream of events: written by one process, each event once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gapscan.bus.client import Bus
from gapscan.bus.fenced_log import FencedLog
from gapscan.protocol.alerts import Alert
from gapscan.protocol.codec import encode
from gapscan.protocol.events import GAP, EventGap, Occurrence
from gapscan.service.retrying import retrying


class EventStore:
    """Stores events in the order in which they are given. `recover` it first."""

    def __init__(self, bus: Bus) -> None:
        self.log = FencedLog(bus, bus.names.stream_events, "events")
        self.alerts = FencedLog(bus, bus.names.stream_alerts, "alerts")
        self._names = bus.names
        self._writing = asyncio.Lock()

    async def recover(self) -> None:
        """Go on where the streams end. Raises BusError."""
        await self.log.recover()
        await self.alerts.recover()

    @property
    def sequence(self) -> int:
        """Where the stream ends."""
        return self.log.sequence

    async def store(self, occurrences: Sequence[Occurrence]) -> None:
        """Store them, however long NATS is away. Raises FencedError."""
        for occurrence in occurrences:
            # One whose fate is not known is settled before any other list's is tried.
            async with self._writing:
                await self._store(occurrence)

    async def store_again(self, occurrences: Sequence[Occurrence], after: int) -> None:
        """The same of what may be stored already, behind the sequence `after`, longer ago than ids are remembered."""
        there = await self.log.ids_after(after)
        if any(isinstance(one, Alert) for one in occurrences):
            there |= await self.alerts.ids_after(0)
        await self.store([one for one in occurrences if one.id not in there])

    async def _store(self, occurrence: Occurrence) -> None:
        log = self.alerts if isinstance(occurrence, Alert) else self.log
        subject, payload = self._subject(occurrence), encode(occurrence)
        await retrying("events", "storing an event", lambda: log.append(subject, payload, occurrence.id))

    def _subject(self, occurrence: Occurrence) -> str:
        if isinstance(occurrence, Alert):
            return self._names.alert_subject(occurrence.name)
        return self._names.event_subject(occurrence.list, GAP if isinstance(occurrence, EventGap) else occurrence.kind)
