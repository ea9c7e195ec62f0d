"""WebSocket frames as a server sends them (RFC 6455, section 5.2): not masked, so one bytes object serves all."""

from __future__ import annotations

import struct
from typing import Final

_FINAL: Final = 0x80
_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA
_SHORT: Final = 125  # a longer payload has its length in two bytes more, or in eight
_MEDIUM: Final = 0xFFFF


def text_frame(payload: bytes) -> bytes:
    """A whole text message in one frame."""
    return _header(_TEXT, len(payload)) + payload


def close_frame(code: int, reason: str) -> bytes:
    """The frame that ends a connection."""
    return _control(_CLOSE, struct.pack("!H", code) + reason.encode())


def ping_frame() -> bytes:
    """A question that every client's library answers by itself."""
    return _control(_PING, b"")


def pong_frame(payload: bytes) -> bytes:
    """The answer to a client's ping."""
    return _control(_PONG, payload)


def _header(opcode: int, length: int) -> bytes:
    if length <= _SHORT:
        return struct.pack("!BB", _FINAL | opcode, length)
    if length <= _MEDIUM:
        return struct.pack("!BBH", _FINAL | opcode, 126, length)
    return struct.pack("!BBQ", _FINAL | opcode, 127, length)


def _control(opcode: int, payload: bytes) -> bytes:
    return _header(opcode, len(payload)) + payload
