"""A list as it stands now: its rows once, with its state."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Final

from gapscan.bus.client import Bus
from gapscan.client.follower import Follower
from gapscan.client.view import ListView
from gapscan.errors import BusError
from gapscan.protocol.lists import HEARTBEAT_SECONDS

FIRST_HEARTBEAT_SECONDS: Final = 1.5 * HEARTBEAT_SECONDS  # a list of which none has come by then has no writer


async def current(bus: Bus, name: str) -> ListView:
    """The list, with its state once a heartbeat has told it; without one in time, stale.

    Raises UnknownListError if nobody publishes it, BusError when NATS does not answer in time.
    """
    follower = Follower(bus, name)
    try:
        async with asyncio.timeout(FIRST_HEARTBEAT_SECONDS), aclosing(follower.views()) as views:
            async for view in views:
                if view.state != "stale":
                    return view
    except TimeoutError:
        if not follower.view().epoch:
            raise BusError(f"NATS did not answer in time while reading {name}") from None
    return follower.view()
