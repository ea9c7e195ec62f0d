from __future__ import annotations

import base64
import json
import math
import struct

import msgspec
import numpy as np
import pytest
from msgspec import UNSET

from gapscan.errors import ConfigError, ProtocolError
from gapscan.market.columns import packed, unpacked
from gapscan.protocol import names
from gapscan.protocol.codec import decode, decode_as, encode
from gapscan.protocol.messages import Add, Delta, Heartbeat, PastBars, Remove, Rerank, Snapshot, State, Trades, Update
from gapscan.protocol.values import wire_state
from tests.support.market import stock, universe_frame

ON_THE_WIRE = b"""{"type":"delta","list":"gappers_up","epoch":"k3f9","prev":916,"as_of":1795364569499,
 "changes":[{"action":"remove","symbol":"NVDA"},
            {"action":"rerank","symbol":"AAPL","old_rank":5,"new_rank":2},
            {"action":"add","rank":3,"symbol":"TSLA","data":{"price":9.5,"volume":7,"stale":false}},
            {"action":"update","rank":2,"symbol":"AAPL","data":{"price":178.5,"name":null}}],
 "size":200,"checksum":3735928559}"""

DELTA = Delta(
    list="gappers_up",
    epoch="k3f9",
    prev=916,
    as_of=1795364569499,
    changes=[
        Remove("NVDA"),
        Rerank("AAPL", 5, 2),
        Add(3, "TSLA", {"price": 9.5, "volume": 7, "stale": False}),
        Update(2, "AAPL", {"price": 178.5, "name": None}),
    ],
    size=200,
    checksum=3735928559,
)


def test_the_delta_of_the_contract() -> None:
    assert decode(ON_THE_WIRE) == DELTA
    assert json.loads(encode(DELTA)) == json.loads(ON_THE_WIRE)


def test_a_delta_on_nats_says_no_sequence_of_its_own() -> None:
    assert b'"sequence"' not in encode(DELTA)
    folded = decode(ON_THE_WIRE[:-1] + b',"sequence":917}')
    assert isinstance(folded, Delta)
    assert folded.sequence == 917


def test_a_snapshot_carries_ranks() -> None:
    snapshot = Snapshot("winners", "e", 3, 1, [{"rank": 1, "symbol": "BCpC", "price": 1.5}], 5)
    assert json.loads(encode(snapshot)) == {
        "type": "snapshot", "list": "winners", "epoch": "e", "sequence": 3, "as_of": 1,
        "rows": [{"rank": 1, "symbol": "BCpC", "price": 1.5}], "checksum": 5, "simulated": False,
    }  # fmt: skip
    assert decode_as(Snapshot, encode(snapshot)) == snapshot


def test_fields_that_a_newer_publisher_adds_are_passed_over() -> None:
    data = ON_THE_WIRE.replace(b'"size"', b'"colour":{"red":[1]},"size"').replace(
        b'"price":9.5', b'"smell":1,"price":9.5'
    )
    assert decode(data) == DELTA


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "truncated"),
        (b"\xff\xfe", "malformed"),
        (b"null", "Expected `object`"),
        (b"[]", "Expected `object`"),
        (b"{}", "type"),
        (b'{"type":"gossip"}', "gossip"),
        (b'{"type":3}', "type"),
        (ON_THE_WIRE[:-1], "truncated"),
        (ON_THE_WIRE + b"x", "malformed"),
        (ON_THE_WIRE.replace(b'"prev":916,', b""), "`prev`"),
        (ON_THE_WIRE.replace(b"916", b"-1"), "$.prev"),
        (ON_THE_WIRE.replace(b"916", b"null"), "$.prev"),
        (ON_THE_WIRE.replace(b"gappers_up", b"Gappers"), "$.list"),
        (ON_THE_WIRE.replace(b"gappers_up", b"a" * 49), "$.list"),
        (ON_THE_WIRE.replace(b"3735928559", b"4294967296"), "$.checksum"),
        (ON_THE_WIRE.replace(b'"old_rank":5', b'"old_rank":0'), "old_rank"),
        (ON_THE_WIRE.replace(b'"symbol":"NVDA"', b'"symbol":""'), "symbol"),
        (ON_THE_WIRE.replace(b'"action":"remove"', b'"action":"explode"'), "explode"),
        (ON_THE_WIRE.replace(b"9.5", b'"9.5"'), "price"),
        (ON_THE_WIRE.replace(b"9.5", b"1e999"), "out of range"),
        (ON_THE_WIRE.replace(b'"size"', b'"more":' + b"[" * 3_000 + b"]" * 3_000 + b',"size"'), "bad message"),
        (b'{"type":"heartbeat","list":"a","epoch":"","sequence":1,"as_of":1,"state":"asleep"}', "$.state"),
    ],
    ids=range(22),
)
def test_what_is_no_message(data: bytes, message: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode(data)
    assert message in caught.value.message
    assert len(caught.value.message) < 400
    assert not caught.value.retry


def test_columns_of_different_lengths() -> None:
    trades = encode(Trades(simulated=True, symbols=["A", "B"], price=[1.0], time=[1, 2]))
    with pytest.raises(ProtocolError, match="price has 1 values for 2 symbols"):
        decode(trades)

    past = encode(PastBars(True, "A", 1000, [1, 2], [1.0, 2.0], [1.0], [1.0, 2.0]))
    with pytest.raises(ProtocolError, match="low has 1 values for 2 start"):
        decode(past)


FRAME = encode(universe_frame([stock("A", price=10.5), stock("B")], 1_700_000_000_000))


@pytest.mark.parametrize(
    ("price", "says"),
    [
        ('"AAAAAAAAJUA="', "price has 8 bytes for 2 symbols, not 8 for each"),
        ('"AAAAAAAAJUAAAAAAAAAlQAA="', "price has 17 bytes for 2 symbols"),
        ('""', "price has 0 bytes for 2 symbols"),
        ('"no base64!"', r"\$.price"),
        ('"AAAAAAAAJUAAAAAAAAAlQ"', r"\$.price"),
        ("[10.5,null]", r"\$.price"),  # what was sent before columns were packed
        ("null", r"\$.price"),
    ],
)
def test_what_is_no_packed_column(price: str, says: str) -> None:
    sent = msgspec.json.encode(msgspec.json.decode(FRAME) | {"price": msgspec.Raw(price.encode())})
    with pytest.raises(ProtocolError, match=says):
        decode(sent)


def test_a_packed_column_is_of_little_endian_doubles() -> None:
    frame = msgspec.json.decode(FRAME)
    price, nothing = struct.unpack("<2d", base64.b64decode(frame["price"], validate=True))
    assert price == 10.5
    assert math.isnan(nothing)


def test_infinite_in_a_packed_column_is_no_value() -> None:
    values = unpacked([packed([math.inf, 1.0]), packed([-math.inf, None])])
    np.testing.assert_array_equal(values, [[math.nan, 1.0], [math.nan, math.nan]])


def test_another_message_than_expected() -> None:
    with pytest.raises(ProtocolError, match="expected a heartbeat, got a delta"):
        decode_as(Heartbeat, ON_THE_WIRE)


@pytest.mark.parametrize("name", ["a", "gappers_up", "a0_", "z" * 48])
def test_names_of_lists(name: str) -> None:
    assert names.check_list_name(name) == name
    assert names.DEFAULT.delta_subject(name) == f"gapscan.list.{name}.delta"
    assert names.DEFAULT.live_subject(name) == f"gapscan.live.{name}"
    assert names.DEFAULT.heartbeat_subject(name) == f"gapscan.live.{name}.heartbeat"


@pytest.mark.parametrize("name", ["", "A", "0a", "_a", "a-b", "a.b", "a b", "a*", "a>", "ä", "a\n", "z" * 49])
def test_what_cannot_name_a_list(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot name a list"):
        names.check_list_name(name)


@pytest.mark.parametrize(
    ("state", "stands", "delayed"),
    [("live", "live", False), ("stale", "stale", False), ("closed", "closed", False), ("delayed", "stale", True)],
)
def test_delayed_stands_as_what_clients_of_before_know(state: State, stands: str, delayed: bool) -> None:
    assert wire_state(state) == stands
    beat = decode(encode(Heartbeat("a", "e", 1, 2, wire_state(state), delayed=delayed or UNSET)))
    assert isinstance(beat, Heartbeat)
    assert beat.shown == state
    assert (b'"delayed"' in encode(beat)) == delayed
