"""The loop that follows one list: subscribe, apply deltas, repair holes, yield a view after each change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from nats.aio.msg import Msg

from gapscan.bus.client import NATS_ERRORS, Bus, translated
from gapscan.bus.definitions import definition_subject, is_removed
from gapscan.bus.direct_get import NoStreamError
from gapscan.client.beat_fence import BeatFence
from gapscan.client.replica import Replica
from gapscan.client.view import UNKNOWN, Lateness, ListView, stored_at
from gapscan.errors import BusError, ProtocolError, UnknownListError
from gapscan.obs import logger
from gapscan.protocol import names
from gapscan.protocol.codec import decode
from gapscan.protocol.lists import HEARTBEAT_SECONDS
from gapscan.protocol.messages import Delta, Heartbeat, State

SILENCE_SECONDS: Final = 3 * HEARTBEAT_SECONDS  # without a heartbeat for this long, a list is not live
RETRY_SECONDS: Final = 0.25  # between two attempts to repair a copy
INBOX_SIZE: Final = 4096  # messages not yet handled; what comes on top is dropped, and found as a hole

_log = logger("follow")


class Follower:
    """Keeps an exact copy of one list over a connection that somebody else owns."""

    def __init__(self, bus: Bus, name: str) -> None:
        self.name = names.check_list_name(name)
        self._bus = bus
        self._definition = definition_subject(bus, name)
        self._replica = Replica(bus, name)
        self._state: State = "stale"
        self._fence = BeatFence()
        self._of_other_epoch: Heartbeat | None = None  # the latest one, to be judged when the copy has its epoch
        self._lateness = UNKNOWN
        self._stored_at = 0.0
        self._inbox: asyncio.Queue[Msg | None] = asyncio.Queue(INBOX_SIZE)

    async def views(self) -> AsyncGenerator[ListView, None]:
        """A view after each change; when the consumer is slow, several deltas come as one view.

        Raises UnknownListError when nobody publishes the list, or when it is removed, BusError when NATS is away
        at the start, ProtocolError when the first snapshot cannot be used; later losses of the link are waited out.
        """
        async with self._listening():
            await self._replica.load_snapshot()
            last = self.view()
            yield last
            while True:
                await self._step()
                view = self.view()
                if view != last:
                    last = view
                    yield view

    def view(self) -> ListView:
        """The copy as it is now."""
        copy = self._replica.copy
        return ListView(
            list=self.name,
            epoch=copy.epoch,
            sequence=copy.sequence,
            as_of=max(copy.as_of, self._fence.as_of),
            rows=tuple(copy.rows),
            state=self._state,
            simulated=self._replica.simulated,
            link=self._replica.stats,
            lateness=self._lateness,
            stored_at=self._stored_at,
        )

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        """Subscribe before anything is read, so that nothing falls between snapshot and live deltas."""
        nc = self._bus.nc
        try:
            subscriptions = [
                await nc.subscribe(subject, cb=self._on_message)
                for subject in (
                    self._bus.names.live_subject(self.name),
                    self._bus.names.heartbeat_subject(self.name),
                    self._definition,
                )
            ]
        except NATS_ERRORS as error:
            raise translated(error, f"subscribing to {self.name}") from error
        stop_listening = self._bus.on_link_change(self._on_link_change)
        try:
            yield
        finally:
            stop_listening()
            await self._bus.unsubscribe(*subscriptions)

    async def _on_message(self, message: Msg) -> None:
        self._put(message)

    def _on_link_change(self) -> None:
        self._put(None)

    def _put(self, item: Msg | None) -> None:
        try:
            self._inbox.put_nowait(item)
        except asyncio.QueueFull:
            self._replica.count(dropped=1)

    async def _step(self) -> None:
        """Wait for a message, a change of the link or a timeout; handle all that is in the inbox; repair."""
        try:
            async with asyncio.timeout(RETRY_SECONDS if self._replica.due else SILENCE_SECONDS):
                item = await self._inbox.get()
        except TimeoutError:
            if not self._replica.due:
                self._state = "stale"
                await self._check_defined()
                self._bus.health.heard_nothing(SILENCE_SECONDS)
        else:
            await self._handle(item)
            while not self._inbox.empty():
                await self._handle(self._inbox.get_nowait())
        if self._replica.due:
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
            self._replica.count(malformed=1)
            _log.debug("%s", error, extra={"list": self.name})
            return
        if isinstance(message, Delta):
            headers = item.headers or {}
            self._replica.offer(message, int(headers.get(names.HEADER_SEQUENCE, 0)))
            self._stored_at = stored_at(headers) or self._stored_at
        elif isinstance(message, Heartbeat):
            self._handle_heartbeat(message)

    def _link_changed(self) -> None:
        if self._bus.connected:
            self._replica.request_fill()
        else:
            self._state = "stale"

    def _handle_heartbeat(self, beat: Heartbeat) -> None:
        self._bus.health.heard()
        if self._replica.observe(beat):
            self._of_other_epoch = None
            if self._fence.admits(beat, self._replica.copy):
                self._state, self._lateness = beat.shown, Lateness.of(beat)
                self._replica.check_rewound(beat)
        else:
            self._of_other_epoch = beat

    async def _repair(self) -> None:
        """Fetch what is missing. What fails stays due and is retried after RETRY_SECONDS."""
        try:
            await self._replica.repair()
        except (BusError, ProtocolError, UnknownListError) as error:
            self._state = "stale"
            _log.debug("repair failed: %s", error, extra={"list": self.name})
            if isinstance(error, UnknownListError | NoStreamError):
                await self._check_defined()
        else:
            self._handle_fetched_epoch()

    def _handle_fetched_epoch(self) -> None:
        """The heartbeat whose epoch was fetched counts now. A zombie's is of an epoch that has gone."""
        beat, self._of_other_epoch = self._of_other_epoch, None
        if beat is not None and beat.epoch == self._replica.copy.epoch:
            self._handle_heartbeat(beat)

    async def _check_defined(self) -> None:
        """Raise UnknownListError when the list was removed, and the message that said so was lost."""
        with suppress(BusError):
            if self._bus.connected and await is_removed(self._bus, self.name):
                raise self._removed()

    def _removed(self) -> UnknownListError:
        return UnknownListError(f"list {self.name} was removed", remedy="`gapscan lists` shows what there is")
