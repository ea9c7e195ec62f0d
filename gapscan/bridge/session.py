"""One client: what it asked for, and sending to it.

Messages are made and encoded once for all clients and written straight to each socket: no wake-up, no queue and no
encoding per client. What cannot be written now is not kept; the client's cursor stays, and leads on from there later.
"""

from __future__ import annotations

import asyncio
from typing import Final

from msgspec import UNSET

from gapscan.bridge.encodings import Encoding, Message
from gapscan.bridge.history import Position
from gapscan.bridge.limits import ANSWER_BYTES, ANSWER_BYTES_PER_SECOND, BURST_SECONDS, Limits
from gapscan.bridge.subscribers import Subscribers
from gapscan.bridge.transport import SocketTransport, Transport
from gapscan.bridge.views import ViewKey
from gapscan.obs import Tally
from gapscan.protocol import websocket
from gapscan.protocol.codes import CloseCode
from gapscan.protocol.websocket import Error, RefusedError
from gapscan.runtime import TokenBucket

Cursors = tuple[tuple[ViewKey, Position | None], ...]

CLOSE_SECONDS: Final = 1.0  # for the client to answer a close; then the connection is cut
_NORMAL: Final = 1000


class BrowserSession:
    """What is known of one client. `lists` are those it subscribes to; about those `owed` it waits for an answer."""

    __slots__ = (
        "_cut",
        "_tally",
        "active_at",
        "answers",
        "authorized",
        "blocked_since",
        "encoding",
        "entered_at",
        "lists",
        "messages",
        "over",
        "overview",
        "owed",
        "pinged",
        "transport",
        "wants_overview",
    )

    def __init__(
        self,
        transport: SocketTransport,
        encoding: Encoding,
        limits: Limits,
        tally: Tally,
        now: float,
        *,
        authorized: bool,
    ) -> None:
        self.encoding = encoding
        self.lists: dict[str, Subscribers[BrowserSession]] = {}
        self.owed: set[str] = set()
        self.wants_overview = False
        self.overview: Message | None = None  # the last one sent
        self.authorized = authorized
        rate = limits.messages_per_second
        self.messages = TokenBucket(rate, rate * BURST_SECONDS)
        self.answers = TokenBucket(ANSWER_BYTES_PER_SECOND, ANSWER_BYTES)
        self.entered_at = self.active_at = now
        self.pinged = False
        self.blocked_since: float | None = None
        self.over = asyncio.Event()  # set when the connection is closed, from either side
        self.transport = Transport(transport, limits.clients)
        self._tally = tally
        self._cut: asyncio.TimerHandle | None = None

    @property
    def closed(self) -> bool:
        """Whether a goodbye was sent."""
        return self.transport.shut

    @property
    def writable(self) -> bool:
        """Whether the client takes what it is sent."""
        return self.transport.writable

    @property
    def ending(self) -> bool:
        """Whether the connection is closed or about to be."""
        return self.transport.closing

    @property
    def views(self) -> tuple[ViewKey, ...]:
        """What the client wants of which lists."""
        return tuple(sorted(subscribers.key for subscribers in self.lists.values()))

    def cursors(self) -> Cursors:
        """How far the client is in each of its lists."""
        return tuple((subscribers.key, subscribers.cursor(self)) for subscribers in self.lists.values())

    def send(self, message: Message) -> bool:
        """Send `message`, unless the client is behind with what it was sent; False then."""
        return self.write(message.encoded(self.encoding))

    def write(self, frame: bytes) -> bool:
        """As `send`, but what is encoded already."""
        taken = self.transport.write(frame)
        if taken:
            self._tally.count("frames")
            self._tally.count("bytes", len(frame))
        if not self.transport.direct:
            self._fall_behind()
        return taken

    def leave_rest(self, frame: bytes, sent: int) -> None:
        """The socket took only so many bytes of `frame`."""
        self.transport.leave_rest(frame, sent)
        self._fall_behind()

    def _fall_behind(self) -> None:
        for subscribers in self.lists.values():
            subscribers.fall_behind(self)

    def send_overview(self, message: Message) -> None:
        """Say how all lists stand, if the client wants it and does not know yet."""
        if self.wants_overview and self.overview is not message and self.send(message):
            self.overview = message

    def note_activity(self, now: float) -> None:
        """The client has sent something."""
        self.active_at = now
        self.pinged = False

    def refuse(self, refusal: RefusedError) -> None:
        """Answer with an error; some of them end the connection."""
        kind = refusal.error
        self._tally.count(f"error.{kind.code}")
        about = (UNSET if of is None else of for of in (refusal.list, refusal.symbol))
        message = Error(kind.code, refusal.message, kind.retry, *about)
        self.send(Message(websocket.encode(message)))
        if kind.close:
            self.close(kind.close)

    def close(self, code: CloseCode) -> None:
        """Say goodbye, and cut the connection if the client does not answer."""
        if self.closed:
            return
        self._tally.count(f"close.{code.name}")
        self._goodbye(code.code, code.name)
        self._cut = asyncio.get_running_loop().call_later(CLOSE_SECONDS, self.transport.abort)

    def finish(self) -> None:
        """The client has sent a goodbye, or there is nothing more to send to it."""
        if not self.closed:
            self._goodbye(_NORMAL, "")

    def _goodbye(self, code: int, name: str) -> None:
        self.transport.goodbye(self.encoding.goodbye(code, name))
        self.over.set()
        self._fall_behind()

    def cut(self) -> None:
        """End the connection now."""
        self.transport.abort()

    def gone(self) -> None:
        """The connection has ended."""
        self._fall_behind()
        self.transport.gone()
        if self._cut is not None:
            self._cut.cancel()
