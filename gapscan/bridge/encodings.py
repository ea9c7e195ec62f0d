"""How messages look on the wire, for each way out to clients.

A way out is an encoding here and a handler in http.py. All else is about messages: a message is made once, and its
bytes on the wire once for each encoding that a client needs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Close, Frame, Opcode


@dataclass(frozen=True, eq=False)
class Encoding:
    """What a message's payload (JSON in UTF-8) and its place become, and how a connection ends.

    `goodbye` is made of a close code and its name. `ping` is what a client answers by itself; None for a way on which
    clients cannot say anything: there silence ends nothing.
    """

    message: Callable[[bytes, str], bytes]
    goodbye: Callable[[int, str], bytes]
    ping: bytes | None

    @property
    def one_way(self) -> bool:
        """Whether clients cannot say anything: what they asked for was said when they came."""
        return self.ping is None


class Message:
    """A payload, and its bytes on the wire: the same object for all clients of an encoding.

    `place` is what a client has after a snapshot or delta, as text; "" for other messages.
    """

    __slots__ = ("_encoded", "payload", "place")

    def __init__(self, payload: bytes, place: str = "") -> None:
        self.payload = payload
        self.place = place
        self._encoded: dict[Encoding, bytes] = {}

    def encoded(self, encoding: Encoding) -> bytes:
        """The bytes to send."""
        data = self._encoded.get(encoding)
        if data is None:
            data = self._encoded[encoding] = encoding.message(self.payload, self.place)
        return data


# WebSocket (RFC 6455): a server's frames are not masked, so one bytes object serves all.


def _frame(opcode: Opcode, payload: bytes) -> bytes:
    return Frame(opcode, payload).serialize(mask=False)


def websocket_pong(payload: bytes) -> bytes:
    """The answer to a client's ping. Raises websockets' ProtocolError when `payload` has more than 125 bytes."""
    return _frame(Opcode.PONG, payload)


WEBSOCKET: Final = Encoding(
    message=lambda payload, _place: _frame(Opcode.TEXT, payload),
    goodbye=lambda code, name: _frame(Opcode.CLOSE, Close(code, name).serialize()),
    ping=_frame(Opcode.PING, b""),
)


# With permessage-deflate (RFC 7692): each message is compressed by itself, so one bytes object serves all here too.
# A client that keeps a window over its messages, as it may, finds nothing in it that is referred to.

WINDOW_BITS: Final = 15  # a client that asked for a smaller window gets frames as they are
_DEFLATE: Final = PerMessageDeflate(
    remote_no_context_takeover=False, local_no_context_takeover=True,
    remote_max_window_bits=WINDOW_BITS, local_max_window_bits=WINDOW_BITS, compress_settings={"level": 3},
)  # fmt: skip
_LEAST: Final = 200  # bytes; what is shorter gains too little


def _deflated(payload: bytes, _place: str) -> bytes:
    extensions = [_DEFLATE] if len(payload) >= _LEAST else []
    return Frame(Opcode.TEXT, payload).serialize(mask=False, extensions=extensions)


WEBSOCKET_DEFLATED: Final = replace(WEBSOCKET, message=_deflated)


# Server-sent events (WHATWG HTML, section 9.2). A message's JSON has no line breaks. An id is what a client resumes
# from; only what changes the list has one, since an empty id would make the client forget the one before.


def _event(payload: bytes, place: str) -> bytes:
    return b"%bdata: %b\n\n" % (b"id: %b\n" % place.encode() if place else b"", payload)


def chunk(data: bytes) -> bytes:
    """A piece of an HTTP/1.1 answer whose length is not known at its beginning."""
    return b"%x\r\n%b\r\n" % (len(data), data)


# To HTTP/1.1 as chunks, which are the same for all; to HTTP/1.0, as many proxies speak it, as they are.
EVENT_STREAM: Final = Encoding(
    message=lambda payload, place: chunk(_event(payload, place)),
    goodbye=lambda _code, _name: b"0\r\n\r\n",
    ping=None,
)
EVENT_STREAM_1_0: Final = Encoding(message=_event, goodbye=lambda _code, _name: b"", ping=None)
