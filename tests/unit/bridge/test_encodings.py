"""Messages as WebSocket frames, and in any other encoding."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame
from websockets.streams import StreamReader

from gapscan.bridge.encodings import WEBSOCKET, WEBSOCKET_DEFLATED, Encoding, Message, websocket_pong
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


def _read(data: bytes, deflate: PerMessageDeflate) -> bytes:
    """What a client of the websockets library makes of a server's frame."""
    reader = StreamReader()
    reader.feed_data(data)
    reading = Frame.parse(reader.read_exact, mask=False, extensions=[deflate])
    with pytest.raises(StopIteration) as done:
        next(reading)
    frame = done.value.value
    assert isinstance(frame, Frame)
    return bytes(frame.data)


@given(payloads=st.lists(st.binary(max_size=600).map(lambda part: part * 3), max_size=6), keeps=st.booleans())
def test_what_is_compressed_for_all_is_read_by_each(payloads: list[bytes], keeps: bool) -> None:
    """Whether a client keeps its window over messages or not, and whatever else it was sent."""
    client = PerMessageDeflate(not keeps, False, 15, 15)
    for payload in payloads:
        assert _read(WEBSOCKET_DEFLATED.message(payload, ""), client) == payload


def test_compressing_is_worth_it() -> None:
    row = b'{"action":"update","rank":%d,"symbol":"T%d","data":{"price":%d.25,"volume":%d}}'
    payload = b",".join(row % (at, at * 7, at * 3, at * 1013) for at in range(30))
    assert len(WEBSOCKET_DEFLATED.message(payload, "")) < len(payload) / 3
    assert WEBSOCKET_DEFLATED.message(b"short", "") == WEBSOCKET.message(b"short", "")
    assert WEBSOCKET_DEFLATED.goodbye(4001, "slow") == WEBSOCKET.goodbye(4001, "slow")
