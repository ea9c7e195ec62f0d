"""What is stored of a list: its deltas after a sequence, and its state as it is now."""

from __future__ import annotations

from typing import Final

from gapscan.bus.client import Bus
from gapscan.bus.direct_get import NoStreamError, Stored, confirmed_from, get_from
from gapscan.bus.snapshots import read_snapshot
from gapscan.events.history import loaded
from gapscan.lists.state import Copy, Fit
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import Delta

BATCH: Final = 500


async def deltas_after(bus: Bus, name: str, sequence: int) -> list[tuple[Delta, int]]:
    """The next deltas after `sequence` that are kept, with their sequences: of the stream, as its leader has it.

    Empty when there are none, or no stream. Raises BusError, ProtocolError.
    """
    try:
        stored = await confirmed_from(bus, bus.names.list_stream(name), sequence + 1, BATCH)
    except NoStreamError:
        return []
    return [_delta(one) for one in stored]


async def state_now(bus: Bus, name: str) -> tuple[Copy, bool] | None:
    """The list as it is stored at this moment, and whether it is simulated; None when nobody published it yet.

    Raises BusError, ProtocolError.
    """
    snapshot = await read_snapshot(bus, name)
    if snapshot is None:
        return None
    copy = loaded(snapshot)
    try:
        for stored in await get_from(bus, bus.names.list_stream(name), copy.sequence + 1, BATCH):
            if copy.apply(*_delta(stored)) is not Fit.APPLIED:
                break
    except NoStreamError:
        return None
    return copy, snapshot.simulated


def _delta(stored: Stored) -> tuple[Delta, int]:
    return decode_as(Delta, stored.data), stored.sequence
