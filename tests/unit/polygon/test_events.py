"""Frames to events, events to what the feed takes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gapscan.polygon.events import (
    Events,
    StreamBar,
    StreamMinuteBar,
    StreamStatus,
    StreamTrade,
    answer_of,
    batch_of,
    read_frame,
    statuses_in,
)
from gapscan.provider import Bar, Halt, StreamBatch, Trade

# As in the provider's documentation of its stream.
BAR: dict[str, Any] = {
    "ev": "A", "sym": "SPCE", "v": 200, "av": 8642007, "op": 25.66, "vw": 25.3981, "o": 25.39, "c": 25.39,
    "h": 25.39, "l": 25.39, "a": 25.3714, "z": 50, "s": 1610144868000, "e": 1610144869000,
}  # fmt: skip
MINUTE = BAR | {"ev": "AM", "v": 4110.5, "e": 1610144928000}
TRADE: dict[str, Any] = {
    "ev": "T", "sym": "MSFT", "x": 4, "i": "12345", "z": 3, "p": 114.125, "s": 100, "c": [0, 12],
    "t": 1536036818784, "q": 3681328,
}  # fmt: skip
LULD: dict[str, Any] = {
    "ev": "LULD", "T": "MSFT", "h": 492.99, "l": 446.04, "i": [17], "z": 3, "t": 1764086430905642800, "q": 5925769,
}  # fmt: skip
STATUS = {"ev": "status", "status": "success", "message": "subscribed to: A.SPCE"}


def read(*events: object, text: bool = True) -> Events:
    into = Events()
    frame = json.dumps(events)
    read_frame(frame if text else frame.encode(), into)
    return into


@pytest.mark.parametrize("text", [True, False])
def test_every_kind_of_event(text: bool) -> None:
    events = read(BAR, MINUTE, TRADE, LULD, STATUS, text=text)
    assert [type(bar) for bar in events.bars] == [StreamBar, StreamMinuteBar]
    assert events.bars[0].av == 8642007
    assert events.bars[1].v == 4110.5
    assert events.trades[0].t == 1536036818784
    assert [(luld.T, luld.time, luld.halts) for luld in events.lulds] == [("MSFT", 1764086430905, True)]
    assert events.statuses == [StreamStatus("success", "subscribed to: A.SPCE")]
    assert events.bad == 0


@pytest.mark.parametrize(
    ("indicators", "halts"),
    [([17], True), ([18], False), ([16, 17], True), ([17, 18], False), ([16], None), ([], None)],
)
def test_what_indicators_say(indicators: list[int], halts: bool | None) -> None:
    (luld,) = read(LULD | {"i": indicators}).lulds
    assert luld.halts is halts


@pytest.mark.parametrize(("time", "ms"), [(1764086430905, 1764086430905), (1764086430905642800, 1764086430905)])
def test_times_of_halts_come_in_two_units(time: int, ms: int) -> None:
    assert read(LULD | {"t": time}).lulds[0].time == ms


@pytest.mark.parametrize(
    "bad",
    [
        {"ev": "A", "sym": None, "v": "many", "s": -1},
        BAR | {"sym": ""},
        BAR | {"sym": "\ud800"},
        BAR | {"s": "now"},
        BAR | {"e": 0},
        BAR | {"s": None},
        TRADE | {"c": ["odd"]},
        LULD | {"T": ""},
        LULD | {"t": 0},
        LULD | {"t": 10**13},
        LULD | {"t": 10**30},
        LULD | {"i": 17},
        LULD | {"i": ["halted"]},
        {"ev": "Q", "sym": "SPCE"},
        {"sym": "SPCE"},
        17,
        None,
        [BAR],
        "A",
    ],
)
def test_a_bad_element_costs_itself_only(bad: object) -> None:
    events = read(BAR, bad, TRADE, bad, STATUS)
    assert (len(events.bars), len(events.trades), len(events.statuses)) == (1, 1, 1)
    assert events.bad == 2
    assert events.first_fault


@pytest.mark.parametrize("name", ["o", "h", "l", "c", "v", "av", "op", "a"])
@pytest.mark.parametrize("value", ["null", "NaN", "1e999", '"many"', "[]"])
def test_a_bad_field_of_a_bar_costs_itself_only(name: str, value: str) -> None:
    into = Events()
    read_frame(json.dumps([BAR, BAR | {name: "BAD"}, TRADE]).replace('"BAD"', value), into)
    assert (into.bad, into.lost) == (0, 0 if value == "null" else 1)
    without = {key: cell for key, cell in BAR.items() if key != name}
    assert batch_of(into) == batch_of(read(BAR, without, TRADE))


def test_a_malformed_event_costs_itself_only() -> None:
    into = Events()
    read_frame(json.dumps([BAR, TRADE]).replace("}, {", '}, {"ev": "A", "sym": nan}, {'), into)
    assert (into.bad, len(into.bars), len(into.trades)) == (1, 1, 1)


@pytest.mark.parametrize("factor", [1, 1000, 1_000_000])
def test_times_of_bars_and_trades_come_in_any_unit(factor: int) -> None:
    bar = BAR | {"s": BAR["s"] * factor, "e": BAR["e"] * factor}
    assert batch_of(read(bar, TRADE | {"t": TRADE["t"] * factor})) == batch_of(read(BAR, TRADE))


@pytest.mark.parametrize(
    "frame", ["", "[", '[{"ev":"A","sym":', "{}", "null", "rubbish", b"\xff\xfe", b"[\xff]", "1e999"]
)
def test_a_bad_frame_is_one_fault(frame: str | bytes) -> None:
    into = Events()
    read_frame(frame, into)
    assert (into.bad, into.bars, into.trades, into.statuses) == (1, [], [], [])


def test_a_later_fault_does_not_hide_the_first() -> None:
    into = Events()
    read_frame("first", into)
    read_frame("second", into)
    assert into.bad == 2
    assert "first" in into.first_fault


def test_statuses_of_a_frame() -> None:
    assert [status.status for status in statuses_in(json.dumps([STATUS, BAR]))] == ["success"]
    assert statuses_in("rubbish") == []


@pytest.mark.parametrize(
    ("status", "message", "kind", "topics"),
    [
        ("success", "subscribed to: A.AAPL", "subscribed", ["A.AAPL"]),
        ("success", "subscribed to: A.BRK.B", "subscribed", ["A.BRK.B"]),
        ("success", "subscribed to: A.*", "subscribed", ["A.*"]),
        ("success", "subscribed to: LULD.*", "subscribed", ["LULD.*"]),
        ("error", "not authorized for LULD.*", "refused", ["LULD.*"]),
        ("success", "subscribed to: A.AAPL,T.MSFT, AM.BCpC", "subscribed", ["A.AAPL", "T.MSFT", "AM.BCpC"]),
        ("success", "unsubscribed to: A.AAPL", "unsubscribed", ["A.AAPL"]),
        ("error", "subscribe failed: unknown or refused topic: A.NOSUCH", "refused", ["A.NOSUCH"]),
        ("error", "A.BRK.B: not entitled.", "refused", ["A.BRK.B"]),
        ("error", 'not authorized for "A.*".', "refused", ["A.*"]),
        ("error", "not authorized", "refused", []),
        ("connected", "Connected Successfully", "note", []),
        ("auth_success", "authenticated", "note", []),
        ("success", "hello", "note", []),
        ("max_connections", "Maximum number of websocket connections exceeded.", "note", []),
        ("max_connections", "Too many connections ask for A.AAPL", "note", ["A.AAPL"]),
        ("auth_failed", "authentication failed", "note", []),
        ("auth_timeout", "You did not authenticate in time.", "note", []),
        ("maintenance", "back in a minute", "unknown", []),
        ("denied", "no LULD.* for this account", "refused", ["LULD.*"]),
    ],
)
def test_what_a_status_means(status: str, message: str, kind: str, topics: list[str]) -> None:
    answer = answer_of(StreamStatus(status, message))
    assert (answer.kind, answer.topics) == (kind, topics)


def test_bars_for_the_feed() -> None:
    day = {"day_volume": 8642007.0, "day_open": 25.66, "day_vwap": 25.3714}
    prices = dict.fromkeys(("open", "high", "low", "close"), 25.39)
    assert list(batch_of(read(BAR, MINUTE)).bars) == [
        Bar("SPCE", 1610144868000, 1610144869000, **prices, volume=200, **day),
        Bar("SPCE", 1610144868000, 1610144928000, **prices, volume=4110.5, **day),
    ]


def test_zero_and_absent_mean_unset() -> None:
    bare = {"ev": "A", "sym": "X", "s": 1000, "e": 2000, "c": 5.0, "op": 0, "av": 0}
    assert list(batch_of(read(bare)).bars) == [Bar("X", 1000, 2000, close=5.0)]


def test_nothing_makes_an_empty_batch() -> None:
    assert batch_of(read(STATUS)) == StreamBatch()


def test_halts_for_the_feed_are_without_price_bands() -> None:
    events = read(LULD, LULD | {"i": [16]}, LULD | {"T": "X", "t": 1764086430905, "i": [18]})
    assert batch_of(events).halts == [Halt("MSFT", 1764086430905, True), Halt("X", 1764086430905, False)]


def test_trades_that_do_not_set_the_price_are_left_out() -> None:
    trades = [
        StreamTrade("A", t=10, p=1.0, c=[12, 14]),
        StreamTrade("A", t=11, p=9.0, c=[2]),  # an average
        StreamTrade("A", t=12, p=9.0, c=[14, 22]),  # at an earlier price
        StreamTrade("A", t=13, p=0.0),
        StreamTrade("A", t=14, p=9.0, c=[37]),  # an odd lot
        StreamTrade("A", t=15, p=9.0, c=[15]),  # the official close of one exchange
        StreamTrade("B", t=13, p=7.0, c=[52]),
    ]
    assert batch_of(Events(trades=trades)).trades == [Trade("A", 10, 1.0)]
