"""What the stream of events holds, and what a plain computation over the deltas says that it must hold."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.direct_get import get_from
from gapscan.config import Config, EventsSection, NatsSection, RankerSection
from gapscan.events.service import Events
from gapscan.lists.state import Copy, Fit
from gapscan.protocol import names
from gapscan.protocol.alerts import Alert
from gapscan.protocol.codec import decode, decode_as
from gapscan.protocol.events import Event, EventGap, Occurrence
from gapscan.protocol.messages import Add, Delta, Remove
from gapscan.runtime import end
from tests.support.nats import NatsServer

Told = tuple[str, str, int]  # kind, symbol, sequence


@asynccontextmanager
async def events_of(server: NatsServer, lease: float = 1.0, *, accounts: bool = False) -> AsyncIterator[Events]:
    """The process that makes events, in this one; on a server with accounts, with copies for programs."""
    config = Config(
        nats=NatsSection(url=server.url), ranker=RankerSection(lease=lease), events=EventsSection(copies=accounts)
    )
    async with connect(server.services if accounts else BusOptions(server.url), "events") as bus:
        events = Events(bus, config)
        task = asyncio.create_task(events.run())
        try:
            yield events
        finally:
            await end(task)


async def stored_events(bus: Bus, name: str = "") -> list[Occurrence]:
    """All events, or those of one list, in order; each id once."""
    stored = await get_from(bus, names.DEFAULT.stream_events, 1, 1_000_000)
    ids = [one.headers[names.HEADER_MSG_ID] for one in stored]
    assert len(set(ids)) == len(ids), "an event is stored twice"
    found = [decode(one.data) for one in stored]
    occurrences = [one for one in found if isinstance(one, Event | EventGap)]
    assert [one.id for one in occurrences] == ids
    return [one for one in occurrences if name in ("", one.list)]


async def stored_alerts(bus: Bus) -> list[Alert]:
    """All, in order; each id once."""
    stored = await get_from(bus, names.DEFAULT.stream_alerts, 1, 100_000)
    found = [decode_as(Alert, one.data) for one in stored]
    assert [one.headers[names.HEADER_MSG_ID] for one in stored] == [alert.id for alert in found]
    assert len({alert.id for alert in found}) == len(found)
    return found


def told(occurrences: list[Occurrence]) -> list[Told]:
    return [(one.kind, one.symbol, one.sequence) for one in occurrences if isinstance(one, Event)]


async def expected_events(bus: Bus, name: str) -> list[Told]:
    """Entries and exits of a list whose deltas are all kept, by what its stream says."""
    found: list[Told] = []
    copy = Copy()
    for stored in await get_from(bus, names.DEFAULT.list_stream(name), 1, 1_000_000):
        delta = decode_as(Delta, stored.data)
        copy.epoch = copy.epoch or delta.epoch
        found += [("leave", one.symbol, stored.sequence) for one in delta.changes if isinstance(one, Remove)]
        found += [("enter", one.symbol, stored.sequence) for one in delta.changes if isinstance(one, Add)]
        assert copy.apply(delta, stored.sequence) is Fit.APPLIED
    return found
