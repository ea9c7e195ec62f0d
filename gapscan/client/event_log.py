"""The log of events for programs that act: from any place in it, each event once, and on as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from gapscan.bus.client import Bus, BusOptions
from gapscan.bus.definitions import read_definition
from gapscan.bus.direct_get import NoStreamError, Stored, get_from, no_such_list
from gapscan.client.api import connect
from gapscan.errors import BusError, ProtocolError
from gapscan.obs import logger
from gapscan.protocol import names
from gapscan.protocol.codec import decode
from gapscan.protocol.events import Event, EventGap

LOOK_SECONDS: Final = 0.2  # between two looks for more
_BATCH: Final = 200

_log = logger("client")


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event, or a gap, and its `sequence` in the log: go on behind it with `after`. `id` is the same for ever."""

    sequence: int
    event: Event | EventGap

    @property
    def id(self) -> str:
        """What makes it one."""
        return self.event.id


async def event_log(
    name: str,
    kind: str = "*",
    *,
    after: int = 0,
    nats: str | BusOptions = "nats://127.0.0.1:4222",
    bus: Bus | None = None,
) -> AsyncGenerator[LoggedEvent, None]:
    """The events of list `name`, those that are kept behind the sequence `after`, then each as it comes, for ever.

    `kind` is enter, leave, first, halted, resumed or gap; without it, all come. Who keeps the sequence of what he acted
    on, together with the act, and goes on behind it, acts once for each. `nats` and `bus` are as for `follow`.

    Raises UnknownListError when there is no such list, BusError when NATS cannot be reached at the start; later losses
    of the link are waited out.
    """
    names.check_list_name(name)
    async with AsyncExitStack() as stack:
        if bus is None:
            options = BusOptions(nats) if isinstance(nats, str) else nats
            bus = await stack.enter_async_context(connect(options, f"gapscan events {name}"))
        if await read_definition(bus, name) is None:
            raise no_such_list(name)
        while True:
            for stored in await _more(bus, bus.names.event_subject(name, kind), after):
                after = stored.sequence
                if event := _event(stored):
                    yield LoggedEvent(after, event)
            await asyncio.sleep(LOOK_SECONDS)


async def _more(bus: Bus, subject: str, after: int) -> list[Stored]:
    """What is there; nothing while NATS is away, or before anybody made events."""
    try:
        return await get_from(bus, bus.names.stream_events, after + 1, _BATCH, subject)
    except NoStreamError:
        return []
    except BusError as error:
        _log.debug("events are not read: %s", error)
        return []


def _event(stored: Stored) -> Event | EventGap | None:
    """None for what cannot be read: it is of a later version."""
    try:
        found = decode(stored.data)
    except ProtocolError:
        return None
    return found if isinstance(found, Event | EventGap) else None
