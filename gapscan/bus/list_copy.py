"""A writer's copy of its list, from what is stored of it."""

from __future__ import annotations

from gapscan.bus.client import Bus
from gapscan.bus.direct_get import confirmed_from
from gapscan.errors import ProtocolError
from gapscan.lists.state import Copy, Fit
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import Delta, Snapshot

_BATCH = 1000


def copy_of(snapshot: Snapshot | None) -> Copy | None:
    """What the snapshot holds, if it is whole."""
    copy = Copy()
    try:
        if snapshot is None:
            return None
        copy.load(snapshot)
    except ProtocolError:
        return None
    return copy


async def advance(bus: Bus, stream: str, copy: Copy) -> int:
    """Apply the deltas that come next in the stream, many at a time; how many, 0 when there is none, or one is unfit.

    Before a delta is taken for missing, the stream's leader is asked. Raises BusError; ProtocolError for no delta.
    """
    batch = await confirmed_from(bus, stream, copy.sequence + 1, _BATCH)
    fits = all(copy.apply(decode_as(Delta, stored.data), stored.sequence) is Fit.APPLIED for stored in batch)
    return len(batch) if fits else 0
