"""What a feed gives to NATS: only while it is certain that it leads, and never behind what another feed has stored.

Two things keep a feed that was frozen from speaking when it wakes. Its certainty ends with the lease's time, by its own
clock, before anything else happens. And what it stores expects to follow what it stored last: after another feed's
message the server refuses it. What is not stored (bars, trades, the clock) has the first alone; what had already left
for the socket when the feed froze carries the times it is of, and whoever merges by these loses nothing by it.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from msgspec import Struct
from nats.js.errors import NotFoundError

from gapscan.bus.client import NATS_ERRORS, Bus, translated
from gapscan.bus.publish import OvertakenError, store
from gapscan.errors import BusError, FencedError, StreamLostError
from gapscan.obs import Tally
from gapscan.protocol import names
from gapscan.protocol.names import Names

_LOOK_SECONDS: Final = 0.05  # between two looks whether the feed is certain again


def _stream_of(named: Names, subject: str) -> str:
    return {
        named.feed_universe: named.stream_universe,
        named.feed_reference: named.stream_reference,
        named.feed_curves: named.stream_curves,
        named.feed_halts: named.stream_halts,
    }[subject]


class NotLeadingError(BusError):
    """The feed is not certain that it leads."""


class Lead(Protocol):
    """A feed's claim to be the only one."""

    @property
    def in_force(self) -> bool:
        """Whether no other feed can be leading at this moment."""

    async def confirm(self) -> bool:
        """Ask NATS whether this feed leads. Raises BusError when it does not say."""


class Alone(Struct, frozen=True):
    """The claim of a feed beside which there is no other."""

    in_force: bool = True

    async def confirm(self) -> bool:
        """It always leads."""
        return True


class FeedPublisher:
    """The one writer of the feed's subjects, for as long as `lead` lasts."""

    def __init__(self, bus: Bus, tally: Tally, lead: Lead | None = None) -> None:
        self._bus = bus
        self._tally = tally
        self._lead: Lead = lead or Alone()
        self._last: dict[str, int] = {}  # by subject: the last sequence of its stream, where it is known
        self._overtaken = asyncio.Event()

    @property
    def names(self) -> Names:
        """The subjects of the feed's set."""
        return self._bus.names

    async def until_certain(self) -> None:
        """Wait until the feed is certain that it leads."""
        while not self._lead.in_force:  # noqa: ASYNC110  # time ends it, of which nobody is told
            await asyncio.sleep(_LOOK_SECONDS)

    async def until_overtaken(self) -> None:
        """Wait until another feed shows, and raise FencedError."""
        await self._overtaken.wait()
        raise FencedError("another feed stores what this one should")

    def check(self) -> None:
        """Raises NotLeadingError unless the feed is certain that it leads."""
        if not self._lead.in_force:
            self._tally.count("withheld")
            raise NotLeadingError("this feed is not certain that it leads")

    async def send(self, subject: str, payload: bytes) -> None:
        """Publish what is not stored. Raises BusError when NATS does not take it, or the feed may not lead."""
        self.check()
        try:
            await self._bus.nc.publish(subject, payload)
        except NATS_ERRORS as error:
            raise translated(error, f"publishing {subject}") from error
        self._tally.count("published_bytes", len(payload))

    def look_again(self, subject: str) -> None:
        """The stream of `subject` is not the one that it was: what is stored there is to be looked up.

        Without it the server refuses a message first, and those who listen on the subject hear it twice.
        """
        self._last.pop(subject, None)

    async def store(self, subject: str, payload: bytes) -> None:
        """Publish what is stored, after what is stored already.

        Raises NotLeadingError when the feed may not lead, FencedError when another does, BusError when NATS did not
        take it, or its fate is not known.
        """
        try:
            await self._store_after_last(subject, payload)
        except OvertakenError:
            await self._store_again(subject, payload)
        self._tally.count("published_bytes", len(payload))

    async def _store_again(self, subject: str, payload: bytes) -> None:
        """Another feed's message is there; or a late one of a feed that led before, or the stream is a new one.

        Whoever holds the lease now writes after whatever is there.
        """
        if await self._lead.confirm():
            try:
                return await self._store_after_last(subject, payload)
            except OvertakenError:
                pass
        self._overtaken.set()
        raise FencedError(f"another feed stores {subject}")

    async def _store_after_last(self, subject: str, payload: bytes) -> None:
        if subject not in self._last:
            self.check()
            self._last[subject] = await self._last_of(subject)
        last = self._last.pop(subject)  # unknown again, unless all goes well
        self.check()  # from here on nothing is waited for: a feed that freezes after it is refused by the sequence
        headers = {names.HEADER_EXPECTED_SEQUENCE: str(last)}
        self._last[subject] = await store(self._bus, subject, payload, f"publishing {subject}", headers)

    async def _last_of(self, subject: str) -> int:
        """The last sequence of the stream of `subject`: as its leader has it, not a replica."""
        stream = _stream_of(self._bus.names, subject)
        try:
            info = await self._bus.js.stream_info(stream)
        except NotFoundError:
            raise StreamLostError(f"stream {stream} is gone") from None
        except NATS_ERRORS as error:
            raise translated(error, f"looking for stream {stream}") from error
        return int(info.state.last_seq)
