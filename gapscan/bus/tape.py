"""The tape in NATS: one stream, one writer, fenced by the sequence that every message expects to follow."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from nats.js import api
from nats.js.errors import APIError, NotFoundError

from gapscan.bus.capacity import is_no_room, planned_room
from gapscan.bus.client import NATS_ERRORS, Bus, translated
from gapscan.bus.direct_get import NoStreamError, Stored, get_from, get_next, leader_at, leader_last
from gapscan.bus.publish import OvertakenError, store
from gapscan.bus.topology import ensured
from gapscan.errors import FencedError, ProtocolError, StreamLostError
from gapscan.lists.playback import Told
from gapscan.lists.recording import Record
from gapscan.protocol import names
from gapscan.protocol.codec import decode, encode
from gapscan.protocol.messages import Delta, Snapshot
from gapscan.protocol.names import Names
from gapscan.protocol.tape import (
    NO_HASH,
    Gap,
    Moves,
    Shelf,
    Unchanged,
    linked_hash,
    minute_in,
    tape_stream,
    tape_subjects,
)

_LEAST_BYTES: Final = 16 * 1024 * 1024
_BATCH: Final = 500
_WINDOW: Final = 120.0  # seconds in which the server knows a repeated message by its id


@dataclass(frozen=True)
class TapeLimits:
    """How much of the past is kept: seconds, bytes, and on how many servers."""

    max_age: float
    max_bytes: int
    replicas: int = 1


@dataclass(frozen=True, slots=True)
class Head:
    """The end of one list's chain: how many messages it has had, and the hash of the last."""

    number: int = 0
    hash: str = NO_HASH


@dataclass(frozen=True, slots=True)
class _Entry:
    subject: str
    payload: bytes
    headers: dict[str, str]


def tape_config(named: Names, limits: TapeLimits, *, simulated: bool) -> api.StreamConfig:
    """The stream that the tape is."""
    return api.StreamConfig(
        name=tape_stream(named, simulated=simulated),
        subjects=tape_subjects(named, simulated=simulated),
        retention=api.RetentionPolicy.LIMITS,
        storage=api.StorageType.FILE,
        compression=api.StoreCompression.S2,
        discard=api.DiscardPolicy.OLD,
        max_age=limits.max_age,
        max_bytes=limits.max_bytes,
        num_replicas=limits.replicas,
        duplicate_window=min(_WINDOW, limits.max_age),
        allow_direct=True,
    )


async def ensure_tape(bus: Bus, limits: TapeLimits, *, simulated: bool) -> api.StreamInfo:
    """The tape's stream, made if missing, as large as there is room for beside all else.

    Raises BusError, TopologyError when there is none.
    """
    room = await planned_room(bus, limits.replicas, limits.max_bytes)
    fitting = TapeLimits(limits.max_age, max(_LEAST_BYTES, min(limits.max_bytes, room)), limits.replicas)
    info, made = await ensured(bus, tape_config(bus.names, fitting, simulated=simulated))
    got = info.config.max_bytes or fitting.max_bytes
    if made and got < fitting.max_bytes:  # it took what the server had left: lists that are still to come need some
        fitting = TapeLimits(limits.max_age, max(_LEAST_BYTES, got // 4), limits.replicas)
    return await _with_limits(bus, info, fitting)


async def _with_limits(bus: Bus, info: api.StreamInfo, limits: TapeLimits) -> api.StreamInfo:
    """Take over what the settings say now. What there is no room for stays as it was."""
    config = info.config
    if (config.max_age, config.max_bytes) == (limits.max_age, limits.max_bytes):
        return info
    config.max_age, config.max_bytes = limits.max_age, limits.max_bytes
    try:
        return await bus.js.update_stream(config)
    except APIError as error:
        if is_no_room(error):
            return info
        raise translated(error, f"changing the limits of {config.name}") from error
    except NATS_ERRORS as error:
        raise translated(error, f"changing the limits of {config.name}") from error


class TapeWriter:
    """The one writer of a tape. What is appended is stored in order; what NATS did not take is stored the next time.

    After a FencedError it belongs to another writer: store no more.
    """

    def __init__(self, bus: Bus, *, simulated: bool) -> None:
        self.simulated = simulated
        self.stream = tape_stream(bus.names, simulated=simulated)
        self.sequence = 0
        self.stored = 0
        self.stored_bytes = 0
        self._bus = bus
        self._heads: dict[str, Head] = {}
        self._entries: deque[_Entry] = deque()

    async def open(self, limits: TapeLimits) -> None:
        """Go on where the tape ends. Raises BusError, TopologyError."""
        info = await ensure_tape(self._bus, limits, simulated=self.simulated)
        self.sequence = info.state.last_seq

    @property
    def heads(self) -> dict[str, Head]:
        """The end of each list's chain, as it will be when all is stored."""
        return dict(self._heads)

    @property
    def waiting(self) -> int:
        """How many messages are still to be stored."""
        return len(self._entries)

    def set_head(self, name: str, head: Head) -> None:
        """Where a list's chain ends."""
        self._heads[name] = head

    def append(self, name: str, records: list[Record]) -> None:
        """Put messages of a list behind what is still to be stored."""
        shelf = Shelf(name, self.simulated, self._bus.names)
        for record in records:
            head = self._heads.get(name, Head())
            filed = shelf.moves if record.daily else shelf.minute
            subject, payload = filed(record.minute), encode(record.message)
            number = head.number + 1
            new = Head(number, linked_hash(head.hash, number, subject, payload))
            headers = {
                names.HEADER_NUMBER: str(number),
                names.HEADER_PREVIOUS_HASH: head.hash,
                names.HEADER_HASH: new.hash,
                names.HEADER_MSG_ID: new.hash,
            }
            self._entries.append(_Entry(subject, payload, headers))
            self._heads[name] = new

    async def store(self) -> None:
        """Store what waits, in order. Raises FencedError; BusError: what was not taken waits on."""
        while self._entries:
            entry = self._entries[0]
            await self._store(entry)
            self._entries.popleft()
            self.sequence += 1
            self.stored += 1
            self.stored_bytes += len(entry.payload)

    async def _store(self, entry: _Entry) -> None:
        headers = {**entry.headers, names.HEADER_EXPECTED_SEQUENCE: str(self.sequence)}
        try:
            await store(self._bus, entry.subject, entry.payload, "recording", headers)
        except OvertakenError:
            await self._settle(entry)

    async def check_stream(self) -> None:
        """Raises StreamLostError when the tape is gone; what cannot be asked says nothing."""
        with suppress(*NATS_ERRORS):
            try:
                await self._bus.js.stream_info(self.stream)
            except NotFoundError:
                raise StreamLostError(f"stream {self.stream} is gone") from None

    async def forget(self, name: str) -> None:
        """Delete all that is recorded of a list: its chain begins anew. Raises BusError."""
        await self.store()
        shelf = Shelf(name, self.simulated, self._bus.names)
        for pattern in (shelf.minutes, shelf.all_moves):
            try:
                await self._bus.js.purge_stream(shelf.stream, subject=pattern)
            except NATS_ERRORS as error:
                raise translated(error, f"deleting the past of {name}") from error
        self._heads[name] = Head()

    async def _settle(self, entry: _Entry) -> None:
        """The sequence is taken: by this very message, whose acknowledgement was lost, or by another writer's."""
        stored = await leader_at(self._bus, self.stream, self.sequence + 1)
        if stored is None or stored.headers.get(names.HEADER_HASH) != entry.headers[names.HEADER_HASH]:
            raise FencedError("another recorder writes the tape", remedy="this one stands by; stop one of the two")


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest that is stored of a list: its last minute and its last moves, and where its chain ends."""

    head: Head
    minute: int
    moves_are_told: bool


async def newest(bus: Bus, shelf: Shelf) -> Newest | None:
    """What the tape's leader has last of a list; None when there is nothing. Raises BusError."""
    state = await leader_last(bus, shelf.stream, shelf.minutes)
    if state is None:
        return None
    moves = await leader_last(bus, shelf.stream, shelf.all_moves)
    last = moves if moves is not None and moves.sequence > state.sequence else state
    return Newest(head_of(last), minute_in(state.subject), last is moves)


def head_of(stored: Stored) -> Head:
    """Where a chain stands after a message; one that is not the recorder's begins a chain of its own."""
    number = stored.headers.get(names.HEADER_NUMBER, "")
    return Head(int(number) if number.isdecimal() else 0, stored.headers.get(names.HEADER_HASH, NO_HASH))


async def read_minute(bus: Bus, shelf: Shelf, minute: int) -> list[Told]:
    """All that is stored of a list's minute, in order; empty when nothing is. Raises BusError, ProtocolError."""
    return [told(stored) for stored in await minute_messages(bus, shelf, minute)]


async def minute_messages(bus: Bus, shelf: Shelf, minute: int) -> list[Stored]:
    """The same as it is stored. Raises BusError."""
    return await _all_on(bus, shelf.stream, shelf.minute(minute))


async def read_day(bus: Bus, shelf: Shelf, minute: int) -> list[Moves | Gap]:
    """The moves of a list on the UTC day of a minute, and the gaps that begin on it. Raises BusError, ProtocolError."""
    return [day_told(stored) for stored in await day_messages(bus, shelf, minute)]


async def day_messages(bus: Bus, shelf: Shelf, minute: int, first: int = 1) -> list[Stored]:
    """The same as it is stored, from a sequence of the tape on. Raises BusError."""
    return await _all_on(bus, shelf.stream, shelf.moves(minute), first)


def day_told(stored: Stored) -> Moves | Gap:
    """What a message among a day's moves says. Raises ProtocolError when it is none of them."""
    message = told(stored)
    if not isinstance(message, Moves | Gap):
        raise ProtocolError(f"{stored.subject} has a message of the type {type(message).__name__.lower()}")
    return message


async def _all_on(bus: Bus, stream: str, subject: str, first: int = 1) -> list[Stored]:
    found: list[Stored] = []
    try:
        while True:
            batch = await get_next(bus, stream, subject, found[-1].sequence + 1 if found else first, _BATCH)
            found += batch
            if len(batch) < _BATCH:
                return found
    except NoStreamError:
        return []


async def tape_info(bus: Bus, *, simulated: bool) -> api.StreamInfo | None:
    """The stream that the tape is; None where there is none, or the user may not ask. Raises BusError."""
    try:
        return await bus.js.stream_info(tape_stream(bus.names, simulated=simulated))
    except (NotFoundError, *NATS_ERRORS):
        return None


async def read_all(bus: Bus, stream: str, first: int = 1) -> AsyncIterator[Stored]:
    """Everything on a tape, in order. Raises BusError."""
    while True:
        batch = await get_from(bus, stream, first, _BATCH)
        for stored in batch:
            yield stored
        if not batch:
            return
        first = batch[-1].sequence + 1


def told(stored: Stored) -> Told:
    """What a stored message says. Raises ProtocolError when it is none of the tape's."""
    message = decode(stored.data)
    if not isinstance(message, Snapshot | Delta | Unchanged | Gap | Moves):
        raise ProtocolError(f"{stored.subject} has a message of the type {type(message).__name__.lower()}")
    return message
