"""A list at each full minute of market time: what an export needs, read in one go."""

from __future__ import annotations

from collections.abc import AsyncIterator

from gapscan.bus.tape import told
from gapscan.client.tape_reader import PastView, TapeReader
from gapscan.lists.playback import Playback
from gapscan.protocol.messages import Delta, Snapshot
from gapscan.protocol.tape import MINUTE_MS, Unchanged


async def full_minutes(reader: TapeReader, begin: int, over: int) -> AsyncIterator[PastView]:
    """The list at each full minute from `begin` until `over`, epoch ms, that is recorded. Raises BusError.

    What counts from a minute's very first second is not in it yet: it is the list that the minute began with.
    """
    playback = Playback()
    async for stored in reader.messages_from(begin):
        message = told(stored)
        if isinstance(message, Snapshot | Delta | Unchanged) and message.as_of >= over:
            return
        if isinstance(message, Unchanged) and playback.copy is None:
            playback = await reader.begun([message])
        playback.take(message)
        if playback.copy is None:  # what it refers to is not kept any more
            continue
        if isinstance(message, Snapshot | Unchanged) and message.as_of % MINUTE_MS == 0 and message.as_of >= begin:
            yield reader.view(playback, message.as_of)
