"""The feed's exact copy of the hot set: what the bucket holds plus the later commands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Set
from contextlib import asynccontextmanager, suppress
from enum import Enum
from typing import Final

from nats.aio.msg import Msg
from nats.js import JetStreamContext, api
from nats.js.errors import NotFoundError

from gapscan.bus.client import NATS_ERRORS, Bus, translated
from gapscan.bus.direct_get import Stored, get_from
from gapscan.bus.hotset import read_hot_set
from gapscan.errors import BusError, ProtocolError
from gapscan.lists.hot_set import obey
from gapscan.obs import Tally
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import FeedCommand, HotSet
from gapscan.runtime import Backoff
from gapscan.service.common import RETRY_FIRST, RETRY_LIMIT

DURABLE: Final = "feed"

_ACK_SECONDS: Final = 10.0
_FETCH_SECONDS: Final = 1.0
_FETCH_MOST: Final = 100
_REPLAY_BATCH: Final = 1000
_RELOAD_SECONDS: Final = 5.0  # between two looks for a hot set, while there is none to build on


class Fit(Enum):
    """What became of a command."""

    APPLIED = "applied"
    OLD = "old"
    HOLE = "hole"


class HotCopy:
    """The hot set as it stands at `sequence` of the command stream."""

    def __init__(self) -> None:
        self.symbols: set[str] = set()
        self.sequence = 0

    def load(self, symbols: Iterable[str], sequence: int) -> None:
        """Begin anew."""
        self.symbols, self.sequence = set(symbols), sequence

    def take(self, command: FeedCommand | None, sequence: int) -> Fit:
        """Apply the command with this sequence, if it is the next one. None: one that cannot be read."""
        if sequence <= self.sequence:
            return Fit.OLD
        if sequence != self.sequence + 1:
            return Fit.HOLE
        self.sequence = sequence
        if command is not None:
            obey(self.symbols, command)
        return Fit.APPLIED


class HotFollower:
    """Keeps the copy; `on_change` gets the set whenever it may have changed. A command is acknowledged once applied.

    What is read from the stream directly comes again through the consumer, and is skipped by its sequence.
    """

    def __init__(self, bus: Bus, tally: Tally, on_change: Callable[[Set[str]], None]) -> None:
        self.copy = HotCopy()
        self._bus = bus
        self._tally = tally
        self._on_change = on_change
        self._loop = asyncio.get_running_loop()
        self._reload_at: float | None = 0.0  # loop time; None: not due

    async def run(self) -> None:
        """Follow for ever; the loss of NATS is waited out."""
        backoff = Backoff(RETRY_FIRST, RETRY_LIMIT)
        stop_listening = self._bus.on_link_change(self._link_changed)
        try:
            while True:
                try:
                    await self._follow(backoff)
                except BusError as error:
                    self._tally.trouble("hot_set_unavailable", f"the hot set cannot be followed: {error.message}")
                    self._reload_at = 0.0
                    await asyncio.sleep(backoff.next())
        finally:
            stop_listening()

    def _link_changed(self) -> None:
        # The server may have come back with less than it had: nothing that was known counts.
        self._reload_at = 0.0

    async def _follow(self, backoff: Backoff) -> None:
        await self._reload_if_due()
        try:
            async with self._consumer() as consumer:
                pending = 1
                while True:
                    await self._reload_if_due()
                    pending = await self._fetch(consumer, pending)
                    backoff.reset()
        except NATS_ERRORS as error:
            raise translated(error, "following the commands") from error

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[JetStreamContext.PullSubscription]:
        js, stream = self._bus.js, names.STREAM_COMMANDS
        try:
            await js.consumer_info(stream, DURABLE)
        except NotFoundError:
            await self._reload()
            await js.add_consumer(stream, _consumer_config(self.copy.sequence))
            # If the stream was made anew, the bucket may have had the set of the old one until now.
            self._reload_at = self._loop.time() + _RELOAD_SECONDS
        subscription = await js.pull_subscribe_bind(DURABLE, stream)
        try:
            yield subscription
        finally:
            with suppress(*NATS_ERRORS):
                await subscription.unsubscribe()

    async def _fetch(self, consumer: JetStreamContext.PullSubscription, pending: int) -> int:
        """Take in what has come, within a second; how many more the server has."""
        try:
            # Never more than are there: the library would hold back the first while it waits for the rest.
            messages = await consumer.fetch(min(max(1, pending), _FETCH_MOST), timeout=_FETCH_SECONDS)
        except TimeoutError:
            return 1
        for message in messages:
            await self._take(message)
            pending = message.metadata.num_pending
        return pending

    async def _take(self, message: Msg) -> None:
        sequence = message.metadata.sequence.stream
        fit = self.copy.take(self._command(message.data), sequence)
        if fit is Fit.APPLIED:
            self._on_change(self.copy.symbols)
        elif fit is Fit.HOLE:
            self._tally.count("command_holes")
            await self._reload()
        else:
            self._tally.count("commands_again")
        await message.ack()

    def _command(self, data: bytes) -> FeedCommand | None:
        try:
            return decode_as(FeedCommand, data)
        except ProtocolError as error:
            self._tally.trouble("bad_commands", f"a command cannot be read: {error}")
            self._reload_at = self._loop.time() + _RELOAD_SECONDS
            return None

    async def _reload_if_due(self) -> None:
        if self._reload_at is not None and self._loop.time() >= self._reload_at:
            await self._reload()

    async def _reload(self) -> None:
        """Begin anew from the bucket, and go on to the stream's end. Raises BusError."""
        hot = await self._stored_set()
        if hot and hot.sequence > await self._last_sequence():
            self._on_change(set(hot.symbols))  # better an old set than none
            raise BusError("the stream of commands is behind the stored hot set, which is of another one")
        commands = await get_from(self._bus, names.STREAM_COMMANDS, (hot.sequence if hot else 0) + 1, _REPLAY_BATCH)
        self._reload_at = None if hot else self._loop.time() + _RELOAD_SECONDS
        if hot:
            self.copy.load(hot.symbols, hot.sequence)
        else:
            # Without any set, commands from the first one on are one; without those, better an old set than none.
            self.copy.load(() if commands else self.copy.symbols, 0)
        while commands:
            self._replay(commands)
            commands = await get_from(self._bus, names.STREAM_COMMANDS, self.copy.sequence + 1, _REPLAY_BATCH)
        self._on_change(self.copy.symbols)

    async def _last_sequence(self) -> int:
        try:
            return (await self._bus.js.stream_info(names.STREAM_COMMANDS)).state.last_seq
        except NATS_ERRORS as error:
            raise translated(error, "looking at the commands") from error

    async def _stored_set(self) -> HotSet | None:
        try:
            return await read_hot_set(self._bus)
        except ProtocolError as error:
            self._tally.trouble("bad_hot_set", f"the stored hot set cannot be read: {error}")
            return None

    def _replay(self, commands: list[Stored]) -> None:
        for stored in commands:
            command = self._command(stored.data)
            if self.copy.take(command, stored.sequence) is Fit.HOLE:
                self._tally.trouble("commands_lost", "commands are gone from the stream; the hot set may be off")
                self._reload_at = self._loop.time() + _RELOAD_SECONDS
                self.copy.sequence = stored.sequence - 1
                self.copy.take(command, stored.sequence)


def _consumer_config(after: int) -> api.ConsumerConfig:
    return api.ConsumerConfig(
        durable_name=DURABLE,
        deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=after + 1,
        ack_policy=api.AckPolicy.EXPLICIT,
        ack_wait=_ACK_SECONDS,
        filter_subject=names.FEED_COMMAND,
    )
