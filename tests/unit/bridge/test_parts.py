"""The small pure parts: encodings, conflation, origins, token buckets, cells, reading of actions."""

from __future__ import annotations

import random

import pytest

from gapscan.bridge.conflation import Conflation
from gapscan.bridge.encodings import WEBSOCKET, Encoding, Message, websocket_pong
from gapscan.bridge.origin import is_allowed
from gapscan.bridge.ticks import Cells, joined
from gapscan.config import BridgeSection, Config, ServiceSection, as_environment, load
from gapscan.protocol.messages import Bars
from gapscan.protocol.websocket import Aggregate, Error, RefusedError, Subscribe, Wanted, decode_action, encode
from tests.unit.bridge.wire import CLOSE, PING, PONG, TEXT, answers, split_frames


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65535, 65536, 200_000])
def test_text_frames_of_all_lengths(length: int) -> None:
    payload = b"x" * length
    assert [*split_frames(WEBSOCKET.message(payload) * 2)] == [(TEXT, payload)] * 2


def test_the_headers_are_the_shortest() -> None:
    assert WEBSOCKET.message(b"Hello") == bytes.fromhex("810548656c6c6f")  # RFC 6455, section 5.7
    assert WEBSOCKET.message(b"x" * 126)[:4] == bytes.fromhex("817e007e")
    assert WEBSOCKET.message(b"x" * 65536)[:10] == bytes.fromhex("817f0000000000010000")


def test_control_frames() -> None:
    assert WEBSOCKET.ping is not None
    data = WEBSOCKET.ping + websocket_pong(b"a") + WEBSOCKET.goodbye(4001, "slow")
    assert [*split_frames(data)] == [(PING, b""), (PONG, b"a"), (CLOSE, b"\x0f\xa1slow")]


def test_a_message_is_encoded_once_for_each_encoding() -> None:
    made: list[bytes] = []

    def line(payload: bytes) -> bytes:
        made.append(payload)
        return payload + b"\n"

    lines, message = Encoding(line, lambda code, name: f"{code} {name}\n".encode(), None), Message(b"{}")
    assert message.encoded(lines) is message.encoded(lines)
    assert (message.encoded(lines), made) == (b"{}\n", [b"{}"])
    assert message.encoded(WEBSOCKET) == WEBSOCKET.message(b"{}")


def test_the_first_change_after_quiet_is_due_at_once() -> None:
    conflation = Conflation(0.1)
    for now in (5.0, 6.0, 7.05):
        conflation.changed("a", now)
        assert conflation.next_due() == now
        assert conflation.pop_due(now) == ["a"]
        assert conflation.next_due() is None


def test_a_steady_publisher_is_never_held_back() -> None:
    """The publisher's limit and this one must not add up, whatever the clocks and the scheduler do."""
    dice, conflation, waits = random.Random(3), Conflation(0.1), []
    for number in range(1000):
        came = number * 0.1 + dice.uniform(0, 0.03)
        conflation.changed("a", came)
        due = conflation.next_due()
        assert due is not None
        waits.append(due - came)
        assert conflation.pop_due(due + dice.uniform(0, 0.02)) == ["a"]
    assert max(waits) == 0


def test_a_hasty_publisher_is_held_to_the_rate() -> None:
    conflation, sent = Conflation(0.1), 0
    for number in range(10_000):
        conflation.changed("a", number / 1000)
        sent += len(conflation.pop_due(number / 1000))
    assert 100 <= sent <= 113


def test_keys_are_apart_and_in_the_order_of_their_times() -> None:
    conflation = Conflation(0.1)
    for now in (1.0, 1.0, 1.0):
        conflation.changed("a", now)
        conflation.pop_due(now)
    conflation.changed("a", 1.0)
    conflation.changed("b", 1.01)
    assert conflation.pop_due(1.01) == ["b"]
    assert conflation.pop_due(2.0) == ["a"]
    conflation.changed("a", 2.0)
    conflation.forget("a")
    assert conflation.next_due() is None


@pytest.mark.parametrize(
    ("origin", "allowed", "expected"),
    [
        (None, [], True),
        ("http://bridge.example:8080", [], True),
        ("https://bridge.example:8080", [], True),
        ("http://bridge.example", [], False),
        ("http://evil.example", [], False),
        ("http://localhost:3000", [], True),
        ("http://127.0.0.1", [], True),
        ("http://[::1]:5", [], True),
        ("http://localhost.evil.example", [], False),
        ("http://bridge.example:8080.evil.example", [], False),
        ("ftp://bridge.example:8080", [], False),
        ("null", [], False),
        ("", [], False),
        ("http://[", [], False),
        ("https://a.example", ["https://a.example"], True),
        ("https://a.example:443", ["https://a.example"], False),
        ("http://bridge.example:8080", ["https://a.example"], False),
        (None, ["https://a.example"], True),
    ],
)
def test_origins(origin: str | None, allowed: list[str], expected: bool) -> None:
    assert is_allowed(origin, "bridge.example:8080", allowed) is expected


def _bars(**columns: list[object]) -> Bars:
    number = len(columns["symbols"])
    empty = {name: [None] * number for name in ("open", "high", "low", "close", "volume")}
    days = {name: [None] * number for name in ("day_volume", "day_open", "day_vwap")}
    return Bars(**{"simulated": False, "start": [0] * number, **empty, **days, **columns})  # type: ignore[arg-type]


def test_cells_keep_the_newest_bar() -> None:
    cells = Cells()
    assert cells.put(
        _bars(symbols=["A", "B", "C"], end=[5, 5, 5], close=[1.0, 2.0, None], day_volume=[9.4, None, None])
    )
    assert cells.put(_bars(symbols=["A", "B"], end=[4, 5], close=[7.0, 3.0]))  # an old one, and a corrected one
    messages = cells.drain()
    assert answers([joined(messages, ["B", "A", "Z"], WEBSOCKET)]) == [
        Aggregate("B", {"price": 3.0, "price_time": 5}),
        Aggregate("A", {"price": 1.0, "price_time": 5, "volume": 9}),
    ]
    assert "C" not in messages
    assert not cells.put(_bars(symbols=["A"], end=[4], close=[8.0]))
    assert cells.drain() == {}


def test_cells_of_a_replay_that_starts_over() -> None:
    cells, hour = Cells(), 3_600_000
    assert cells.put(_bars(symbols=["A"], end=[9 * hour], close=[1.0]))
    cells.drain()
    assert not cells.put(_bars(symbols=["A"], end=[9 * hour - 900_000], close=[2.0]))  # a late correction
    assert cells.put(_bars(symbols=["A"], end=[3 * hour], close=[3.0]))
    cells.drain()
    assert not cells.put(_bars(symbols=["A"], end=[3 * hour - 1], close=[4.0]))


def test_actions_are_read() -> None:
    text = '{"action":"subscribe","lists":[{"list":"a"},{"list":"b","epoch":"e","last_sequence":3}],"more":1}'
    assert decode_action(text) == Subscribe([Wanted("a"), Wanted("b", "e", 3)])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "bad_json"),
        ("{", "bad_json"),
        ("null", "bad_json"),
        ('"action"', "bad_json"),
        ("[" * 100_000, "bad_json"),
        ("{}", "unknown_action"),
        ('{"action":5}', "unknown_action"),
        ('{"action":"Subscribe"}', "unknown_action"),
        ('{"action":"subscribe"}', "bad_message"),
        ('{"action":"subscribe","lists":{}}', "bad_message"),
        ('{"action":"auth","token":null}', "bad_message"),
        ('{"action":"unsubscribe","lists":["' + "x" * 101 + '"]}', "bad_message"),
        ('{"action":"lists","lists":"\ud800"}', "bad_json"),
    ],
)
def test_what_is_no_action_is_refused(text: str, code: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        decode_action(text)
    assert refusal.value.error.code == code


def test_an_error_names_its_list_only_if_it_is_about_one() -> None:
    assert encode(Error("a", "b", False)) == b'{"type":"error","code":"a","message":"b","retry":false}'
    assert b'"list":"x"' in encode(Error("a", "b", False, "x"))


def test_origins_go_through_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/nowhere")
    config = Config(
        bridge=BridgeSection(origins=["https://a.example", "https://b.example"], token="t"),
        service=ServiceSection(instance="x"),
    )
    variables = as_environment(config)
    assert variables["GAPSCAN_BRIDGE_ORIGINS"] == "https://a.example,https://b.example"
    again = load(env=variables).config
    assert (again.bridge.origins, again.bridge.token) == ("https://a.example,https://b.example", "t")
