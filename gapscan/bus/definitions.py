"""Which lists there are: their definitions in a key-value bucket, and how one is removed with all that is its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from nats.aio.msg import Msg
from nats.js.errors import NotFoundError

from gapscan.bus import keyvalue
from gapscan.bus.client import NATS_ERRORS, Bus, translated
from gapscan.bus.direct_get import NoStreamError, Stored, get_last, get_last_of_each
from gapscan.errors import ProtocolError
from gapscan.obs import logger
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as, encode
from gapscan.protocol.messages import ListDefinition

_SETTLE_SECONDS: Final = 0.05  # a message is heard a moment before it can be read, and rarely comes alone

_log = logger("bus")


@dataclass(frozen=True, slots=True)
class Entry:
    """What the bucket holds for one list: its definition, or why that cannot be read."""

    name: str
    definition: ListDefinition | None
    fault: str = ""


def definition_subject(bus: Bus, name: str = ">") -> str:
    """Where the definition of list `name` is put, and its removal is told; without `name`, the pattern of all."""
    return names.key_subject(bus.names.bucket_lists, name)


async def write_definition(bus: Bus, definition: ListDefinition) -> None:
    """Publish what a list is. Raises BusError."""
    await keyvalue.put(bus, bus.names.bucket_lists, definition.name, encode(definition))


async def read_definitions(bus: Bus) -> list[ListDefinition]:
    """All published lists, in the order in which they are to be shown; empty when nothing was ever published.

    What cannot be read is passed over, and logged. Raises BusError.
    """
    entries = await read_entries(bus) or []
    for entry in entries:
        if entry.fault:
            _log.warning("a list definition cannot be read: %s", entry.fault, extra={"list": entry.name})
    return [entry.definition for entry in entries if entry.definition]


async def read_definition(bus: Bus, name: str) -> ListDefinition | None:
    """What list `name` is; None when it is not defined, or cannot be read. Raises BusError."""
    stored = await keyvalue.get(bus, bus.names.bucket_lists, name)
    return _entry(bus, stored).definition if stored and stored.data else None


async def read_entries(bus: Bus) -> list[Entry] | None:
    """What the bucket holds, in the order in which lists are to be shown; None when there is no bucket.

    Raises BusError.
    """
    try:
        stored = await get_last_of_each(bus, names.bucket_stream(bus.names.bucket_lists), definition_subject(bus))
    except NoStreamError:
        return None
    # A removed list may have left a marker without a value.
    return sorted((_entry(bus, one) for one in stored if one.data), key=_order)


def _order(entry: Entry) -> tuple[int, str]:
    return (entry.definition.place if entry.definition else 0, entry.name)


def _entry(bus: Bus, stored: Stored) -> Entry:
    name = names.key_of(bus.names.bucket_lists, stored.subject)
    try:
        definition = decode_as(ListDefinition, stored.data)
    except ProtocolError as error:
        return Entry(name, None, str(error))
    if definition.name != name:
        return Entry(name, None, f"it defines {definition.name}")
    return Entry(name, definition)


async def remove_list(bus: Bus, name: str) -> bool:
    """Remove a list with its stream and its snapshot, whether a ranker runs or not; False when there was none.

    Whoever listens is told first; then nothing of it is kept. Doing it again does no harm. Raises BusError.
    """
    found = await _forget(bus, bus.names.bucket_lists, name)
    return await retire_list(bus, name) or found


async def retire_list(bus: Bus, name: str) -> bool:
    """Delete the stream and the snapshot of a list that is defined no longer; False when there were none.

    Raises BusError.
    """
    try:
        found = await bus.js.delete_stream(bus.names.list_stream(name))
    except NotFoundError:
        found = False
    except NATS_ERRORS as error:
        raise translated(error, f"removing list {name}") from error
    return await _forget(bus, bus.names.bucket_snapshots, name) or found


async def _forget(bus: Bus, bucket: str, key: str) -> bool:
    """Purge all of the key; False when it was not there. For a list that is told first, and purged with the rest."""
    try:
        stored = await keyvalue.get(bus, bucket, key)
        if stored is None:
            return False
        if bucket == bus.names.bucket_lists:
            await keyvalue.put(bus, bucket, key, b"", {names.HEADER_KV_OPERATION: "PURGE"})
        await bus.js.purge_stream(names.bucket_stream(bucket), subject=names.key_subject(bucket, key))
    except NotFoundError:
        return False
    except NATS_ERRORS as error:
        raise translated(error, f"removing {bucket}/{key}") from error
    return bool(stored.data)


async def is_removed(bus: Bus, name: str) -> bool:
    """Whether other lists are defined, this one is not, and its stream is gone: a server that lost all has none.

    Raises BusError.
    """
    entries = await read_entries(bus)
    if not entries or any(entry.name == name for entry in entries):
        return False
    try:
        await get_last(bus, bus.names.list_stream(name), bus.names.delta_subject(name))
    except NoStreamError:
        return True
    return False


class DefinitionNews:
    """Tells that definitions may have changed."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket
        self._changed = asyncio.Event()
        self._removed: set[str] = set()

    async def on_message(self, message: Msg) -> None:
        """A definition was put or removed."""
        if not message.data:
            self._removed.add(names.key_of(self._bucket, message.subject))
        self._changed.set()

    async def wait(self, seconds: float) -> set[str]:
        """Until definitions may have changed, or `seconds` have passed: a message can be lost.

        The lists that were removed since the last call, even when they are back already.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()
                await asyncio.sleep(_SETTLE_SECONDS)
        self._changed.clear()
        removed, self._removed = self._removed, set()
        return removed


@asynccontextmanager
async def definition_news(bus: Bus) -> AsyncIterator[DefinitionNews]:
    """Hear of changed definitions as they are made. Raises BusError."""
    news = DefinitionNews(bus.names.bucket_lists)
    try:
        subscription = await bus.nc.subscribe(definition_subject(bus), cb=news.on_message)
    except NATS_ERRORS as error:
        raise translated(error, "listening to list definitions") from error
    try:
        yield news
    finally:
        await bus.unsubscribe(subscription)
