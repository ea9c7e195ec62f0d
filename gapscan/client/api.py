"""Following a list: one snapshot, then every delta, holes filled, always exact.

import asyncio, gapscan

async def main():
    async for view in gapscan.follow("gappers_up"):
        print(view.sequence, [row["symbol"] for row in view.rows[:5]])

asyncio.run(main())
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import AbstractAsyncContextManager, aclosing

from gapscan.bus import client
from gapscan.bus.client import Bus, BusOptions
from gapscan.bus.running import with_login
from gapscan.client.blocking import iterate_blocking
from gapscan.client.follower import Follower
from gapscan.client.view import LinkStats, ListView
from gapscan.protocol import names

__all__ = ["Follower", "Following", "LinkStats", "ListView", "connect", "follow"]


class Following:
    """What `follow` returns: iterate it with `async for`, or with `for` in a script without an event loop.

    Each iteration follows anew, on a connection of its own unless one is shared.
    """

    def __init__(self, name: str, options: BusOptions, bus: Bus | None) -> None:
        self._name = names.check_list_name(name)
        self._options = options
        self._bus = bus

    async def __aiter__(self) -> AsyncGenerator[ListView, None]:
        if self._bus is not None:
            async with aclosing(Follower(self._bus, self._name).views()) as views:
                async for view in views:
                    yield view
            return
        async with (
            connect(self._options, f"gapscan follow {self._name}") as bus,
            aclosing(Follower(bus, self._name).views()) as views,
        ):
            async for view in views:
                yield view

    def __iter__(self) -> Iterator[ListView]:
        """The same in a script without an event loop. A caller that is slower than the list gets the newest view."""
        return iterate_blocking(self.__aiter__, f"follow {self._name}")


def follow(name: str, *, nats: str | BusOptions = "nats://127.0.0.1:4222", bus: Bus | None = None) -> Following:
    """Follow list `name`: `async for view in follow(name)`, or plain `for` outside of asyncio.

    `nats` is a URL, several with commas between, or BusOptions; one's own `gapscan up` needs no login in it. `bus`
    shares an open connection instead. Each view is the whole list at one sequence, proved by its checksum.

    Raises ConfigError for a name that no list can have. Raises when iterated: BusError if NATS cannot be reached at the
    start, UnknownListError if nobody publishes the list or when it is removed, ConfigError for a wrong URL,
    ProtocolError if the first snapshot cannot be used. A link lost later is waited out: the view's state turns stale,
    then live again.
    """
    options = BusOptions(nats) if isinstance(nats, str) else nats
    return Following(name, options, bus)


def connect(options: BusOptions, name: str) -> AbstractAsyncContextManager[Bus]:
    """Connect to NATS, `async with connect(options, name) as bus`; `name` shows in the server's monitoring.

    For one's own `gapscan up` no login need be given. Raises BusError when the server cannot be reached or refuses,
    ConfigError for a URL that is none.
    """
    given = options.user or options.credentials
    return client.connect(options if given else with_login(options), name)
