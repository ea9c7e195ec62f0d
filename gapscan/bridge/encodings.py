"""How messages look on the wire, for each way out to clients.

A way out is an encoding here and a handler in http.py. All else is about messages: a message is made once, and its
bytes on the wire once for each encoding that a client needs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from websockets.frames import Close, Frame, Opcode


@dataclass(frozen=True, eq=False)
class Encoding:
    """What a message's payload (JSON in UTF-8) becomes, and how a connection ends.

    `goodbye` is made of a close code and its name. `ping` is what a client answers by itself; None for a way on which
    clients cannot say anything: there silence ends nothing.
    """

    message: Callable[[bytes], bytes]
    goodbye: Callable[[int, str], bytes]
    ping: bytes | None


class Message:
    """A payload, and its bytes on the wire: the same object for all clients of an encoding."""

    __slots__ = ("_encoded", "payload")

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self._encoded: dict[Encoding, bytes] = {}

    def encoded(self, encoding: Encoding) -> bytes:
        """The bytes to send."""
        data = self._encoded.get(encoding)
        if data is None:
            data = self._encoded[encoding] = encoding.message(self.payload)
        return data


# WebSocket (RFC 6455): a server's frames are not masked, so one bytes object serves all.


def _frame(opcode: Opcode, payload: bytes) -> bytes:
    return Frame(opcode, payload).serialize(mask=False)


def websocket_pong(payload: bytes) -> bytes:
    """The answer to a client's ping. Raises websockets' ProtocolError when `payload` has more than 125 bytes."""
    return _frame(Opcode.PONG, payload)


WEBSOCKET: Final = Encoding(
    message=lambda payload: _frame(Opcode.TEXT, payload),
    goodbye=lambda code, name: _frame(Opcode.CLOSE, Close(code, name).serialize()),
    ping=_frame(Opcode.PING, b""),
)
