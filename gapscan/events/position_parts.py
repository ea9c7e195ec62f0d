"""A list's position that is too large for one value: in parts beside it, of which the value says which belong to it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from typing import Final

from msgspec import structs
from nats.js.errors import NotFoundError

from gapscan.bus import keyvalue
from gapscan.bus.client import NATS_ERRORS, Bus, translated
from gapscan.protocol import names
from gapscan.protocol.codec import encode
from gapscan.protocol.events import EventPosition, PositionParts

_HEADERS: Final = 1024  # bytes of a message that are none of its value


def room(bus: Bus) -> int:
    """How large a value may be."""
    return max(_HEADERS, bus.max_payload - _HEADERS)


def smaller(position: EventPosition) -> Iterator[EventPosition]:
    """The position with ever less of what only parts then have, the least needed first."""
    position = structs.replace(position, alerts={}, entries={})
    yield position
    position = structs.replace(position, pending=[])
    yield position
    yield structs.replace(position, seen=[], near=[])


class PartsStore:
    """The parts of the position in list `name`. New ones never take the place of those that a value still names."""

    def __init__(self, bus: Bus, name: str) -> None:
        self._bus = bus
        self._name = name
        self._bucket = bus.names.bucket_events
        self._first = 0  # the sequence of the first part that was put last
        self._may_be_others = True

    async def put(self, data: bytes) -> PositionParts:
        """Store the whole of a position. Raises BusError."""
        size, key = room(self._bus), secrets.token_hex(4)
        chunks = [data[at : at + size] for at in range(0, len(data), size)]
        self._may_be_others = True
        revisions = [
            await keyvalue.put(self._bus, self._bucket, self._key(key, number), chunk)
            for number, chunk in enumerate(chunks, 1)
        ]
        self._first = revisions[0]
        return PositionParts(key, len(chunks), _digest(data))

    async def get(self, parts: PositionParts) -> bytes | None:
        """The whole; None when not all of it is there. Raises BusError."""
        found = bytearray()
        for number in range(1, parts.count + 1):
            stored = await keyvalue.get_of_leader(self._bus, self._bucket, self._key(parts.key, number))
            if stored is None:
                return None
            found += stored.data
        data = bytes(found)
        return data if _digest(data) == parts.digest else None

    async def drop_others(self, revision: int, *, has_parts: bool) -> None:
        """Of the value at `revision`, keep the parts and no older ones. Raises BusError."""
        if self._may_be_others:
            await self.drop(self._first if has_parts else revision)
            self._may_be_others = has_parts

    async def drop(self, before: int = 0) -> None:
        """Remove all parts; those before a sequence, if one is given. Raises BusError."""
        subject = names.key_subject(self._bucket, f"{self._name}.>")
        try:
            stream = names.bucket_stream(self._bucket)
            await self._bus.js.purge_stream(stream, subject=subject, seq=before or None)
        except NotFoundError:
            return
        except NATS_ERRORS as error:
            raise translated(error, f"dropping parts of the position in {self._name}") from error

    def _key(self, key: str, number: int) -> str:
        return f"{self._name}.{key}.{number}"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def fitting(position: EventPosition, store: PartsStore, limit: int) -> tuple[bytes, bool]:
    """The position as a value that fits, and whether parts, stored first, have what it lacks. Raises BusError."""
    whole = encode(position)
    if len(whole) <= limit:
        return whole, False
    parts = await store.put(whole)
    value = whole
    for one in smaller(structs.replace(position, parts=parts)):
        if len(value := encode(one)) <= limit:
            break
    return value, True
