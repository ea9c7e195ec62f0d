"""What a ranker gives to NATS: the deltas of its lists, each as soon as it can be, and now and then their snapshots."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final

from gapscan.bus.publisher import ListPublisher
from gapscan.bus.stage_times import StageTimes
from gapscan.errors import BusError, FencedError
from gapscan.lists.delta import Rows
from gapscan.market.universe import Universe
from gapscan.obs import Tally
from gapscan.runtime import Backoff, end
from gapscan.service.retrying import RETRY_FIRST

_RETRY_LIMIT: Final = 0.2  # seconds between two tries: what NATS refuses now it takes again at any moment


class Publishing:
    """Publishes what is wanted of each list of `publishers`, one delta of a list at a time; no list waits for another.

    Of what is wanted while a delta is on its way, the newest counts. `check_soon` is called when NATS refuses one,
    `stored` when it has stored one.
    """

    def __init__(
        self,
        publishers: Mapping[str, ListPublisher],
        universe: Universe,
        tally: Tally,
        check_soon: Callable[[], None],
        stored: Callable[[StageTimes | None], None] = lambda _times: None,
    ) -> None:
        self.times: StageTimes | None = None  # of what is wanted
        self._stored = stored
        self._publishers = publishers
        self._universe = universe
        self._tally = tally
        self._check_soon = check_soon
        self._wanted: dict[str, Rows] = {}
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._due_since: dict[str, float] = {}  # when the delta of a list began that NATS is still to take, monotonic
        self._failures: list[BaseException] = []
        self._failed = asyncio.Event()
        self._runs = False

    @property
    def settled(self) -> bool:
        """Whether all lists show what is wanted."""
        return not any(map(self._differs, self._wanted))

    def refused_for(self, name: str) -> float:
        """For how many seconds NATS has not taken the list's next delta; 0 when there is none, or it took it."""
        since = self._due_since.get(name)
        return 0.0 if since is None else time.monotonic() - since

    def want(self, rows: Mapping[str, Rows]) -> None:
        """The lists are to show these rows."""
        self._wanted.update(rows)
        self._begin_all()

    def want_anew(self, publisher: ListPublisher) -> None:
        """The list's stream is gone: what it shows is to be published anew."""
        self._wanted.setdefault(publisher.name, publisher.rows)
        self._begin_all()

    def forget(self, name: str) -> None:
        """The list is removed."""
        self._wanted.pop(name, None)
        self._due_since.pop(name, None)

    async def run(self) -> None:
        """Publish for ever. Raises FencedError when another writer owns a list."""
        self._runs = True
        try:
            self._begin_all()
            await self._failed.wait()
            raise self._failures[0]
        finally:
            self._runs = False
            await end(*self._under_way.values())

    def _begin_all(self) -> None:
        """Begin what differs and is not under way, at once: a ranking leaves no moment before its deltas."""
        if self._runs and not self._failures:
            for name in self._wanted:
                if name not in self._under_way and self._differs(name):
                    self._begin(name)

    def _begin(self, name: str) -> None:
        task = self._under_way[name] = asyncio.create_task(self._publish(name), name=f"publish {name}")
        task.add_done_callback(self._look_for_failure)

    def _look_for_failure(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (failure := task.exception()):
            self._failures.append(failure)
            self._failed.set()

    def _differs(self, name: str) -> bool:
        """Whether there is something to publish: a stream that is still to be made anew shows nobody its rows."""
        publisher, rows = self._publishers.get(name), self._wanted.get(name)
        return (
            publisher is not None
            and rows is not None
            and (publisher.unsettled or bool(publisher.near) or rows is not publisher.rows)
        )

    async def _publish(self, name: str) -> None:
        """Until the list shows what is wanted."""
        backoff = Backoff(RETRY_FIRST, _RETRY_LIMIT)
        try:
            while self._differs(name):
                self._due_since.setdefault(name, time.monotonic())
                if await self._publish_once(self._publishers[name]):
                    self._due_since.pop(name, None)
                    backoff.reset()
                else:
                    await asyncio.sleep(backoff.next())
        finally:
            # Here and not when the task is seen to be done: what is wanted in between would be nobody's.
            del self._under_way[name]
            self._due_since.pop(name, None)

    async def _publish_once(self, publisher: ListPublisher) -> bool:
        """False when NATS did not take it."""
        try:
            times = self.times
            if await publisher.publish(self._wanted[publisher.name], self._universe.as_of, times):
                self._stored(times)
                self._tally.count("deltas")
        except BusError as error:
            return not self._matters(publisher, error, "publish_failed", f"list {publisher.name} is not published")
        return True

    def _matters(self, publisher: ListPublisher, error: BusError, key: str, what: str) -> bool:
        """Whether the failure is one: a list that has been removed fails on purpose. Raises FencedError."""
        if self._publishers.get(publisher.name) is not publisher:
            return False
        if isinstance(error, FencedError):
            raise error
        self._tally.trouble(key, f"{what}: {error.message}")
        self._check_soon()
        return True

    async def keep_snapshots(self, interval: float) -> None:
        """Store a snapshot of every list once an interval: one after the other, so that no delta waits for many."""
        while True:
            publishers = list(self._publishers.values())
            for publisher in publishers:
                await asyncio.sleep(interval / len(publishers))
                await self._snapshot(publisher)
            if not publishers:
                await asyncio.sleep(interval)

    async def store_snapshots(self) -> None:
        """Store those of all lists that changed since."""
        for publisher in list(self._publishers.values()):
            await self._snapshot(publisher)

    async def _snapshot(self, publisher: ListPublisher) -> None:
        try:
            await publisher.write_snapshot(self._universe.simulated)
            await publisher.trim()
        except BusError as error:
            self._matters(publisher, error, "snapshot_failed", f"snapshot of {publisher.name} is not stored")
