"""Following all lists that are defined: new ones are picked up, removed ones dropped, a bad one costs no other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Final

from gapscan.bus.client import NATS_ERRORS, Bus
from gapscan.bus.definitions import definition_news, read_entries
from gapscan.bus.follow import Follower, ListView
from gapscan.errors import BusError, GapscanError, UnknownListError
from gapscan.obs import Tally, logger
from gapscan.protocol import names
from gapscan.runtime import Backoff, end

REREAD_SECONDS: Final = 2.0  # between two looks at the definitions
ABSENT_SECONDS: Final = 30.0  # a list that is defined but that nobody publishes is not waited for any longer
_RETRY_FIRST: Final = 0.1
_RETRY_LIMIT: Final = 2.0

_log = logger("hot")

# What is called with a list's view before and its view now.
OnView = Callable[[ListView | None, ListView], None]


async def defined_lists(bus: Bus) -> set[str]:
    """The names of all lists that are defined now. Raises BusError.

    The keys alone say it, so that a definition that cannot be read hides no other list.
    """
    entries = await read_entries(bus) or []
    return {entry.name for entry in entries if names.LIST_NAME.fullmatch(entry.name)}


class ListWatch:
    """The latest view of one list, for as long as it is followed."""

    def __init__(self, bus: Bus, name: str, on_view: OnView, tally: Tally) -> None:
        self.name = name
        self.view: ListView | None = None
        self._bus = bus
        self._on_view = on_view
        self._tally = tally
        self._absent = False

    @property
    def settled(self) -> bool:
        """Whether it is known what the list holds, or that nobody publishes it."""
        return self.view is not None or self._absent

    async def run(self) -> None:
        """Follow, and begin again whenever following fails."""
        backoff, now = Backoff(_RETRY_FIRST, _RETRY_LIMIT), asyncio.get_running_loop().time
        began = now()
        while True:
            try:
                await self._follow()
            except UnknownListError as error:  # a list is defined a moment before or after it is published
                self._absent = now() - began > ABSENT_SECONDS
                self._tally.trouble("lists_unknown", str(error))
            except (GapscanError, *NATS_ERRORS) as error:
                self._tally.trouble("follow_failed", f"list {self.name} is not followed: {error}")
            await asyncio.sleep(backoff.next())

    async def _follow(self) -> None:
        async with aclosing(Follower(self._bus, self.name).views()) as views:
            async for view in views:
                earlier, self.view = self.view, view
                self._on_view(earlier, view)


class ListWatches:
    """Owns a watch and its task for every list that is defined. `on_drop` is called after one was dropped."""

    def __init__(self, bus: Bus, on_view: OnView, on_drop: Callable[[], None], tally: Tally) -> None:
        self._bus = bus
        self._on_view = on_view
        self._on_drop = on_drop
        self._tally = tally
        self._watches: dict[str, ListWatch] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def settled(self) -> bool:
        """Whether there are lists, and it is known of each what it holds."""
        return bool(self._watches) and all(watch.settled for watch in self._watches.values())

    def views(self) -> dict[str, ListView | None]:
        """The latest view of each list; None for one that was not seen yet."""
        return {name: watch.view for name, watch in self._watches.items()}

    async def run(self) -> None:
        """Follow what is defined, for ever. `close` afterwards."""
        while True:
            try:
                async with definition_news(self._bus) as news:
                    while True:
                        await self._follow_only(await defined_lists(self._bus))
                        await news.wait(REREAD_SECONDS)
            except BusError as error:
                self._tally.trouble("definitions_failed", f"list definitions are not read: {error.message}")
            await asyncio.sleep(REREAD_SECONDS)

    async def _follow_only(self, wanted: set[str]) -> None:
        for task in self._tasks.values():
            if task.done():
                task.result()  # it has no end of its own, only a failure that nobody foresaw
        for name in sorted(wanted - self._tasks.keys()):
            watch = self._watches[name] = ListWatch(self._bus, name, self._on_view, self._tally)
            self._tasks[name] = asyncio.create_task(watch.run(), name=f"watch {name}")
        for name in sorted(self._tasks.keys() - wanted):
            await self._drop(name)

    async def _drop(self, name: str) -> None:
        _log.info("list is no longer defined", extra={"list": name})
        del self._watches[name]
        await end(self._tasks[name])
        del self._tasks[name]
        self._on_drop()

    async def close(self) -> None:
        """Stop following."""
        await end(*self._tasks.values())
        self._tasks.clear()
        self._watches.clear()
