"""The hot set on NATS: its one writer, and how anybody reads it.

The value in the bucket is the set at one sequence of the command stream; the commands after that sequence lead on
from it. The commands of one change are stored first, and the value right after the last of them: it is never ahead of
the stream, and a reader who hears of a command finds it in the value a moment later.
"""

from __future__ import annotations

from typing import Final

from gapscan.bus import keyvalue
from gapscan.bus.client import Bus
from gapscan.bus.direct_get import Stored, confirmed_from
from gapscan.bus.fenced import Attempt, FencedStream, FencedValue
from gapscan.bus.topology import Retention, commands_config, ensure
from gapscan.errors import ProtocolError, StreamLostError
from gapscan.lists.hot_set import changes, commands, obey
from gapscan.obs import logger
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as, encode
from gapscan.protocol.messages import FeedCommand, HotSet

BATCH: Final = 500  # symbols in a command: about 5 kB
_REPLAY_BATCH: Final = 1000
_ID_PREFIX: Final = "hot"

_log = logger("hot")


async def read_hot_set(bus: Bus) -> HotSet | None:
    """The hot set as its writer stored it last, or None. Raises BusError, or ProtocolError for anything else."""
    return _decoded(await keyvalue.get(bus, bus.names.bucket_hot, names.HOT_KEY))


def _decoded(stored: Stored | None) -> HotSet | None:
    """None also for the marker of a value that was deleted."""
    return decode_as(HotSet, stored.data) if stored and stored.data else None


class HotPublisher:
    """Publishes the hot set. `symbols` and `sequence` are what is stored, never what was merely decided.

    After a FencedError it belongs to another writer: publish no more.
    """

    def __init__(self, bus: Bus) -> None:
        self.symbols: set[str] = set()
        self.sequence = 0
        self.as_of = 0  # of the last change
        self.published = 0
        self._bus = bus
        self._commands = FencedStream(bus, bus.names.stream_commands, bus.names.feed_command, "commands to the feed")
        self._value = FencedValue(bus, bus.names.bucket_hot, names.HOT_KEY, "the hot set")
        self._value_sequence = -1
        self._pending: tuple[Attempt, FeedCommand] | None = None  # stored or not: not known yet
        self._retention = Retention()
        self._unsettled = False  # the stream was lost, and what came of making it anew is not known

    @property
    def adopted(self) -> int:
        """Commands that were stored although their acknowledgement was lost."""
        return self._commands.adopted

    async def recover(self, retention: Retention) -> None:
        """Continue where the stream ends: the stored set plus the commands after it.

        When that cannot be had exactly (the stream is behind the set: a server that lost its disk; or commands
        were trimmed before the set was stored), what is known of the set is commanded and stored anew. Then
        whoever obeys the commands has at least that set, and whoever takes the value has exactly it.

        Raises BusError, or TopologyError for a stream of another kind.
        """
        self._pending, self._retention = None, retention
        info = await ensure(self._bus, commands_config(self._bus.names, retention))
        last = info.state.last_seq
        stored = await self._stored()
        self._value_sequence = stored.sequence if stored else -1
        self.symbols, self.as_of = (set(stored.symbols), stored.as_of) if stored else (set(), 0)
        behind = stored is not None and stored.sequence > last
        self.sequence = stored.sequence if stored and not behind else 0
        if not await self._replay(last) or behind:
            await self._command_anew()
        await self._store_value()

    async def _stored(self) -> HotSet | None:
        try:
            return _decoded(await self._value.read())
        except ProtocolError as error:
            _log.warning("stored hot set is unreadable, taking the commands alone", extra={"why": error})
            return None

    async def _replay(self, last: int) -> bool:
        """Obey the commands up to `last`; False when some are missing or unreadable."""
        exact = True
        while self.sequence < last:
            batch = await confirmed_from(self._bus, self._bus.names.stream_commands, self.sequence + 1, _REPLAY_BATCH)
            for stored in batch:
                exact &= self._obey(stored.data) and stored.sequence == self.sequence + 1
                self.sequence = stored.sequence
            if not batch:
                self.sequence, exact = last, False
        return exact

    def _obey(self, data: bytes) -> bool:
        try:
            obey(self.symbols, decode_as(FeedCommand, data))
        except ProtocolError:
            return False
        return True

    async def _command_anew(self) -> None:
        _log.warning("the hot set cannot be continued exactly: commanding all of it", extra={"sequence": self.sequence})
        for command in commands(changes(set(), self.symbols), BATCH):
            await self._store(command)
        self._value_sequence = -1

    async def publish(self, symbols: set[str], as_of: int) -> bool:
        """Command what leads from the stored set to `symbols`, then store the set; False when nothing does.

        A stream of commands that is gone is made anew. Raises FencedError when another writer owns the set, BusError
        when NATS did not take it: the same call may then be repeated with a newer set, and loses nothing.
        """
        if not self._unsettled:
            try:
                return await self._publish(symbols, as_of)
            except StreamLostError as error:
                _log.warning("%s, making it anew", error.message)
                self._unsettled = True
        await self.recover(self._retention)
        self._unsettled = False
        return await self._publish(symbols, as_of)

    async def _publish(self, symbols: set[str], as_of: int) -> bool:
        if self._pending is not None:
            await self._settle(*self._pending)
        todo = commands(changes(self.symbols, symbols), BATCH)
        for command in todo:
            self.as_of = as_of
            await self._store(command)
        await self._store_value()
        return bool(todo)

    async def _store(self, command: FeedCommand) -> None:
        attempt = self._commands.attempt(self.sequence, encode(command), _ID_PREFIX)
        self._pending = attempt, command
        await self._settle(attempt, command)

    async def _settle(self, attempt: Attempt, command: FeedCommand) -> None:
        await self._commands.store(attempt)
        self._pending = None
        obey(self.symbols, command)
        self.sequence = attempt.prev + 1
        self.published += 1

    async def restore(self) -> None:
        """Store the set again if somebody deleted it. Raises FencedError when another writer changed it, BusError."""
        if self._value_sequence >= 0 and await self._value.read_own() is None:
            self._value_sequence = -1
            await self._store_value()

    async def _store_value(self) -> None:
        if self._value_sequence == self.sequence:
            return
        await self._value.put(encode(HotSet(self.sequence, self.as_of, sorted(self.symbols))))
        self._value_sequence = self.sequence
