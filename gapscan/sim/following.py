"""A replay never outruns the set: its clock hears on NATS how far the ranker is."""

from __future__ import annotations

import asyncio

from msgspec import UNSET
from nats.aio.msg import Msg

from gapscan.bus.client import NATS_ERRORS, Bus, translated
from gapscan.bus.direct_get import NoStreamError, get_last
from gapscan.errors import ProtocolError
from gapscan.obs import logger
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import Ranked, UniverseFrame
from gapscan.sim.clock import FollowingClock

_log = logger("sim")


async def follow(bus: Bus, clock: FollowingClock) -> None:
    """Let `clock` go on as the ranker does, for ever. Raises BusError.

    A market that is started again goes on where the last scan was.
    """

    async def hear(message: Msg) -> None:
        try:
            clock.ranked(decode_as(Ranked, message.data).as_of)
        except ProtocolError as error:
            _log.warning("what the ranker says of the time cannot be read: %s", error)  # once a scan at most

    last = await _last_scan(bus)
    if last > clock.now():
        clock.set(last)
    try:
        subscription = await bus.nc.subscribe(bus.names.ranked, cb=hear)
    except NATS_ERRORS as error:
        raise translated(error, "listening to the ranker") from error
    try:
        await asyncio.Event().wait()
    finally:
        await bus.unsubscribe(subscription)


async def _last_scan(bus: Bus) -> int:
    """What the clock said at the last scan that is stored, 0 without one."""
    try:
        stored = await get_last(bus, bus.names.stream_universe, bus.names.feed_universe)
        frame = decode_as(UniverseFrame, stored.data) if stored else None
    except (NoStreamError, ProtocolError):
        return 0
    if frame is None:
        return 0
    return frame.as_of if frame.clock is UNSET else frame.clock
