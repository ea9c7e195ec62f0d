"""Snapshots and list definitions in their key-value buckets."""

from __future__ import annotations

from typing import Final

from nats.js.errors import APIError

from gapscan.bus.client import NATS_ERRORS, REQUEST_SECONDS, Bus, translated
from gapscan.bus.direct import NoStreamError, Stored, get_last, get_last_of_each
from gapscan.errors import FencedError, ProtocolError
from gapscan.obs import logger
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as, encode
from gapscan.protocol.messages import ListDefinition, Snapshot

WRONG_SEQUENCE: Final = (10071, 10164)  # "wrong last sequence", and its newer twin


_log = logger("bus")


def _subject(bucket: str, key: str) -> str:
    return f"$KV.{bucket}.{key}"


async def put(bus: Bus, bucket: str, key: str, value: bytes, revision: int | None = None) -> int:
    """Store a value and return its revision.

    With `revision`, only if the key's last one is that (0: none yet); else FencedError.
    """
    headers = {}
    if revision is not None:
        headers[names.HEADER_EXPECTED_SUBJECT_SEQUENCE] = str(revision)
    try:
        ack = await bus.js.publish(_subject(bucket, key), value, timeout=REQUEST_SECONDS, headers=headers)
    except APIError as error:
        if error.err_code in WRONG_SEQUENCE:
            raise FencedError(f"{bucket}/{key} was changed by another writer") from None
        raise translated(error, f"writing {bucket}/{key}") from error
    except NATS_ERRORS as error:
        raise translated(error, f"writing {bucket}/{key}") from error
    return ack.seq


async def read_snapshot(bus: Bus, name: str) -> Snapshot | None:
    """The latest snapshot of list `name`, or None. Raises ProtocolError when what is stored is not one."""
    stored = await read_stored_snapshot(bus, name)
    return decode_as(Snapshot, stored.data) if stored else None


async def read_stored_snapshot(bus: Bus, name: str) -> Stored | None:
    """The latest snapshot as it is stored; its sequence is the revision that the next put expects."""
    bucket = names.BUCKET_SNAPSHOTS
    try:
        return await get_last(bus, f"KV_{bucket}", _subject(bucket, name))
    except NoStreamError:
        return None


async def write_definition(bus: Bus, definition: ListDefinition) -> None:
    """Publish what a list is, for those who show lists."""
    await put(bus, names.BUCKET_LISTS, definition.name, encode(definition))


async def read_definitions(bus: Bus) -> list[ListDefinition]:
    """All published lists, in the order in which they are to be shown; empty when nothing was ever published.

    What cannot be read is passed over, and logged.
    """
    bucket = names.BUCKET_LISTS
    try:
        stored = await get_last_of_each(bus, f"KV_{bucket}", _subject(bucket, ">"))
    except NoStreamError:
        return []
    found = (_definition(entry) for entry in stored)
    return sorted(
        (definition for definition in found if definition), key=lambda definition: (definition.place, definition.name)
    )


def _definition(entry: Stored) -> ListDefinition | None:
    if not entry.data:  # the key was deleted
        return None
    try:
        return decode_as(ListDefinition, entry.data)
    except ProtocolError as error:
        _log.warning("a list definition cannot be read: %s", error, extra={"subject": entry.subject})
        return None
