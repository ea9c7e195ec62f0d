"""Following all lists that are defined: new ones are picked up, removed ones dropped, a bad one costs no other."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Sequence, Set
from contextlib import aclosing
from typing import Final, Protocol

from gapscan.bus.client import NATS_ERRORS, Bus
from gapscan.bus.definitions import DefinitionNews, Entry, definition_news, read_entries
from gapscan.client.api import Follower, ListView
from gapscan.errors import BusError, GapscanError, UnknownListError
from gapscan.obs import Tally, logger
from gapscan.runtime import Backoff, end
from gapscan.service.retrying import RETRY_FIRST, RETRY_LIMIT

REREAD_SECONDS: Final = 2.0  # between two looks at the definitions, when nothing was heard
FIRST_SECONDS: Final = 0.2  # the same while there are none
ABSENT_SECONDS: Final = 30.0  # a list that is defined but that nobody publishes is not waited for any longer

_log = logger("lists")

# Called with the lists that were removed since the last time; says for how many seconds it need not be called again
# when nothing is heard. Raises BusError.
Look = Callable[[Set[str]], Awaitable[float]]


async def watch_definitions(bus: Bus, look: Look, tally: Tally) -> None:
    """Call `look` at once, and whenever definitions may have changed, for ever. What it cannot read is tried again."""
    backoff = Backoff(RETRY_FIRST, RETRY_LIMIT)
    while True:
        try:
            async with definition_news(bus) as news:
                await _look_on(news, look, tally, backoff)
        except BusError as error:
            tally.trouble("definitions_failed", f"list definitions are not heard: {error.message}")
        await asyncio.sleep(backoff.next())


async def _look_on(news: DefinitionNews, look: Look, tally: Tally, backoff: Backoff) -> None:
    removed: set[str] = set()
    while True:
        try:
            seconds = await look(removed)
        except BusError as error:
            tally.trouble("definitions_failed", f"list definitions are not read: {error.message}")
            seconds = backoff.next()
        else:
            backoff.reset()
            removed = set()
        removed |= await news.wait(seconds)


class Watcher(Protocol):
    """Who wants to know of all lists."""

    def defined(self, entries: Sequence[Entry]) -> Set[str]:
        """What is defined; the names of the lists to follow."""

    def on_view(self, earlier: ListView | None, view: ListView) -> None:
        """A list as it was, if it was seen before, and as it is."""

    def lost(self, name: str) -> None:
        """A list is not followed: for the moment, or because it is defined no longer."""


class ListWatch:
    """The latest view of one list, for as long as it is followed."""

    def __init__(self, bus: Bus, name: str, watcher: Watcher, tally: Tally) -> None:
        self.name = name
        self.view: ListView | None = None
        self._bus = bus
        self._watcher = watcher
        self._tally = tally
        self._backoff = Backoff(RETRY_FIRST, RETRY_LIMIT)
        self._absent = False

    @property
    def settled(self) -> bool:
        """Whether it is known what the list holds, or that nobody publishes it."""
        return self.view is not None or self._absent

    async def run(self) -> None:
        """Follow, and begin again whenever following fails."""
        now = asyncio.get_running_loop().time
        began = now()
        while True:
            try:
                await self._follow()
            except UnknownListError as error:  # a list is defined a moment before or after it is published
                self._absent = now() - began > ABSENT_SECONDS
                self._tally.trouble("lists_unknown", str(error))
            except (GapscanError, *NATS_ERRORS) as error:
                self._tally.trouble("follow_failed", f"list {self.name} is not followed: {error}")
            except Exception:  # noqa: BLE001  # one list's trouble must not end the others'
                self._tally.trouble("follow_crashed", f"following {self.name} failed\n{traceback.format_exc()}")
            self._watcher.lost(self.name)
            await asyncio.sleep(self._backoff.next())

    async def _follow(self) -> None:
        async with aclosing(Follower(self._bus, self.name).views()) as views:
            async for view in views:
                earlier, self.view = self.view, view
                self._watcher.on_view(earlier, view)
                self._backoff.reset()


class ListWatches:
    """Owns a watch and its task for every list that the watcher wants."""

    def __init__(self, bus: Bus, watcher: Watcher, tally: Tally) -> None:
        self._bus = bus
        self._watcher = watcher
        self._tally = tally
        self._watches: dict[str, ListWatch] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._faults: dict[str, str] = {}

    @property
    def settled(self) -> bool:
        """Whether there are lists, and it is known of each what it holds."""
        return bool(self._watches) and all(watch.settled for watch in self._watches.values())

    def views(self) -> dict[str, ListView | None]:
        """The latest view of each list; None for one that was not seen yet."""
        return {name: watch.view for name, watch in self._watches.items()}

    async def run(self) -> None:
        """Follow what is defined, for ever. The latest views stay afterwards."""
        try:
            await watch_definitions(self._bus, self._look, self._tally)
        finally:
            await end(*self._tasks.values())

    async def _look(self, _removed: Set[str]) -> float:
        entries = await read_entries(self._bus) or []
        self._report_faults(entries)
        wanted = self._watcher.defined(entries)
        for name in sorted(self._tasks.keys() - wanted):
            await self._drop(name)
        for name in sorted(wanted - self._tasks.keys()):
            watch = self._watches[name] = ListWatch(self._bus, name, self._watcher, self._tally)
            self._tasks[name] = asyncio.create_task(watch.run(), name=f"watch {name}")
        return REREAD_SECONDS if wanted else FIRST_SECONDS

    def _report_faults(self, entries: Sequence[Entry]) -> None:
        """Count what cannot be read, once for as long as it stays the same."""
        faults = {entry.name: entry.fault for entry in entries if entry.fault}
        for name, fault in faults.items():
            if self._faults.get(name) != fault:
                self._tally.trouble("definitions_unreadable", f"a list definition cannot be read: {fault}", list=name)
        self._faults = faults

    async def _drop(self, name: str) -> None:
        _log.info("list is no longer defined", extra={"list": name})
        del self._watches[name]
        await end(self._tasks.pop(name))
        self._watcher.lost(name)
