"""Snapshots in their key-value bucket, and how a value is put into one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from nats.js.errors import APIError, NotFoundError

from gapscan.bus.client import NATS_ERRORS, REQUEST_SECONDS, Bus, translated
from gapscan.bus.direct import NoStreamError, Stored, get_last
from gapscan.errors import FencedError
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import Snapshot

WRONG_SEQUENCE: Final = (10071, 10164)  # "wrong last sequence", and its newer twin


def _subject(bucket: str, key: str) -> str:
    return f"$KV.{bucket}.{key}"


async def put(
    bus: Bus,
    bucket: str,
    key: str,
    value: bytes,
    revision: int | None = None,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> int:
    """Store a value and return its revision.

    With `revision`, only if the key's last one is that (0: none yet); else FencedError.
    """
    headers = dict(headers)
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
    return decode_as(Snapshot, stored.data) if stored and stored.data else None


async def read_stored_snapshot(bus: Bus, name: str) -> Stored | None:
    """The latest snapshot as it is stored; its sequence is the revision that the next put expects."""
    bucket = names.BUCKET_SNAPSHOTS
    try:
        return await get_last(bus, f"KV_{bucket}", _subject(bucket, name))
    except NoStreamError:
        return None


async def snapshot_names(bus: Bus) -> set[str]:
    """The lists of which a snapshot is stored. Raises BusError."""
    bucket = names.BUCKET_SNAPSHOTS
    prefix = _subject(bucket, "")
    try:
        info = await bus.js.stream_info(f"KV_{bucket}", subjects_filter=f"{prefix}>")
    except NotFoundError:
        return set()
    except NATS_ERRORS as error:
        raise translated(error, f"looking into {bucket}") from error
    return {subject.removeprefix(prefix) for subject in info.state.subjects or {}}
