"""How streams are made to fit where there is little room: the server says what it has."""

from __future__ import annotations

from math import ceil
from typing import Final

from nats.js import api
from nats.js.errors import APIError

from gapscan.bus.client import NATS_ERRORS, Bus, translated
from gapscan.obs import logger

# All streams together reserve less by default, with twenty lists, though each be given a limit.
_PLANNED_BYTES: Final = 1088 * 1024 * 1024
_USUAL_PAYLOAD: Final = 1_000_000
_LEAST_BYTES: Final = 1_000_000
# What a stream that has no limit of its own is given where the account demands one.
_DEMANDED_BYTES: Final = 16 * 1024 * 1024

# What these reserve at most where there is no room for what is wanted: lists move without them, and come after them.
_EVENTS_IN_NEED: Final = 8 * 1024 * 1024
_ALERTS_IN_NEED: Final = 4 * 1024 * 1024

_MAX_BYTES_DEMANDED: Final = 10113
_NO_ROOM: Final = (10002, 10047, 10122)  # in the account, on the server, for one stream

_log = logger("bus")


def smaller_messages(bus: Bus) -> int:
    """How many times more messages there are than usual, as the server takes smaller ones only."""
    return max(1, ceil(_USUAL_PAYLOAD / bus.max_payload))


async def planned_room(bus: Bus, replicas: int, without_limit: int) -> int:
    """What is left for a stream that is not planned for, where the account has a limit. Raises BusError."""
    try:
        limit = (await bus.js.account_info()).limits.max_storage
    except NATS_ERRORS as error:
        raise translated(error, "asking for room") from error
    return limit // replicas - _PLANNED_BYTES if limit > 0 else without_limit


async def add_fitting(bus: Bus, wanted: api.StreamConfig) -> api.StreamInfo:
    """Create a stream as large as it is wanted, or its share of what there is. Raises what the library does."""
    if wanted.max_msgs and wanted.max_msgs > 0:
        wanted.max_msgs *= smaller_messages(bus)
    share = await _share(bus, wanted.num_replicas or 1)
    if share < 1.0 and wanted.max_bytes:
        wanted.max_bytes = max(_LEAST_BYTES, int(wanted.max_bytes * share))
    try:
        return await bus.js.add_stream(wanted)
    except APIError as error:
        if error.err_code != _MAX_BYTES_DEMANDED:
            return await _add_smaller(bus, wanted, error)
    wanted.max_bytes = max(_LEAST_BYTES, int(_DEMANDED_BYTES * share))
    try:
        return await bus.js.add_stream(wanted)
    except APIError as error:
        return await _add_smaller(bus, wanted, error)


async def _add_smaller(bus: Bus, wanted: api.StreamConfig, refused: APIError) -> api.StreamInfo:
    """Halve what is reserved for as long as there is no room for it."""
    asked = wanted.max_bytes or 0
    in_need = {bus.names.stream_events: _EVENTS_IN_NEED, bus.names.stream_alerts: _ALERTS_IN_NEED}
    if is_no_room(refused) and wanted.name in in_need:
        wanted.max_bytes = min(asked, 2 * in_need[wanted.name])
    while is_no_room(refused) and (wanted.max_bytes or 0) >= 2 * _LEAST_BYTES:
        wanted.max_bytes = (wanted.max_bytes or 0) // 2
        try:
            info = await bus.js.add_stream(wanted)
        except APIError as error:
            refused = error
        else:
            _log.warning("stream %s is given %d bytes in place of %d", wanted.name, wanted.max_bytes, asked)
            return info
    raise refused


async def _share(bus: Bus, replicas: int) -> float:
    """How much of what is planned the account can hold, each replica being counted; 1 where it has no limit."""
    limit = (await bus.js.account_info()).limits.max_storage
    return min(1.0, limit / replicas / _PLANNED_BYTES) if limit > 0 else 1.0


def is_no_room(error: APIError) -> bool:
    """Whether the account or the server has no room for a stream as large as that."""
    return error.err_code in _NO_ROOM


def remedy_of(error: APIError) -> str:
    """What to do about a stream that cannot be created."""
    if is_no_room(error):
        return "give JetStream more room, or lower state_max_bytes and delta_max_bytes in [nats]"
    return ""
