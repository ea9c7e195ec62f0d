"""Snapshots of lists in their key-value bucket."""

from __future__ import annotations

from typing import Final

from nats.js import api
from nats.js.errors import NotFoundError

from gapscan.bus import keyvalue
from gapscan.bus.client import NATS_ERRORS, REQUEST_SECONDS, Bus, translated
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import Snapshot

_HEADER_SIZE: Final = "Nats-Msg-Size"  # of a message that comes without its body


async def read_snapshot(bus: Bus, name: str) -> Snapshot | None:
    """The latest snapshot of list `name`, or None. Raises BusError, or ProtocolError when what is stored is not one."""
    stored = await keyvalue.get(bus, bus.names.bucket_snapshots, name)
    return decode_as(Snapshot, stored.data) if stored and stored.data else None


async def snapshot_names(bus: Bus) -> set[str]:
    """The lists of which a snapshot is stored; a marker in the place of a deleted one is none. Raises BusError."""
    bucket = bus.names.bucket_snapshots
    try:
        sizes = await _sizes(bus, names.bucket_stream(bucket), names.key_subject(bucket))
    except NotFoundError:
        return set()
    except NATS_ERRORS as error:
        raise translated(error, f"looking into {bucket}") from error
    return {names.key_of(bucket, subject) for subject, size in sizes.items() if size}


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
        await bus.unsubscribe(replies)


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
