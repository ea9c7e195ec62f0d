"""All WebSocket clients of a market: who may stay, what they want, and the task that sends it to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal

import msgspec
from aiohttp import WSMsgType, web

from gapscan.market.sessions import is_trading_day, new_york, next_trading_day, session_times
from gapscan.sim.driver import Driver
from gapscan.sim.events import Event, Interest, encode, status_frame
from gapscan.sim.faults import Faults
from gapscan.sim.market import SECOND_MS
from gapscan.sim.stream import Commands, StreamSession, socket_of

_FASTEST_ROUND = 0.01  # seconds between two rounds of sending, whatever the speed


class StreamOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`limit`: unsent bytes that make a client too slow. `kick`: who goes when a key connects too often."""

    connections_per_key: int = 1
    kick: Literal["new", "old"] = "new"
    limit: int = 8 << 20
    auth_timeout: float = 10.0


class StreamStats(msgspec.Struct):
    connections: int = 0
    open: int = 0
    rejected: int = 0
    slow: int = 0
    events: int = 0


class Hub:
    """Accepts connections on one path and sends each what it subscribed to."""

    def __init__(self, driver: Driver, faults: Faults, accepts: Callable[[str], bool], options: StreamOptions) -> None:
        self.stats = StreamStats()
        self._driver = driver
        self._faults = faults
        self._options = options
        self._commands = Commands(driver.market, faults, accepts, driver.plan)
        self.sessions: list[StreamSession] = []
        self._interest = Interest()
        self._wanted = asyncio.Event()
        driver.on_step = self._dispatch
        driver.crowded = lambda: any(session.crowded for session in self.sessions)

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one client until it goes."""
        socket = web.WebSocketResponse(compress=False, timeout=1.0, max_msg_size=1 << 20)
        await socket.prepare(request)
        session = StreamSession(socket, socket_of(request), self._faults, self._options.limit)
        self.sessions.append(session)
        self.stats.connections += 1
        session.send(status_frame("connected", "Connected Successfully"))
        try:
            await self._serve(session, socket)
        finally:
            self.sessions.remove(session)
            self.stats.slow += session.slow
            self._subscriptions_changed()
            if session.unsent:
                session.abort()
        return socket

    async def _serve(self, session: StreamSession, socket: web.WebSocketResponse) -> None:
        async with asyncio.TaskGroup() as group:
            writer = group.create_task(_write(session))
            deadline = group.create_task(self._require_auth(session))
            try:
                await self._read(session, socket)
                await self._finish(session, writer)
            finally:
                writer.cancel()
                deadline.cancel()

    async def _finish(self, session: StreamSession, writer: asyncio.Task[None]) -> None:
        """Let a close that is under way come to its end."""
        if session.closing:
            await asyncio.wait((writer,), timeout=2.0)

    async def _read(self, session: StreamSession, socket: web.WebSocketResponse) -> None:
        async for message in socket:
            await session.running.wait()
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                continue
            before = session.key
            self._commands.handle(session, message.data)
            if session.key != before:
                self._admit(session)
            self._subscriptions_changed()

    async def _require_auth(self, session: StreamSession) -> None:
        try:
            async with asyncio.timeout(self._options.auth_timeout):
                await session.authenticated.wait()
        except TimeoutError:
            session.close(1008, "not authenticated", status_frame("auth_timeout", "You did not authenticate in time."))

    def _admit(self, session: StreamSession) -> None:
        """Answer an accepted key; one connection too many is turned away, or takes the oldest one's place."""
        same = [s for s in self.sessions if s.key == session.key and not (s.closing or s.stalled)]
        fault = self._faults.take("ws_max_connections")
        if fault or self._turned_away(session, same):
            self.stats.rejected += 1
            session.leaves_after = fault.after if fault else ""
            if not session.leaves_after:
                session.turn_away()
                return
        session.send(status_frame("auth_success", "authenticated"))
        if self._faults.take("ws_abort"):
            session.abort()
        if fault := self._faults.take("ws_close"):
            session.close(fault.code, "")
        if self._faults.take("ws_stall"):
            session.stall()

    def _turned_away(self, session: StreamSession, same: list[StreamSession]) -> bool:
        if len(same) <= self._options.connections_per_key:
            return False
        if self._options.kick == "new":
            return True
        same[0].turn_away()
        self.stats.rejected += 1
        return False

    def faults_set(self) -> None:
        """Let faults that end connections hit the ones that are open."""
        for session in [session for session in self.sessions if session.key and not session.closing]:
            if self._faults.take("ws_abort"):
                session.abort()
            elif fault := self._faults.take("ws_close"):
                session.close(fault.code, "")
            elif self._faults.take("ws_max_connections"):
                session.turn_away()
            elif not session.stalled and self._faults.take("ws_stall"):
                session.stall()

    def faults_cleared(self) -> None:
        """Let stalled connections go on."""
        if not self._faults.active("ws_stall"):
            for session in self.sessions:
                if session.stalled:
                    session.resume()

    def _subscriptions_changed(self) -> None:
        interest = Interest()
        for session in self.sessions:
            if not session.closing:
                interest.include(session.interest)
        self._interest = interest
        self.stats.open = len(self.sessions)
        if interest:
            self._wanted.set()

    async def run(self) -> None:
        """Send events as market time passes. Costs nothing while nobody is subscribed."""
        while True:
            await self._wanted.wait()
            await self._driver.record(bool(self._interest))
            if not self._interest:
                self._wanted.clear()
                continue
            await self._driver.bring_up()
            self._dispatch()
            await asyncio.sleep(_FASTEST_ROUND)
            await self._driver.clock.sleep_until(self._next_round())

    def _next_round(self) -> int:
        """The market time at which there can be something to send again."""
        market = self._driver.market
        position = market.position
        pending = market.waiting or any(session.holds_late for session in self.sessions)
        if pending or market.trading:
            return position + SECOND_MS
        return market.next_stretch or next_pre_market(position)

    def _dispatch(self) -> None:
        market = self._driver.market
        events: list[Event] = []
        for batch in market.batches_at(market.position):
            events += encode(market, batch, self._interest)
        for session in self.sessions:
            if not session.closing:
                session.publish_late(market.position)
                self.stats.events += session.publish(events, market.position)

    async def close(self) -> None:
        """Say goodbye to everybody."""
        for session in self.sessions:
            session.close(1001, "server is going away")
        for _ in range(100):
            if not self.sessions:
                return
            await asyncio.sleep(0.01)
        for session in list(self.sessions):
            session.abort()


async def _write(session: StreamSession) -> None:
    try:
        await session.write()
    except (ConnectionError, RuntimeError):
        session.abort()


def next_pre_market(moment: int) -> int:
    """The next start of a pre-market session after `moment`, in epoch ms."""
    date = new_york(moment).date()
    if is_trading_day(date) and moment < session_times(date).pre:
        return session_times(date).pre
    return session_times(next_trading_day(date)).pre
