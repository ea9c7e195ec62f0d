"""Snapshots in their key-value bucket, and how a value is put into one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from nats.js import api
from nats.js.errors import APIError, NotFoundError

from gapscan.bus.client import NATS_ERRORS, REQUEST_SECONDS, Bus, translated
from gapscan.bus.direct import NoStreamError, Stored, get_last
from gapscan.errors import FencedError
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import Snapshot

_HEADER_SIZE: Final = "Nats-Msg-Size"  # of a message that comes without its body
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
    """The lists of which a snapshot is stored; a marker in the place of a deleted one is none. Raises BusError."""
    bucket = names.BUCKET_SNAPSHOTS
    prefix = _subject(bucket, "")
    try:
        sizes = await _sizes(bus, f"KV_{bucket}", f"{prefix}>")
    except NotFoundError:
        return set()
    except NATS_ERRORS as error:
        raise translated(error, f"looking into {bucket}") from error
    return {subject.removeprefix(prefix) for subject, size in sizes.items() if size}


async def _sizes(bus: Bus, stream: str, pattern: str) -> dict[str, int]:
    """How many bytes each subject's last message has. Only headers travel, which direct get cannot ask for."""
    inbox = bus.nc.new_inbox()
    replies = await bus.nc.subscribe(inbox)
    try:
        consumer = await bus.js.add_consumer(stream, _headers_of_each(pattern), deliver_subject=inbox)
        found: dict[str, int] = {}
        sent = consumer.delivered.consumer_seq if consumer.delivered else 0
        left = (consumer.num_pending or 0) + sent
        while left:
            message = await replies.next_msg(timeout=REQUEST_SECONDS)
            found[message.subject] = int((message.headers or {}).get(_HEADER_SIZE, "0"))
            left = message.metadata.num_pending
        await bus.js.delete_consumer(stream, consumer.name)
        return found
    finally:
        if bus.connected:
            await replies.unsubscribe()


def _headers_of_each(pattern: str) -> api.ConsumerConfig:
    """A consumer for one look; the server removes one that nobody deletes."""
    return api.ConsumerConfig(
        filter_subject=pattern,
        deliver_policy=api.DeliverPolicy.LAST_PER_SUBJECT,
        ack_policy=api.AckPolicy.NONE,
        headers_only=True,
        mem_storage=True,
        num_replicas=1,
        inactive_threshold=10 * REQUEST_SECONDS,
    )
