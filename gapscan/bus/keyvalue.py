"""Values in key-value buckets: the last message on a key's subject, in the stream that the bucket is."""

from __future__ import annotations

from collections.abc import Mapping

from gapscan.bus.client import Bus
from gapscan.bus.direct_get import NoStreamError, Stored, get_last, leader_last
from gapscan.bus.publish import store
from gapscan.protocol import names


async def get(bus: Bus, bucket: str, key: str) -> Stored | None:
    """The value of `key` as it is stored; None when there is none, or no bucket. Raises BusError.

    Its sequence is the key's revision. A deleted key may have left a marker: a message without data.
    """
    try:
        return await get_last(bus, names.bucket_stream(bucket), names.key_subject(bucket, key))
    except NoStreamError:
        return None


async def get_of_leader(bus: Bus, bucket: str, key: str) -> Stored | None:
    """As `get`, for who draws conclusions from what is not there. Takes rights that readers do not have."""
    return await leader_last(bus, names.bucket_stream(bucket), names.key_subject(bucket, key))


async def put(bus: Bus, bucket: str, key: str, value: bytes, headers: Mapping[str, str] | None = None) -> int:
    """Store a value in place of what was, and return its revision.

    Raises as `store` does: OvertakenError when `headers` name the revision that it is to replace, and it was not that.
    """
    subject = bus.key_value_subject(names.key_subject(bucket, key))
    return await store(bus, subject, value, f"writing {bucket}/{key}", headers)
