"""Headers are read as the library reads them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from nats.aio.client import Client

from gapscan.bus.headers import parse_header_lines

PARTS = st.sampled_from(
    [b":", b": ", b"\r\n", b" ", b"\t", b"\r", b"\n", b"Nats-Sequence", b"17", b"caf\xc3\xa9", b"\xff"]
)
BLOCKS = st.lists(PARTS | st.binary(max_size=4), max_size=30).map(b"".join)


@given(BLOCKS)
def test_as_the_library(raw: bytes) -> None:
    expected = Client._parse_header_lines(raw)
    expected.pop("", None)  # a header without a name is none
    assert parse_header_lines(raw) == expected
