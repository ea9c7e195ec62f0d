"""The hot set as the feed has it: the value in the bucket is what is desired, a command says that it is another now.

The hot manager stores the value right after its commands, so a value that is behind a command is read again at once.
The feed reconciles its topics with the whole set anyway; nothing hangs on having heard of every command.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Set
from contextlib import asynccontextmanager, suppress
from typing import Final

from nats.aio.msg import Msg
from nats.js.errors import NotFoundError

from gapscan.bus.client import NATS_ERRORS, Bus, translated
from gapscan.bus.hotset import read_hot_set
from gapscan.errors import BusError, ProtocolError
from gapscan.obs import Tally
from gapscan.protocol import names
from gapscan.protocol.messages import HotSet
from gapscan.runtime import Backoff
from gapscan.service.retrying import RETRY_FIRST, RETRY_LIMIT

CHECK_SECONDS: Final = 5.0  # between two reads, while no command comes
_PAUSES: Final = (0.0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)  # before each read of a value that is behind
_OLD_DURABLE: Final = "feed"  # the consumer of feeds that followed command by command


class HotFollower:
    """Reads the hot set on every command, on the link's return and every CHECK_SECONDS; `on_change` gets each new one.

    `symbols` and `sequence` are of the set that was read last. It stays while there is no value, or one that cannot be
    read: better an old set than none.
    """

    def __init__(self, bus: Bus, tally: Tally, on_change: Callable[[Set[str]], None]) -> None:
        self.sequence = 0
        self.symbols: frozenset[str] = frozenset()
        self._expected: int | None = None  # the sequence of a command whose value was not read yet
        self._check = asyncio.Event()
        self._bus = bus
        self._tally = tally
        self._on_change = on_change

    async def run(self) -> None:
        """Follow for ever; the loss of NATS is waited out."""
        backoff = Backoff(RETRY_FIRST, RETRY_LIMIT)
        while True:
            try:
                async with self._listening():
                    await self._delete_old_consumer()
                    await self._follow(backoff)
            except BusError as error:
                self._tally.trouble("hot_set_unavailable", f"the hot set cannot be read: {error.message}")
                await asyncio.sleep(backoff.next())

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        """Hear of commands, and of the link: a server that is back may have another set than before."""
        try:
            subscription = await self._bus.nc.subscribe(self._bus.names.feed_command, cb=self._on_command)
        except NATS_ERRORS as error:
            raise translated(error, "subscribing to the commands") from error
        stop_listening = self._bus.on_link_change(self._check.set)
        try:
            yield
        finally:
            stop_listening()
            await self._bus.unsubscribe(subscription)

    async def _on_command(self, message: Msg) -> None:
        """Its own sequence follows the one that it expects; a command without is one more than what is known."""
        expects = (message.headers or {}).get(names.HEADER_EXPECTED_SEQUENCE, "")
        self._expected = (int(expects) if expects.isdecimal() else self.sequence) + 1
        self._check.set()

    async def _delete_old_consumer(self) -> None:
        try:
            await self._bus.js.delete_consumer(self._bus.names.stream_commands, _OLD_DURABLE)
        except NotFoundError:
            return
        except NATS_ERRORS as error:
            raise translated(error, "deleting the old consumer of commands") from error

    async def _follow(self, backoff: Backoff) -> None:
        while True:
            self._check.clear()
            await self._read()
            backoff.reset()
            with suppress(TimeoutError):
                async with asyncio.timeout(CHECK_SECONDS):
                    await self._check.wait()

    async def _read(self) -> None:
        """Read until the value is as new as the newest command. Tried for about a second: then it is what it is."""
        for pause in _PAUSES:
            await asyncio.sleep(pause)
            hot = await self._stored()
            if self._is_current(hot):
                break
        else:
            self._tally.count("hot_set_behind")
        self._expected = None
        if hot is not None:
            self._set(hot)

    def _is_current(self, hot: HotSet | None) -> bool:
        if self._expected is None:  # what is lower than before is of a replica that is behind, or of a new stream
            return hot is None or hot.sequence >= self.sequence
        if hot is None:
            return False
        if self._expected > self.sequence:
            return hot.sequence >= self._expected
        return hot.sequence != self.sequence  # the stream was made anew, and its value is another, too

    def _set(self, hot: HotSet) -> None:
        self.sequence = hot.sequence
        symbols = frozenset(hot.symbols)
        if symbols != self.symbols:
            self.symbols = symbols
            self._on_change(symbols)

    async def _stored(self) -> HotSet | None:
        try:
            return await read_hot_set(self._bus)
        except ProtocolError as error:
            self._tally.trouble("bad_hot_set", f"the stored hot set cannot be read: {error}")
            return None
