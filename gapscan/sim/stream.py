"""One WebSocket client of the market: authentication, topics, and what is still to be sent to it."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from collections.abc import Callable

import msgspec
from aiohttp import WSMsgType, web

from gapscan.sim.account import FULL, AccountPlan
from gapscan.sim.events import KINDS, Event, Interest, frame, status_frame
from gapscan.sim.faults import Faults
from gapscan.sim.market import Market

log = logging.getLogger(__name__)

EVENTS_PER_FRAME = 250
_LATE_FRAMES = 2_000
_KERNEL_BUFFER = 1 << 17
_BAD_EVENT = b'{"ev":"A","sym":null,"v":"many","s":-1}'
_BAD_FRAME = b'[{"ev":"A","sym":'
_TOO_MANY = status_frame("max_connections", "Maximum number of websocket connections exceeded.")


class Command(msgspec.Struct):
    action: str
    params: str = ""


class StreamSession:
    """A connection. `send` and `publish` only queue; one task writes.

    What is queued or unwritten stays below `limit` bytes: a client that lags further is told so and
    closed with 1008.
    """

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport, faults: Faults, limit: int) -> None:
        self.interest = Interest()
        self.key: str | None = None
        self.authenticated = asyncio.Event()
        self.running = asyncio.Event()
        self.running.set()
        self.slow = False
        self.leaves_after = ""  # with its first subscribe: the `after` of ws_max_connections
        self._socket = socket
        self._transport = transport
        self._faults = faults
        self._limit = limit
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._filled = asyncio.Event()
        self._closing: tuple[int, str] | None = None
        self._late: deque[tuple[int, bytes]] = deque(maxlen=_LATE_FRAMES)

    @property
    def unsent(self) -> int:
        """Bytes queued here or in the socket's buffer."""
        return self._queued + self._transport.get_write_buffer_size()

    @property
    def crowded(self) -> bool:
        return not self.slow and self.unsent > self._limit / 2

    @property
    def closing(self) -> bool:
        return self._closing is not None

    @property
    def stalled(self) -> bool:
        return not self.running.is_set()

    def stall(self) -> None:
        """Neither read nor write from now on."""
        self.running.clear()
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read and write again."""
        self.running.set()
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def send(self, data: bytes) -> None:
        """Queue one frame."""
        if self._closing:
            return
        if self.unsent + len(data) > self._limit:
            self._too_slow()
            return
        self._queue.append(data)
        self._queued += len(data)
        self._filled.set()

    def close(self, code: int, reason: str, last: bytes | None = None) -> None:
        """Close after what is queued, and after `last`."""
        if last is not None:
            self.send(last)
        self._closing = self._closing or (code, reason)
        self._filled.set()

    def turn_away(self) -> None:
        """Close, for the key has a connection too many."""
        self.close(1008, "max connections", _TOO_MANY)

    def abort(self) -> None:
        """End the link at once, without a close frame."""
        self._transport.abort()

    def _too_slow(self) -> None:
        log.warning("sim: a client did not keep up: %d bytes unsent", self.unsent)
        self.slow = True
        self._queue.clear()
        self._queue.append(status_frame("error", "disconnected: slow consumer"))
        self._queued = 0
        self.close(1008, "slow consumer")

    def publish(self, events: list[Event], moment: int) -> int:
        """Queue the events that this client wants; returns how many."""
        wanted = [event for event in events if self.interest.wants(event.kind, event.place)]
        for start in range(0, len(wanted), EVENTS_PER_FRAME):
            self._publish_frame(wanted[start : start + EVENTS_PER_FRAME], moment)
        return len(wanted)

    def publish_late(self, moment: int) -> None:
        """Queue once more what a fault held back for repetition until now."""
        while self._late and self._late[0][0] <= moment:
            self.send(self._late.popleft()[1])

    @property
    def holds_late(self) -> bool:
        return bool(self._late)

    def _publish_frame(self, events: list[Event], moment: int) -> None:
        faults = self._faults
        if faults.take("ws_silent"):
            return
        parts = [event.data for event in events]
        bars = [event.data for event in events if event.kind in ("A", "AM")]
        if (late := faults.active("ws_late")) and bars:
            self._late.append((moment + int(late.minutes * 60_000), frame(bars)))
        if garbage := faults.take("ws_garbage"):
            if garbage.kind == "text":
                self.send(_BAD_FRAME)
            else:
                parts.insert(len(parts) // 2, _BAD_EVENT)
        self.send(frame(parts))
        if bars and faults.take("ws_duplicates"):
            self.send(frame(bars))

    async def write(self) -> None:
        """Write what is queued until the session is closed."""
        while True:
            await self._filled.wait()
            await self.running.wait()
            self._filled.clear()
            while self._queue:
                data = self._queue.popleft()
                self._queued = max(self._queued - len(data), 0)
                await self.running.wait()
                await self._socket.send_frame(data, WSMsgType.TEXT)
            if self._closing:
                code, reason = self._closing
                await self._socket.close(code=code, message=reason.encode(), drain=False)
                return


class Commands:
    """What clients may ask for: auth, subscribe, unsubscribe."""

    def __init__(
        self, market: Market, faults: Faults, accepts: Callable[[str], bool], plan: AccountPlan = FULL
    ) -> None:
        self._market = market
        self._faults = faults
        self._accepts = accepts
        self._plan = plan
        self._decoder = msgspec.json.Decoder(Command)

    def handle(self, session: StreamSession, text: str | bytes) -> None:
        """Carry out one message and queue the answers. `session.key` is set by an accepted key."""
        try:
            command = self._decoder.decode(text)
        except msgspec.MsgspecError:
            session.send(status_frame("error", "could not parse the message"))
            return
        if command.action == "auth":
            self._authenticate(session, command.params)
        elif session.key is None:
            session.send(status_frame("auth_required", "authenticate first"))
        elif command.action in ("subscribe", "unsubscribe"):
            self._change_all(session, command)
        else:
            session.send(status_frame("error", f"unknown action: {command.action}"))

    def _authenticate(self, session: StreamSession, key: str) -> None:
        if self._faults.take("ws_auth_failure") or not self._accepts(key):
            session.close(1008, "authentication failed", status_frame("auth_failed", "authentication failed"))
        elif session.key is None:
            session.key = key
            session.authenticated.set()

    def _change_all(self, session: StreamSession, command: Command) -> None:
        leaves_after = session.leaves_after if command.action == "subscribe" else ""
        if leaves_after != "auth":
            for topic in filter(None, (part.strip() for part in command.params.split(","))):
                self._change(session, command.action, topic)
        if leaves_after:
            session.turn_away()

    def _change(self, session: StreamSession, action: str, topic: str) -> None:
        known, kind, place = self._parse(topic)
        subscribing = action == "subscribe"
        if subscribing and self._faults.hits_topic("ws_lost_subscribe", topic):
            return
        refused = self._faults.hits_topic("ws_refused", topic) or not self._plan.gives(kind) if subscribing else False
        if not known or refused:
            session.send(status_frame("error", f"{action} failed: unknown or refused topic: {topic}"))
            return
        (session.interest.add if subscribing else session.interest.remove)(kind, place)
        session.send(status_frame("success", f"{action}d to: {topic}"))

    def _parse(self, topic: str) -> tuple[bool, str, int | None]:
        """Whether the topic exists, its kind, and its symbol's place: None for all symbols."""
        kind, _, symbol = topic.partition(".")
        if kind not in KINDS or not symbol:
            return False, kind, None
        place = None if symbol == "*" else self._market.place.get(symbol)
        return symbol == "*" or place is not None, kind, place


def socket_of(request: web.Request) -> asyncio.Transport:
    """The connection's transport. What the kernel holds is unsent too, so it gets little room."""
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the client left during the handshake")
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BUFFER)
    return transport
