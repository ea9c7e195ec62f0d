"""Messages as WebSocket frames, and in any other encoding."""

from __future__ import annotations

import pytest

from gapscan.bridge.encodings import WEBSOCKET, Encoding, Message, websocket_pong
from tests.support.wire import CLOSE, PING, PONG, TEXT, split_frames


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65535, 65536, 200_000])
def test_text_frames_of_all_lengths(length: int) -> None:
    payload = b"x" * length
    assert [*split_frames(WEBSOCKET.message(payload, "") * 2)] == [(TEXT, payload)] * 2


def test_the_headers_are_the_shortest() -> None:
    assert WEBSOCKET.message(b"Hello", "") == bytes.fromhex("810548656c6c6f")  # RFC 6455, section 5.7
    assert WEBSOCKET.message(b"x" * 126, "")[:4] == bytes.fromhex("817e007e")
    assert WEBSOCKET.message(b"x" * 65536, "")[:10] == bytes.fromhex("817f0000000000010000")


def test_control_frames() -> None:
    assert WEBSOCKET.ping is not None
    data = WEBSOCKET.ping + websocket_pong(b"a") + WEBSOCKET.goodbye(4001, "slow")
    assert [*split_frames(data)] == [(PING, b""), (PONG, b"a"), (CLOSE, b"\x0f\xa1slow")]


def test_a_message_is_encoded_once_for_each_encoding() -> None:
    made: list[bytes] = []

    def line(payload: bytes, _place: str) -> bytes:
        made.append(payload)
        return payload + b"\n"

    lines, message = Encoding(line, lambda code, name: f"{code} {name}\n".encode(), None), Message(b"{}")
    assert message.encoded(lines) is message.encoded(lines)
    assert (message.encoded(lines), made) == (b"{}\n", [b"{}"])
    assert message.encoded(WEBSOCKET) == WEBSOCKET.message(b"{}", "")
