"""A writer's copy of its list, from what is stored of it."""

from __future__ import annotations

from nats.js import api

from gapscan.bus.client import Bus
from gapscan.bus.direct_get import Stored, confirmed_from
from gapscan.bus.topology import epoch_of
from gapscan.errors import ProtocolError
from gapscan.lists.state import Copy, Fit
from gapscan.obs import logger
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import Delta, Snapshot

_BATCH = 1000
_log = logger("bus")


def snapshot_in(stored: Stored | None, name: str) -> Snapshot | None:
    """What the bucket holds of list `name`; None where that is nothing, or cannot be read."""
    try:
        return decode_as(Snapshot, stored.data) if stored and stored.data else None
    except ProtocolError as error:
        _log.warning("stored snapshot is unreadable, beginning anew", extra={"list": name, "why": error})
        return None


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


async def continued(bus: Bus, name: str, info: api.StreamInfo, snapshot: Snapshot | None) -> Copy | None:
    """List `name` at its stream's last sequence, from the snapshot on; None when it cannot be had. Raises BusError."""
    if snapshot is None or snapshot.epoch != epoch_of(info) or snapshot.sequence > info.state.last_seq:
        return None
    copy, stream = Copy(), bus.names.list_stream(name)
    try:
        copy.load(snapshot)
        while copy.sequence < info.state.last_seq:
            if not await advance(bus, stream, copy):
                return None
    except ProtocolError as error:
        _log.warning("stored list is unreadable, beginning anew", extra={"list": name, "why": error})
        return None
    return copy
