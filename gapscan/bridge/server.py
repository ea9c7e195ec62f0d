"""All clients of a bridge, and the task that sends to them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

from gapscan.bridge.alert_log import AlertLog
from gapscan.bridge.broadcast import Broadcaster
from gapscan.bridge.conflation import Conflation
from gapscan.bridge.encodings import Encoding, Message
from gapscan.bridge.fanout import Clock, Fanout
from gapscan.bridge.history import ListStatus, Position
from gapscan.bridge.limits import AUTH_SECONDS, PING_AFTER, SILENT_AFTER, Limits
from gapscan.bridge.session import BrowserSession, Cursors
from gapscan.bridge.ticks import Cells, joined
from gapscan.bridge.transport import SocketTransport
from gapscan.bridge.versions import VersionStore
from gapscan.bridge.views import ViewKey
from gapscan.lists.wish import WHOLE, Wish
from gapscan.obs import Tally
from gapscan.protocol.codes import NO_TOKEN, SHUTDOWN, SILENT
from gapscan.protocol.messages import Bars, Row
from gapscan.protocol.websocket import ListInfo, RefusedError
from gapscan.runtime import AdaptiveInterval

HEARTBEAT_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 0.01  # between looks at clients whose sockets are full
_DEFERRED_SECONDS: Final = 0.1  # between looks at clients whose answers wait
_CELLS: Final = ""  # the key of the aggregates; no list has this name


class BridgeServer:
    """Gets the lists' versions, and sends each client what it has not got, each list at the pace given."""

    def __init__(
        self,
        versions: VersionStore,
        pace: AdaptiveInterval,
        limits: Limits,
        tally: Tally,
        clock: Clock = time.monotonic,
        writer: Broadcaster | None = None,
    ) -> None:
        self.versions = versions
        self.limits = limits
        self.tally = tally
        self.clock = clock
        self.writer = writer or Broadcaster()
        self.alerts = AlertLog()
        self.sessions: set[BrowserSession] = set()
        self._wake = asyncio.Event()
        self._empty = asyncio.Event()  # set when a client was the last to leave
        self.fanout = Fanout(versions, limits.slow_after, tally, clock, self._wake.set, self.writer)
        self._pace = pace
        self._conflation = Conflation(pace.seconds)
        self._unsent: dict[str, float] = {}  # when the oldest change of a list was stored that is not sent yet
        self._cells = Cells()
        self._cell_readers: set[BrowserSession] = set()
        self.cell_readers_changed = asyncio.Event()  # whoever waits for it clears it first

    # What the lists' side calls.

    def define(self, infos: Iterable[ListInfo]) -> None:
        """Say which lists there are."""
        if not self.versions.define(infos):
            return
        message = self.versions.lists_message()
        for session in self._greeted():
            session.send(message)
        for name in [name for name in self.fanout.subscribers if not self.versions.has(name)]:
            self._conflation.forget(name)
            self._unsent.pop(name, None)
            self.fanout.drop_list(name)

    def put(self, name: str, position: Position, as_of: int, rows: Sequence[Row], status: ListStatus) -> None:
        """A list as it stands now."""
        history = self.versions.histories.get(name)
        if history is None:
            return
        now = self.clock()
        before = history.status.stored_at
        history.set_status(status)
        self.versions.lateness = status.lateness
        if history.put(position, as_of, rows, now):
            if status.stored_at != before:  # a snapshot was not stored just now
                self._unsent.setdefault(name, status.stored_at)
            self._due(name, now)

    def lost(self, name: str) -> None:
        """A list is not followed at present."""
        if history := self.versions.histories.get(name):
            history.set_status(ListStatus(history.status.as_of, "stale", history.status.simulated))

    @property
    def wants_cells(self) -> bool:
        """Whether bars are of use to anybody."""
        return bool(self._cell_readers)

    def put_bars(self, bars: Bars) -> None:
        """Bars of hot symbols, for those who want single cells."""
        if self._cells.put(bars):
            self._due(_CELLS, self.clock())

    def due(self, key: str) -> None:
        """Something of a list is to be sent."""
        self._due(key, self.clock())

    def _due(self, key: str, now: float) -> None:
        self._conflation.changed(key, now)
        self._wake.set()

    # What a client's side calls.

    def enter(self, transport: SocketTransport, encoding: Encoding, *, authorized: bool) -> BrowserSession:
        """A new client."""
        session = BrowserSession(transport, encoding, self.limits, self.tally, self.clock(), authorized=authorized)
        self.sessions.add(session)
        self._empty.clear()
        self.tally.count("connects")
        return session

    def leave(self, session: BrowserSession) -> None:
        """A client's connection has ended."""
        session.gone()
        self.sessions.discard(session)
        self.want_cells(session, on=False)
        self.alerts.forget(session)
        self.fanout.forget(session)
        if not self.sessions:
            self._empty.set()

    def subscribe(self, session: BrowserSession, name: str, have: Position | None, wish: Wish = WHOLE) -> None:
        """Send what is wanted of `name` from `have` on, beginning with an answer in any case."""
        self.fanout.subscribe(session, ViewKey(name, wish), have)

    def unsubscribe(self, session: BrowserSession, names: Iterable[str]) -> None:
        """Send these no more."""
        self.fanout.unsubscribe(session, names)

    def drop_play(self, session: BrowserSession, name: str) -> None:
        """A client's play has ended."""
        self.fanout.unsubscribe(session, [name])
        self.versions.plays.pop(name, None)
        self._conflation.forget(name)

    def want_cells(self, session: BrowserSession, *, on: bool) -> None:
        """Send aggregates, or no more."""
        if on:
            self._cell_readers.add(session)
        else:
            self._cell_readers.discard(session)
        self.cell_readers_changed.set()

    def subscriptions(self) -> dict[str, int]:
        """How many clients each list has."""
        return {name: sum(map(len, alike.values())) for name, alike in self.fanout.subscribers.items()}

    @property
    def interval(self) -> float:
        """Seconds between two sendings of a list that goes on changing."""
        return self._pace.seconds

    @property
    def lagging(self) -> int:
        """How many clients have not taken all that is due."""
        return len(self.fanout.lagging)

    # The sending.

    async def run(self) -> None:
        """Send what is due, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._send())
            group.create_task(self._beat())

    async def _send(self) -> None:
        while True:
            await self._something_due()
            for key in self.pop_due():
                self.flush(key)
                await asyncio.sleep(0)  # whatever came in meanwhile has its turn between two lists
            self.retry()
            self._pace.observe(self.clock(), time.process_time())
            self._conflation.set_interval(self._pace.seconds)

    async def _something_due(self) -> None:
        due = self._conflation.next_due()
        waits = [due - self.clock()] if due is not None else []
        waits += [_RETRY_SECONDS] if self.fanout.lagging else []
        waits += [_DEFERRED_SECONDS] if self.fanout.deferred else []
        with suppress(TimeoutError):
            async with asyncio.timeout(min(waits, default=None)):
                await self._wake.wait()
        self._wake.clear()

    def pop_due(self) -> list[str]:
        """What is to be flushed now."""
        return self._conflation.pop_due(self.clock())

    def flush(self, key: str) -> None:
        """Send what a list's clients have not got."""
        if key == _CELLS:
            self._flush_cells()
        else:
            self.fanout.flush(key)
            if stored := self._unsent.pop(key, 0.0):
                self.versions.stored_to_sent.add(time.time() - stored)

    def retry(self) -> None:
        """Catch up with those who can take something again; close those who could not for too long."""
        self.fanout.retry()

    def _flush_cells(self) -> None:
        messages = self._cells.drain()
        made: dict[tuple[Encoding, tuple[ViewKey, ...]], bytes] = {}  # clients of the same lists share the bytes
        for session in self._cell_readers:
            if session.lists:
                key = session.encoding, session.views
                if key not in made:
                    made[key] = joined(messages, self._symbols(session.views), session.encoding)
                if made[key] and not session.write(made[key]):
                    self.tally.count("aggregates_skipped")

    def _symbols(self, views: Iterable[ViewKey]) -> set[str]:
        return {symbol for key in views for symbol in self.versions.symbols(key)}

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            self.beat()

    def beat(self) -> None:
        """Heartbeats, and a look after those who say nothing."""
        now = self.clock()
        self.versions.expire(now)
        overview = self.versions.overview_message()
        made: dict[Cursors, Message] = {}
        for session in tuple(self.sessions):
            if session.ending:
                continue
            if cursors := session.cursors():
                message = made.get(cursors)
                if message is None:
                    message = made[cursors] = self.versions.beat_message(cursors)
                # Where lists are quiet, it is the heartbeats that show who takes nothing.
                if not session.send(message):
                    self.fanout.lag(session, now)
            session.send_overview(overview)
            self._look_after(session, now)
        self.alerts.send()

    def beat_to(self, session: BrowserSession) -> None:
        """A heartbeat out of turn: a client that has just subscribed need not wait to know how its lists stand."""
        if cursors := session.cursors():
            session.send(self.versions.beat_message(cursors))

    def _look_after(self, session: BrowserSession, now: float) -> None:
        if not session.authorized and now - session.entered_at > AUTH_SECONDS:
            session.refuse(RefusedError(NO_TOKEN, "no token came"))
        elif session.encoding.ping is None:
            return
        elif now - session.active_at > SILENT_AFTER:
            self.fanout.expel(session, SILENT)
        elif now - session.active_at > PING_AFTER and not session.pinged:
            session.pinged = session.write(session.encoding.ping)

    async def close(self, seconds: float) -> None:
        """Close all clients, and wait until they are gone."""
        for session in self.sessions:
            session.close(SHUTDOWN)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds if self.sessions else 0):
                await self._empty.wait()
        for session in self.sessions:
            session.cut()

    def _greeted(self) -> list[BrowserSession]:
        return [session for session in self.sessions if session.authorized]
