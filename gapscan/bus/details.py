"""What is known of symbols that were in lists, on NATS: the feed writes it, whoever ranks or shows reads it."""

from __future__ import annotations

from gapscan.bus import keyvalue
from gapscan.bus.bucket_values import can_be_key, read_values
from gapscan.bus.client import Bus
from gapscan.protocol import names
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import Detail

__all__ = ["can_be_key", "details_subject", "read_details", "write_detail"]


def details_subject(bus: Bus) -> str:
    """A subscription on this hears every detail as it is written."""
    return names.key_subject(bus.names.bucket_details)


async def write_detail(bus: Bus, detail: Detail) -> None:
    """Store what is known of one symbol, in place of what was. Raises BusError."""
    await keyvalue.put(bus, bus.names.bucket_details, detail.symbol, encode(detail))


async def read_details(bus: Bus) -> dict[str, Detail]:
    """Everything in the bucket by symbol; empty when there is no bucket. Raises BusError."""
    return {detail.symbol: detail for detail in await read_values(bus, bus.names.bucket_details, Detail)}
