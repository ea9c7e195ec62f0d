"""Copies of events and alerts for programs, in an account of theirs: consumers there touch nothing of the services.

The server copies by itself once it is told to. A copy sources its stream and goes on by the sequence of what it has; so
it must begin anew when the stream that it copies was made anew.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from nats.js import api
from nats.js.errors import NotFoundError

from gapscan.bus.client import NATS_ERRORS, REQUEST_SECONDS, Bus
from gapscan.bus.topology import Retention, events_config
from gapscan.obs import Tally, logger
from gapscan.protocol import names
from gapscan.protocol.names import Names

LOOK_SECONDS: Final = 5.0
ORIGIN_KEY: Final = "gapscan-origin-created"

_log = logger("events")


class Copies:
    """Makes the copies, sees that they are of the streams there are, and how far they came."""

    def __init__(self, bus: Bus, retention: Retention, tally: Tally) -> None:
        self.behind: dict[str, int] = {}  # messages that a copy lacks yet, by the stream that it is of
        self._bus = bus
        self._copies = {
            bus.names.stream_events: bus.names.stream_events_copy,
            bus.names.stream_alerts: bus.names.stream_alerts_copy,
        }
        self._there = bus.nc.jetstream(prefix=bus.names.copies_api, timeout=REQUEST_SECONDS)
        self._retention = retention
        self._tally = tally

    async def run(self) -> None:
        """Look after them, for ever."""
        while True:
            for origin, copy in self._copies.items():
                try:
                    await self._look(origin, copy)
                except NATS_ERRORS as error:
                    self.behind.pop(origin, None)
                    what = str(error) or type(error).__name__
                    self._tally.trouble("copies_failed", f"{copy} in the account of programs: {what}")
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self, origin: str, copy: str) -> None:
        info = await self._bus.js.stream_info(origin)
        created = str(info.created)
        if await self._origin_of(copy) != created:
            await self._make(origin, copy, created)
        self.behind[origin] = info.state.last_seq - await self._reached(copy) if info.state.messages else 0

    async def _origin_of(self, copy: str) -> str | None:
        """When the stream was made that this is a copy of; None when there is no copy."""
        try:
            found = await self._there.stream_info(copy)
        except NotFoundError:
            return None
        return (found.config.metadata or {}).get(ORIGIN_KEY, "")

    async def _make(self, origin: str, copy: str, created: str) -> None:
        try:
            if await self._there.delete_stream(copy):
                self._tally.trouble("copies_made_anew", f"{copy} is made anew, for {origin} is another one")
        except NotFoundError:
            _log.info("events are copied for programs", extra={"stream": copy})
        await self._there.add_stream(copy_config(self._bus.names, origin, copy, created, self._retention))

    async def _reached(self, copy: str) -> int:
        """The sequence, in the stream that is copied, of what was copied last."""
        try:
            last = await self._there.get_last_msg(copy, ">")
        except NotFoundError:
            return 0
        return int((last.headers or {}).get(names.HEADER_SOURCE, "- 0").split()[1])

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows of them."""
        return {self._copies[origin]: {"behind": behind} for origin, behind in self.behind.items()}


def copy_config(named: Names, origin: str, copy: str, created: str, retention: Retention) -> api.StreamConfig:
    """A stream that takes what `origin` has, and nothing else."""
    config = events_config(copy, "", retention)
    config.subjects = None
    config.metadata = {ORIGIN_KEY: created}
    external = api.ExternalStream(named.origin_api, named.copied)
    config.sources = [api.StreamSource(origin, external=external)]
    return config
