"""Writing a stream of many subjects that one process may write, each message once, under an id that says what it is."""

from __future__ import annotations

from nats.js.errors import NotFoundError

from gapscan.bus.client import NATS_ERRORS, Bus, translated
from gapscan.bus.direct_get import get_from, leader_at
from gapscan.bus.publish import OvertakenError, store
from gapscan.errors import BusError, FencedError
from gapscan.protocol import names

_BATCH = 1000


class FencedLog:
    """The one writer of `stream`. `recover` it first; `what` names its messages in errors.

    A message whose id the stream has seen within its duplicate window is there already and is not stored again.
    After a FencedError it belongs to another writer: append no more.
    """

    def __init__(self, bus: Bus, stream: str, what: str) -> None:
        self.sequence = 0  # of the last message in the stream
        self.appended = 0
        self.repeated = 0  # messages that were there already
        self._bus = bus
        self._stream = stream
        self._what = what

    async def recover(self) -> None:
        """Go on where the stream ends. Raises BusError."""
        self.sequence = await self._last()

    async def _last(self) -> int:
        try:
            return (await self._bus.js.stream_info(self._stream)).state.last_seq
        except NotFoundError:
            raise FencedError(f"stream {self._stream} is gone", remedy="whoever writes next makes it anew") from None
        except NATS_ERRORS as error:
            raise translated(error, f"looking for stream {self._stream}") from error

    async def append(self, subject: str, payload: bytes, message_id: str) -> bool:
        """Store a message behind the last one; False when it was there already.

        Raises FencedError when another writer's message stands there, or the stream is no more. Raises BusError when
        its fate is not known: then it is to be appended again just as it is, before any other.
        """
        try:
            return await self._append(subject, payload, message_id)
        except FencedError:
            raise
        except BusError:
            await self._last()  # nobody answers for a stream that is gone
            raise

    async def _append(self, subject: str, payload: bytes, message_id: str) -> bool:
        headers = {names.HEADER_EXPECTED_SEQUENCE: str(self.sequence), names.HEADER_MSG_ID: message_id}
        try:
            stored = await store(self._bus, subject, payload, f"storing {self._what}", headers)
        except OvertakenError:
            await self._settle(message_id)
            stored = self.sequence + 1
        if stored <= self.sequence:
            self.repeated += 1
            return False
        self.sequence = stored
        self.appended += 1
        return True

    async def _settle(self, message_id: str) -> None:
        """The sequence is taken: by this very message (its acknowledgement was lost), or by another writer."""
        found = await leader_at(self._bus, self._stream, self.sequence + 1)
        if found is None or found.headers.get(names.HEADER_MSG_ID) != message_id:
            raise FencedError(f"another writer stores {self._what}", remedy="this one stands by; stop one of the two")

    async def ids_after(self, sequence: int) -> set[str]:
        """The ids of all messages after `sequence`, however old. Raises BusError."""
        found: set[str] = set()
        while batch := await get_from(self._bus, self._stream, sequence + 1, _BATCH):
            found |= {stored.headers.get(names.HEADER_MSG_ID, "") for stored in batch}
            sequence = batch[-1].sequence
            if len(batch) < _BATCH:
                break
        return found
