"""Writing what only one process may write: fenced by the sequence that every publish expects to follow.

A publish whose acknowledgement was lost is recognised as one's own, and neither repeated nor taken for another
writer's.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from nats.js.errors import NotFoundError

from gapscan.bus import keyvalue
from gapscan.bus.client import NATS_ERRORS, Bus, translated
from gapscan.bus.direct_get import Stored, leader_at
from gapscan.bus.publish import OvertakenError, store
from gapscan.errors import BusError, FencedError, StreamLostError
from gapscan.protocol import names

# Whether no other process can lead at this moment: what another writer stored is of one who led before, and came late.
Leads = Callable[[], bool]


def unsure() -> bool:
    """Whoever has no lease takes what another writer stored for one who leads."""
    return False


# What went to a dead leader is never answered, and by its id a message is stored once: no reason to wait for long.
_TRIES: Final = (0.3, 0.3, 0.4)  # seconds
_LOOK_SECONDS: Final = 0.5  # that a stream is gone, the servers say at once


@dataclass(frozen=True, slots=True)
class Attempt:
    """A publish after sequence `prev`. While its fate is not known, it is stored again just as it is."""

    message_id: str
    prev: int
    payload: bytes


class FencedStream:
    """The one writer of `stream`. `what` names the thing in errors.

    After a FencedError it belongs to another writer: store no more.
    """

    def __init__(self, bus: Bus, stream: str, subject: str, what: str) -> None:
        self.adopted = 0  # attempts whose acknowledgement was lost
        self._bus = bus
        self._stream = stream
        self._subject = subject
        self._what = what
        self._writer = secrets.token_hex(6)

    def attempt(self, prev: int, payload: bytes, incarnation: str) -> Attempt:
        """A publish that nobody else's can be taken for."""
        return Attempt(f"{incarnation}-{prev + 1}-{self._writer}", prev, payload)

    async def store(self, attempt: Attempt) -> None:
        """Publish, or publish again: the server drops a repeated message id, so it is stored once.

        Raises FencedError when another writer's message stands there; StreamLostError when the stream is no more;
        BusError when its fate is not known.
        """
        try:
            await self._try(attempt)
        except OvertakenError:
            await self._settle(attempt)
        except BusError:
            await self._check_stream()
            raise

    async def _try(self, attempt: Attempt) -> None:
        headers = {
            names.HEADER_EXPECTED_SEQUENCE: str(attempt.prev),
            names.HEADER_MSG_ID: attempt.message_id,
        }
        for left, seconds in zip(reversed(range(len(_TRIES))), _TRIES, strict=True):
            try:
                await store(self._bus, self._subject, attempt.payload, f"publishing {self._what}", headers, seconds)
            except BusError as error:
                if not left or not isinstance(error.__cause__, TimeoutError):
                    raise
            else:
                return

    async def drop(self, upto: int) -> None:
        """Remove the messages up to sequence `upto`; sequences go on. Raises BusError."""
        try:
            await self._bus.js.purge_stream(self._stream, seq=upto + 1)
        except NATS_ERRORS as error:
            raise translated(error, f"dropping old messages of {self._what}") from error

    async def _check_stream(self) -> None:
        """Nobody answers for a stream that is gone, nor for one whose servers are choosing a leader.

        The server says so at once where nobody else listens on the subject; where somebody does, no answer comes.
        """
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                await self._bus.js.stream_info(self._stream)
        except NotFoundError:
            raise StreamLostError(f"stream {self._stream} is gone") from None
        except NATS_ERRORS as error:
            raise translated(error, f"looking for stream {self._stream}") from error

    async def _settle(self, attempt: Attempt) -> None:
        """The sequence is taken: by this very message (its acknowledgement was lost), or by another writer."""
        stored = await leader_at(self._bus, self._stream, attempt.prev + 1)  # a replica may not have it yet
        if stored is None or stored.headers.get(names.HEADER_MSG_ID) != attempt.message_id:
            raise FencedError(
                f"another writer publishes {self._what}", remedy="this one stands by; stop one of the two"
            )
        self.adopted += 1


class FencedValue:
    """The one writer of a value in a key-value bucket. Read it first; `what` names it in errors.

    While this process `leads`, a value that another one stored is replaced: it was on its way for long.
    """

    def __init__(self, bus: Bus, bucket: str, key: str, what: str, leads: Leads = unsure) -> None:
        self._bus = bus
        self._bucket = bucket
        self._key = key
        self._what = what
        self._leads = leads
        self._revision = 0
        self._writer = secrets.token_hex(6)
        self._puts = 0

    @property
    def revision(self) -> int:
        """The sequence of the value that was read or put last; 0 for none."""
        return self._revision

    async def read(self) -> Stored | None:
        """The value as it is stored; the next put replaces it. Raises BusError."""
        stored = await keyvalue.get_of_leader(self._bus, self._bucket, self._key)
        self._revision = stored.sequence if stored else 0
        return stored

    async def put(self, payload: bytes) -> None:
        """Store the value. Raises FencedError when another writer changed it, BusError when its fate is not known."""
        if not await self._put(payload):
            stored = await self.read_own()  # an earlier put may have left it, whose acknowledgement was lost
            if (stored is None or stored.data != payload) and not await self._put(payload):
                raise self._fenced()

    async def _put(self, payload: bytes) -> bool:
        self._puts += 1
        headers = {
            names.HEADER_EXPECTED_SUBJECT_SEQUENCE: str(self._revision),
            names.HEADER_MSG_ID: f"{self._writer}-{self._puts}",
        }
        try:
            self._revision = await keyvalue.put(self._bus, self._bucket, self._key, payload, headers)
        except OvertakenError:
            return False
        return True

    async def read_own(self) -> Stored | None:
        """The value, if it is the one last read, or one that this writer put; None when somebody deleted it.

        Raises FencedError when another writer changed it, BusError.
        """
        known = self._revision
        stored = await self.read()
        if stored is None or not stored.data:
            return None
        ours = stored.headers.get(names.HEADER_MSG_ID, "").startswith(f"{self._writer}-")
        if not ours and stored.sequence != known and not self._leads():
            raise self._fenced()
        return stored

    def _fenced(self) -> FencedError:
        return FencedError(f"another writer stores {self._what}")
