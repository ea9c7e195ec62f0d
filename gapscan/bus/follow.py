"""Following a list: one snapshot, then every delta, holes filled, always exact.

import asyncio, gapscan

async def main():
    async for view in gapscan.follow("gappers_up"):
        print(view.sequence, [row["symbol"] for row in view.rows[:5]])

asyncio.run(main())
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final

from nats.aio.msg import Msg

from gapscan.bus.client import NATS_ERRORS, Bus, BusOptions, connect, translated
from gapscan.bus.definitions import definition_subject, is_removed
from gapscan.bus.direct import NoStreamError, Stored, get_from, no_such_list
from gapscan.bus.snapshots import read_snapshot
from gapscan.errors import BusError, ProtocolError, UnknownListError
from gapscan.obs import logger
from gapscan.protocol import names
from gapscan.protocol.codec import decode, decode_as
from gapscan.protocol.messages import Delta, Heartbeat, Row, State
from gapscan.ranking.copy import Copy, Fit
from gapscan.ranking.delta import checksum, diff

SILENCE_SECONDS: Final = 3.0  # without a heartbeat for this long, a list is not live
RETRY_SECONDS: Final = 0.25  # between two tries to repair a copy
MAX_FILL: Final = 1000  # deltas; a longer hole is not filled, the snapshot is taken
INBOX_SIZE: Final = 4096  # messages not yet looked at; what comes on top is dropped, and found as a hole

_log = logger("follow")


@dataclass(frozen=True, slots=True)
class LinkStats:
    """What it took to keep a copy exact."""

    snapshots: int = 0  # times the snapshot was taken, the first one included
    holes: int = 0  # times deltas were missing and fetched by sequence
    refetched: int = 0  # deltas fetched that way
    mismatches: int = 0  # deltas that did not fit or whose checksum differed
    malformed: int = 0  # messages that could not be read
    dropped: int = 0  # messages dropped because the inbox was full


@dataclass(frozen=True, slots=True)
class ListView:
    """A list at one sequence. It never changes; rows are shared between views and must not be changed.

    `state` is live, closed (outside of the list's sessions) or stale (no data, no heartbeat or no link).
    The rows have been proved by their checksum.
    """

    list: str
    epoch: str
    sequence: int
    as_of: int
    rows: tuple[Row, ...]
    state: State
    simulated: bool
    link: LinkStats

    def delta_since(self, earlier: ListView | None) -> Delta:
        """What leads from `earlier` (None: an empty list) to this view, as one delta."""
        before = earlier.rows if earlier else ()
        return Delta(
            list=self.list,
            epoch=self.epoch,
            prev=earlier.sequence if earlier and earlier.epoch == self.epoch else 0,
            sequence=self.sequence,
            as_of=self.as_of,
            changes=diff(before, self.rows),
            size=len(self.rows),
            checksum=checksum(self.rows),
        )


class Follower:
    """Keeps an exact copy of one list over a connection that somebody else owns."""

    def __init__(self, bus: Bus, name: str) -> None:
        self.name = names.check_list_name(name)
        self._bus = bus
        self._stream = names.list_stream(name)
        self._definition = definition_subject(name)
        self._copy = Copy()
        self._state: State = "stale"
        self._simulated = False
        self._as_of = 0
        self._stats = LinkStats()
        self._inbox: asyncio.Queue[Msg | None] = asyncio.Queue(INBOX_SIZE)
        self._due: Callable[[], object] | None = None

    async def views(self) -> AsyncGenerator[ListView, None]:
        """Views as they come; when the consumer is slow, several deltas come as one view.

        Raises UnknownListError when nobody publishes the list, or when it is removed, and BusError when NATS is
        away at the start; later losses of the link are waited out.
        """
        async with self._listening():
            await self._take_snapshot()
            shown = self.view()
            yield shown
            while True:
                await self._step()
                view = self.view()
                if view != shown:
                    shown = view
                    yield view

    def view(self) -> ListView:
        """The copy as it is now."""
        return ListView(
            list=self.name,
            epoch=self._copy.epoch,
            sequence=self._copy.sequence,
            as_of=max(self._copy.as_of, self._as_of),
            rows=tuple(self._copy.rows),
            state=self._state,
            simulated=self._simulated,
            link=self._stats,
        )

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        """Subscribe before anything is read, so that nothing falls between snapshot and live deltas."""
        nc = self._bus.nc
        try:
            subscriptions = [
                await nc.subscribe(subject, cb=self._on_message)
                for subject in (names.live_subject(self.name), names.heartbeat_subject(self.name), self._definition)
            ]
        except NATS_ERRORS as error:
            raise translated(error, f"subscribing to {self.name}") from error
        stop_listening = self._bus.on_link_change(self._on_link_change)
        try:
            yield
        finally:
            stop_listening()
            if self._bus.connected:
                for subscription in subscriptions:
                    await subscription.unsubscribe()

    async def _on_message(self, message: Msg) -> None:
        self._put(message)

    def _on_link_change(self) -> None:
        self._put(None)

    def _put(self, item: Msg | None) -> None:
        try:
            self._inbox.put_nowait(item)
        except asyncio.QueueFull:
            self._count(dropped=1)

    def _count(self, **counts: int) -> None:
        self._stats = replace(
            self._stats, **{name: getattr(self._stats, name) + number for name, number in counts.items()}
        )

    async def _step(self) -> None:
        """Wait for something to happen, and take in all that is waiting."""
        try:
            async with asyncio.timeout(RETRY_SECONDS if self._due else SILENCE_SECONDS):
                item = await self._inbox.get()
        except TimeoutError:
            if not self._due:
                self._state = "stale"
                await self._check_defined()
        else:
            await self._handle(item)
            while not self._inbox.empty():
                await self._handle(self._inbox.get_nowait())
        if self._due:
            await self._repair()

    async def _handle(self, item: Msg | None) -> None:
        if item is None:
            self._link_changed()
            return
        if item.subject == self._definition:
            if not item.data:
                raise self._removed()
            return
        try:
            message = decode(item.data)
        except ProtocolError as error:
            self._count(malformed=1)
            _log.debug("%s", error, extra={"list": self.name})
            return
        if isinstance(message, Delta):
            self._offer(message, int((item.headers or {}).get(names.HEADER_SEQUENCE, 0)))
        elif isinstance(message, Heartbeat):
            self._hear(message)

    def _link_changed(self) -> None:
        if self._bus.connected:
            self._due = self._due or self._fill
        else:
            self._state = "stale"

    def _hear(self, beat: Heartbeat) -> None:
        self._state, self._simulated, self._as_of = beat.state, beat.simulated, beat.as_of
        if beat.epoch != self._copy.epoch:
            self._due = self._take_snapshot
        elif beat.sequence > self._copy.sequence:
            self._due = self._due or self._fill

    def _offer(self, delta: Delta, sequence: int) -> Fit:
        fit = self._copy.take(delta, sequence)
        if fit is Fit.HOLE:
            self._due = self._due or self._fill
        elif fit in (Fit.MISMATCH, Fit.OTHER_EPOCH):
            self._due = self._take_snapshot
            self._count(mismatches=fit is Fit.MISMATCH)
        return fit

    async def _repair(self) -> None:
        """Do what is due. What fails stays due and is tried again after RETRY_SECONDS."""
        try:
            if self._due == self._take_snapshot:
                await self._take_snapshot()
            else:
                await self._fill()
        except (BusError, ProtocolError, UnknownListError) as error:
            self._state = "stale"
            _log.debug("repair failed: %s", error, extra={"list": self.name})
            if isinstance(error, UnknownListError | NoStreamError):
                await self._check_defined()

    async def _check_defined(self) -> None:
        """Raise UnknownListError when the list was removed, and the message that said so was lost."""
        with suppress(BusError):
            if self._bus.connected and await is_removed(self._bus, self.name):
                raise self._removed()

    def _removed(self) -> UnknownListError:
        return UnknownListError(f"list {self.name} was removed", remedy="`gapscan lists` shows what there is")

    async def _fill(self) -> None:
        """Fetch what is missing from the stream; take the snapshot when it is gone or too much."""
        stored = await get_from(self._bus, self._stream, self._copy.sequence + 1, MAX_FILL)
        self._due = None
        if stored:
            self._count(holes=1, refetched=len(stored))
        if not self._apply(stored) or len(stored) == MAX_FILL:
            self._due = self._take_snapshot

    def _apply(self, stored: list[Stored]) -> bool:
        for message in stored:
            try:
                delta = decode_as(Delta, message.data)
            except ProtocolError:
                self._count(malformed=1)
                return False
            if self._offer(delta, message.sequence) not in (Fit.APPLIED, Fit.OLD):
                return False
        return True

    async def _take_snapshot(self) -> None:
        """Begin anew from the snapshot, and go on to the stream's end."""
        self._due = self._take_snapshot
        snapshot = await read_snapshot(self._bus, self.name)
        if snapshot is None:
            raise no_such_list(self.name)
        self._copy.load(snapshot)
        self._simulated = snapshot.simulated
        self._count(snapshots=1)
        try:
            stored = await get_from(self._bus, self._stream, snapshot.sequence + 1, MAX_FILL)
        except NoStreamError:
            raise no_such_list(self.name) from None
        self._due = None
        self._apply(stored)


class Following:
    """What `follow` returns: iterate it with `async for`, or with `for` in a script without an event loop."""

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
        """Views from a thread of its own, so that the link is kept alive while the caller is busy."""
        relay = _Relay()
        thread = threading.Thread(target=relay.run, args=(self,), name=f"follow {self._name}", daemon=True)
        thread.start()
        try:
            while (item := relay.newest.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            relay.stop()
            thread.join()


class _Relay:
    """Hands the newest view from the thread that follows to the one that reads; older ones are skipped."""

    def __init__(self) -> None:
        self.newest: queue.Queue[ListView | BaseException | None] = queue.Queue(maxsize=1)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._ready = threading.Event()

    def run(self, following: Following) -> None:
        try:
            asyncio.run(self._pump(following))
        except BaseException as error:  # noqa: BLE001  # raised again on the reader's side
            self._offer(error)
        finally:
            self._ready.set()
        self._offer(None)

    async def _pump(self, following: Following) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._ready.set()
        try:
            async with aclosing(following.__aiter__()) as views:
                async for view in views:
                    self._offer(view)
        except asyncio.CancelledError:
            return

    def _offer(self, item: ListView | BaseException | None) -> None:
        while True:
            try:
                self.newest.put_nowait(item)
            except queue.Full:
                try:
                    waiting = self.newest.get_nowait()
                except queue.Empty:
                    continue
                if isinstance(waiting, BaseException):
                    item = waiting
            else:
                return

    def stop(self) -> None:
        self._ready.wait()
        if self._loop is not None and self._task is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._task.cancel)


def follow(name: str, *, nats: str | BusOptions = "nats://127.0.0.1:4222", bus: Bus | None = None) -> Following:
    """Follow list `name`: `async for view in follow(name)`, or plain `for` outside of asyncio.

    `nats` is a URL or BusOptions; `bus` shares an open connection instead. Each view is a whole, proved list.
    Raises (when iterated) BusError if NATS cannot be reached, UnknownListError if nobody publishes the list.
    A link lost later is waited out: the view's state turns stale, then live again.
    """
    options = BusOptions(nats) if isinstance(nats, str) else nats
    return Following(name, options, bus)
