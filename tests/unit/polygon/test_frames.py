"""Snapshot bodies to universe frames: zero means unset, units differ, a bad element costs itself only."""

from __future__ import annotations

import json
from typing import Any

from gapscan.polygon.frames import Observation, decode_snapshot, universe_parts
from gapscan.protocol.messages import UniverseFrame

MINUTE = 1_795_357_740_000
NS = 1_000_000
SEEN = Observation(frame=1, as_of=MINUTE + 60_000, session="regular", simulated=False)


def ticker(**parts: Any) -> dict[str, Any]:
    return {
        "ticker": "AAPL",
        "day": {"o": 194.0, "h": 196.0, "l": 193.0, "c": 195.5, "v": 371200.0, "vw": 194.2},
        "prevDay": {"o": 186.0, "h": 188.0, "l": 185.0, "c": 187.0, "v": 1e7, "vw": 186.5},
        "min": {"av": 371300, "c": 195.4, "h": 195.6, "l": 195.1, "n": 112, "t": MINUTE, "v": 900},
        "lastTrade": {"c": [14, 41], "i": "1", "p": 195.1, "s": 100, "t": (MINUTE + 20_000) * NS, "x": 4},
        "updated": (MINUTE + 25_000) * NS,
    } | parts  # fmt: skip


def frame_of(*tickers: Any) -> UniverseFrame:
    (frame,) = universe_parts(decode_snapshot(json.dumps({"tickers": tickers}).encode()).items, SEEN)
    return frame


def test_close_and_the_newest_minute() -> None:
    frame = frame_of(ticker())
    assert (frame.close, frame.minute_start, frame.minute_trades) == ([195.5], [MINUTE], [112])
    assert (frame.price, frame.price_time) == ([195.1], [MINUTE + 20_000])


def test_zero_and_absent_mean_unset() -> None:
    zeros = dict.fromkeys(("o", "h", "l", "c", "v", "vw", "av", "n", "t"), 0)
    for parts in ({"day": zeros, "min": zeros}, {"day": None, "min": None}):
        frame = frame_of(ticker(**parts))
        assert (frame.close, frame.minute_start, frame.minute_trades) == ([None], [None], [None])
        assert (frame.open, frame.volume) == ([None], [None])
        assert frame.price == [195.1]


def test_a_minute_without_its_number_of_trades() -> None:
    frame = frame_of(ticker(min={"av": 5, "c": 195.4, "t": MINUTE}))
    assert (frame.minute_start, frame.minute_trades) == ([MINUTE], [None])


def test_a_last_trade_that_does_not_tell_the_price() -> None:
    odd = {"p": 99.0, "t": (MINUTE + 21_000) * NS, "c": [14, 37]}
    frame = frame_of(ticker(lastTrade=odd))
    assert (frame.price, frame.price_time) == ([195.4], [MINUTE + 25_000]), "the minute's close so far"
    later = frame_of(ticker(lastTrade=odd, updated=(MINUTE + 90_000) * NS))
    assert later.price_time == [MINUTE + 60_000], "the minute's end"


def test_a_bad_element_costs_itself_only() -> None:
    decoded = decode_snapshot(json.dumps({"tickers": [ticker(), ticker(min={"n": "many"}), ticker()]}).encode())
    assert (len(decoded.items), decoded.bad) == (2, 1)
