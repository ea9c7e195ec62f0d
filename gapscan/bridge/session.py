"""One WebSocket client: its cursors, and writing to it.

Frames are made once for all clients and written straight to each transport: no wake-up, no queue and no framing per
client. What cannot be written now is not kept; the client's cursor stays, and leads on from there later.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from gapscan.bridge.frames import close_frame, text_frame
from gapscan.bridge.hub import Position
from gapscan.bridge.limits import BUFFER_BYTES, Allowance, Limits
from gapscan.obs import Tally
from gapscan.protocol import websocket
from gapscan.protocol.websocket import CloseCode, Error, RefusedError

CLOSE_SECONDS: Final = 1.0  # for the client to answer a close; then the connection is cut
_NORMAL: Final = 1000


class Transport(Protocol):
    """What a session needs of an asyncio transport."""

    def write(self, data: bytes) -> None: ...
    def get_write_buffer_size(self) -> int: ...
    def is_closing(self) -> bool: ...
    def abort(self) -> None: ...


class Session:
    """What is known of one client. `owed` are lists that it waits for an answer about."""

    __slots__ = (
        "_cut",
        "_tally",
        "_transport",
        "allowance",
        "authorized",
        "blocked_since",
        "closed",
        "cursors",
        "entered_at",
        "heard_at",
        "owed",
        "pinged",
        "wants_cells",
    )

    def __init__(self, transport: Transport, limits: Limits, tally: Tally, now: float, *, authorized: bool) -> None:
        self.cursors: dict[str, Position | None] = {}
        self.owed: set[str] = set()
        self.wants_cells = False
        self.authorized = authorized
        self.allowance = Allowance(limits.messages_per_second, now)
        self.entered_at = self.heard_at = now
        self.pinged = False
        self.blocked_since: float | None = None
        self.closed = False
        self._transport = transport
        self._tally = tally
        self._cut: asyncio.TimerHandle | None = None

    @property
    def writable(self) -> bool:
        """Whether the client takes what it is sent."""
        return not self.ending and self._transport.get_write_buffer_size() < BUFFER_BYTES

    @property
    def ending(self) -> bool:
        """Whether the connection is closed or about to be; a transport may raise when it is used then."""
        return self.closed or self._transport.is_closing()

    def write(self, frame: bytes) -> bool:
        """Send `frame`, unless the client is behind with what it was sent; False then."""
        transport = self._transport
        if self.closed or transport.is_closing() or transport.get_write_buffer_size() >= BUFFER_BYTES:
            return False
        transport.write(frame)
        counts = self._tally.counts
        counts["frames"] += 1
        counts["bytes"] += len(frame)
        return True

    def heard(self, now: float) -> None:
        """The client has said something."""
        self.heard_at = now
        self.pinged = False

    def refuse(self, refusal: RefusedError) -> None:
        """Answer with an error; some of them end the connection."""
        kind = refusal.error
        self._tally.count(f"error.{kind.code}")
        message = Error(kind.code, refusal.message, kind.retry)
        if refusal.list is not None:
            message = Error(kind.code, refusal.message, kind.retry, refusal.list)
        self.write(text_frame(websocket.encode(message)))
        if kind.close:
            self.close(kind.close)

    def close(self, code: CloseCode) -> None:
        """Say goodbye, and cut the connection if the client does not answer."""
        if self.closed:
            return
        self.closed = True
        self._tally.count(f"close.{code.name}")
        if not self._transport.is_closing():
            self._transport.write(close_frame(code.code, code.name))
        self._cut = asyncio.get_running_loop().call_later(CLOSE_SECONDS, self._transport.abort)

    def answer_close(self) -> None:
        """The client has said goodbye."""
        if not self.ending:
            self._transport.write(close_frame(_NORMAL, ""))
        self.closed = True

    def cut(self) -> None:
        """End the connection now."""
        self._transport.abort()

    def gone(self) -> None:
        """The connection has ended."""
        self.closed = True
        if self._cut is not None:
            self._cut.cancel()
