"""Snapshot bodies to columns: zero means unset, units differ, a bad element costs itself only."""

from __future__ import annotations

import datetime as dt
import json
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapscan.errors import FeedError
from gapscan.market.sessions import session_times
from gapscan.polygon.events import updates_last
from gapscan.polygon.snapshot import Reading, SnapshotReader
from gapscan.provider import MarketSnapshot
from tests.support.market import OBSERVATIONS

MINUTE = 1_795_357_740_000
NS = 1_000_000


def ticker(**parts: Any) -> dict[str, Any]:
    return {
        "ticker": "AAPL",
        "day": {"o": 194.0, "h": 196.0, "l": 193.0, "c": 195.5, "v": 371200.0, "vw": 194.2},
        "prevDay": {"o": 186.0, "h": 188.0, "l": 185.0, "c": 187.0, "v": 1e7, "vw": 186.5},
        "min": {"av": 371300, "c": 195.4, "h": 195.6, "l": 195.1, "n": 112, "t": MINUTE, "v": 900},
        "lastTrade": {"c": [14, 41], "i": "1", "p": 195.1, "s": 100, "t": (MINUTE + 20_000) * NS, "x": 4},
        "updated": (MINUTE + 25_000) * NS,
    } | parts  # fmt: skip


class Columns:
    """The columns of a snapshot as lists; None where there is no value."""

    def __init__(self, snapshot: MarketSnapshot) -> None:
        self.symbols = snapshot.symbols
        self.newest = snapshot.newest.tolist()
        self._snapshot = snapshot

    def __getattr__(self, name: str) -> list[float | None]:
        return [None if value != value else value for value in self._snapshot.columns[name].tolist()]


def reading(body: bytes) -> Reading:
    return SnapshotReader().read(body)


def read(*tickers: Any) -> Columns:
    return Columns(reading(json.dumps({"tickers": tickers}).encode()).snapshot)


def test_close_and_the_newest_minute() -> None:
    found = read(ticker())
    assert (found.close, found.minute_start, found.minute_trades) == ([195.5], [MINUTE], [112])
    assert (found.price, found.price_time) == ([195.1], [MINUTE + 20_000])


EVENING = session_times(dt.date(2026, 11, 24)).night  # of a Monday; the snapshot shows that day until 03:30
CLEAR = session_times(dt.date(2026, 11, 24)).clear
OF_THE_DAY = ("open", "high", "low", "close", "vwap", "volume")
OF_THE_MINUTE = ("minute_start", "minute_trades", "minute_high", "minute_low")


def in_the_night(at: int, minute: int, *, traded: bool = True) -> dict[str, Any]:
    """An element whose newest event is of `at`, with its newest minute bar."""
    bar = {"av": 371300, "c": 195.4, "h": 195.6, "l": 195.1, "n": 112, "t": minute, "v": 900}
    trade = {"c": [], "i": "1", "p": 199.0, "s": 100, "t": at * NS, "x": 4} if traded else None
    return ticker(min=bar, lastTrade=trade, updated=at * NS)


@pytest.mark.parametrize("at", [EVENING + 1, EVENING + 3_600_000, CLEAR - 1])
def test_what_trades_in_the_night_is_of_the_day_after_it(at: int) -> None:
    """Polygon shows the day that is over until its clear: that day is then the one before."""
    found = read(in_the_night(at, at // 60_000 * 60_000))
    assert (found.price, found.price_time) == ([199.0], [at])
    assert (found.prev_close, found.prev_high, found.prev_low) == ([195.5], [196.0], [193.0])
    assert found.prev_volume == [371300.0]
    assert [getattr(found, name) for name in OF_THE_DAY] == [[None]] * len(OF_THE_DAY)
    assert found.minute_high == [195.6]


@pytest.mark.parametrize("at", [EVENING - 1, CLEAR])
def test_around_the_night_the_day_is_the_providers(at: int) -> None:
    found = read(in_the_night(at, at // 60_000 * 60_000))
    assert (found.prev_close, found.close, found.price) == ([187.0], [195.5], [199.0])


@pytest.mark.parametrize("traded", [True, False])
def test_what_is_told_again_in_the_evening_is_no_trade_of_the_night(traded: bool) -> None:
    """An element may be renewed after 20:00: its last minute, which ends then, and its odd lots, are of the day."""
    element = in_the_night(EVENING + 300_000, EVENING - 60_000, traded=traded)
    if traded:
        element["lastTrade"]["c"] = [37]
    found = read(element)
    assert (found.price, found.price_time, found.prev_close) == ([None], [None], [195.5])
    assert [getattr(found, name) for name in (*OF_THE_DAY, *OF_THE_MINUTE)] == [[None]] * 10


@pytest.mark.parametrize("ahead", [12 * 3_600_000, 40 * 86_400_000])
def test_an_element_of_the_future_hides_no_night(ahead: int) -> None:
    """It is left out later; those who traded in the night are of the day after it all the same."""
    future = ticker(ticker="AHEAD", updated=(CLEAR + ahead) * NS)
    found = read(in_the_night(EVENING + 3_600_000, EVENING), future)
    assert (found.prev_close[0], found.open[0], found.volume[0]) == (195.5, None, None)


def test_what_did_not_trade_that_day_keeps_the_day_before_it() -> None:
    zeros = dict.fromkeys(("o", "h", "l", "c", "v", "vw", "av", "n", "t"), 0)
    found = read(in_the_night(EVENING + 1000, EVENING) | {"day": zeros})
    assert (found.prev_close, found.prev_high) == ([187.0], [188.0])


def test_zero_and_absent_mean_unset() -> None:
    zeros = dict.fromkeys(("o", "h", "l", "c", "v", "vw", "av", "n", "t"), 0)
    for parts in ({"day": zeros, "min": zeros}, {"day": None, "min": None}):
        found = read(ticker(**parts))
        assert (found.close, found.minute_start, found.minute_trades) == ([None], [None], [None])
        assert (found.open, found.volume) == ([None], [None])
        assert found.price == [195.1]


def test_a_minute_without_its_number_of_trades() -> None:
    found = read(ticker(min={"av": 5, "c": 195.4, "t": MINUTE}))
    assert (found.minute_start, found.minute_trades) == ([MINUTE], [None])


def test_a_last_trade_that_does_not_tell_the_price() -> None:
    odd = {"p": 99.0, "t": (MINUTE + 21_000) * NS, "c": [14, 37]}
    found = read(ticker(lastTrade=odd))
    assert (found.price, found.price_time) == ([195.4], [MINUTE + 25_000]), "the minute's close so far"
    later = read(ticker(lastTrade=odd, updated=(MINUTE + 90_000) * NS))
    assert later.price_time == [MINUTE + 60_000], "the minute's end"


@pytest.mark.parametrize("name", [17, "", "\ud800"])
def test_a_bad_element_costs_itself_only(name: object) -> None:
    """Half of a surrogate pair, which JSON can say, is no text."""
    found = reading(json.dumps({"tickers": [ticker(), ticker(ticker=name), ticker()]}).encode())
    assert (len(found.snapshot), found.bad, found.lost) == (2, 1, 0)


@pytest.mark.parametrize(("part", "name"), [(p, n) for p in ("day", "prevDay", "min") for n in ticker()[p]])
@pytest.mark.parametrize("bad", ["null", "NaN", "-Infinity", "1e999", '"many"', "[]"])
def test_a_bad_field_costs_itself_only(part: str, name: str, bad: str) -> None:
    """It is as if it were not there; the element's price stays, and so do its neighbours."""
    without = {key: value for key, value in ticker()[part].items() if key != name}
    body = json.dumps({"status": "OK", "tickers": [ticker(), ticker(**{part: without | {name: "BAD"}}), ticker()]})
    found = reading(body.replace('"BAD"', bad).encode())
    assert (len(found.snapshot), found.bad) == (3, 0)
    columns, expected = Columns(found.snapshot), read(ticker(), ticker(**{part: without}), ticker())
    for column in OBSERVATIONS:
        assert getattr(columns, column) == getattr(expected, column), column


def test_a_trade_whose_conditions_cannot_be_read_is_no_price() -> None:
    """It may be an odd lot."""
    found = read(ticker(lastTrade={"p": 99.0, "t": (MINUTE + 21_000) * NS, "c": ["odd"]}))
    assert found.price == [195.4], "the minute's close"


@pytest.mark.parametrize("bad", [b'{"ticker": nan}', b'{"ticker":"X","day":{"c":undefined}}', b'{"ticker":"]}{[",day}'])
def test_a_malformed_element_costs_itself_only(bad: bytes) -> None:
    good = json.dumps(ticker(name='a "quoted" name with }]')).encode()
    found = reading(b'{"status":"OK","tickers":[' + good + b"," + bad + b"," + good + b"]}")
    assert (found.snapshot.symbols, found.bad) == (["AAPL", "AAPL"], 1)


@pytest.mark.parametrize("body", [b'{"tickers":null}', b'{"status":"OK"}', b'{"tickers":[]}'])
def test_null_is_an_empty_list(body: bytes) -> None:
    found = reading(body)
    assert (found.snapshot.symbols, found.bad) == ([], 0)


@pytest.mark.parametrize("tail", [b"", b",{", b',{"ticker":"B"', b',{"ticker":NaN}'])
def test_half_a_body_is_none(tail: bytes) -> None:
    with pytest.raises(FeedError, match="unreadable"):
        reading(b'{"tickers":[{"ticker":"A"}' + tail)


def test_an_empty_snapshot() -> None:
    snapshot = reading(b'{"tickers":[]}').snapshot
    assert (len(snapshot), snapshot.newest_event, set(snapshot.columns)) == (0, 0, set(OBSERVATIONS))


def test_the_newest_event_is_a_trade_or_a_change() -> None:
    trade = {"p": 1.0, "t": (MINUTE + 30_000) * NS, "c": [37]}  # an odd lot sets no price, but is an event
    found = read(ticker(), ticker(lastTrade=trade), ticker(lastTrade=None, updated=0))
    assert found.newest == [MINUTE + 25_000, MINUTE + 30_000, 0]


@pytest.mark.parametrize("ns", [0, MINUTE * NS + 999_999, MINUTE * NS - 1, 2**62, 10**30])
def test_nanoseconds_are_divided_exactly(ns: int) -> None:
    """Floats have no room for them. What no machine can hold is no time."""
    found = reading(json.dumps({"tickers": [ticker(), ticker(updated=ns)]}).encode())
    assert Columns(found.snapshot).updated[1:] == [(ns // NS or None) if ns < 2**63 else None]
    assert found.lost == (ns >= 2**63)


@pytest.mark.parametrize("unit", [1, 1000, NS])
def test_times_may_come_in_any_unit(unit: int) -> None:
    one = ticker()
    times = {
        "updated": one["updated"] // NS * unit,
        "min": one["min"] | {"t": MINUTE * unit},
        "lastTrade": one["lastTrade"] | {"t": one["lastTrade"]["t"] // NS * unit},
    }
    found, expected = read(one | times), read(one)
    for column in OBSERVATIONS:
        assert getattr(found, column) == getattr(expected, column), column
    assert found.newest == expected.newest


def told(one: dict[str, Any]) -> dict[str, float | None]:
    """What a frame says of one element, worked out by itself."""
    day, minute, trade = one.get("day") or {}, one.get("min") or {}, one.get("lastTrade") or {}
    before = one.get("prevDay") or {}
    updated, last = one.get("updated", 0), trade.get("p", 0) > 0 and updates_last(trade.get("c"))
    if last:
        price, time = trade["p"], trade.get("t", 0) // NS
    elif minute.get("c", 0) > 0:
        end = minute.get("t", 0) + 60_000
        price, time = minute["c"], min(end, updated // NS) if updated else end
    else:
        price, time = day.get("c"), updated // NS
    found = {
        "price": price, "price_time": time, "prev_close": (one.get("prevDay") or {}).get("c"), "open": day.get("o"),
        "high": day.get("h"), "low": day.get("l"), "close": day.get("c"), "vwap": day.get("vw"),
        "volume": max(day.get("v", 0), minute.get("av", 0)), "updated": updated // NS,
        "minute_start": minute.get("t"), "minute_trades": minute.get("n"),
        "minute_high": minute.get("h"), "minute_low": minute.get("l"), "prev_high": before.get("h"),
        "prev_low": before.get("l"), "prev_volume": before.get("v"),
        "spread_percent": spread_of(one.get("lastQuote") or {}),
    }  # fmt: skip
    return {name: value or None for name, value in found.items()}


def spread_of(quote: dict[str, float]) -> float | None:
    ask, bid = quote.get("P", 0), quote.get("p", 0)
    return 200 * (ask - bid) / (ask + bid) if 0 < bid <= ask else None


def some_ticker(dice: random.Random) -> dict[str, Any]:
    """Any part of it may be absent, null, zero or partly filled."""
    cells = {"c": 1.5, "o": 2.5, "h": 3.0, "l": 1.0, "v": 4.7489415903844e07, "vw": 1.75, "p": 1.25}

    def some(**known: Any) -> Any:
        filled = {name: dice.choice([value, value, 0]) for name, value in known.items() if dice.random() < 0.8}
        return dice.choice([filled, filled, filled, None])

    bar = {name: cells[name] for name in ("o", "h", "l", "c", "v", "vw")}
    parts = {
        "day": some(**bar), "prevDay": some(**bar), "min": some(c=1.6, av=5e7, t=MINUTE, n=7, h=1.7, l=1.5),
        "lastQuote": some(P=1.51, p=1.5) if dice.random() < 0.9 else some(P=1.4, p=1.5),
        "lastTrade": some(p=1.25, t=MINUTE * NS + dice.randrange(10**9)),
        "updated": dice.choice([0, MINUTE * NS + dice.randrange(10**11)]),
    }  # fmt: skip
    if parts["lastTrade"]:
        parts["lastTrade"]["c"] = dice.choice([None, [], [12], [14, 37], [12, 41]])
    return {"ticker": "A"} | {name: part for name, part in parts.items() if dice.random() < 0.9}


@given(st.integers(0, 2**32), st.integers(1, 20))
def test_a_snapshot_says_of_each_element_what_it_would_alone(seed: int, count: int) -> None:
    dice = random.Random(seed)
    tickers = [some_ticker(dice) for _ in range(count)]
    found = read(*tickers)
    for name in OBSERVATIONS:
        assert getattr(found, name) == [told(one)[name] for one in tickers], name


BAD = (b'{"ticker":17}', b'{"ticker":"B","day":{"c":"x","h":2},"updated":7}', b"{}", b'{"ticker":nan}')
TORN = b'{"status":"OK","tickers":[{"ticker":"A"},'


def some_element(dice: random.Random) -> bytes:
    """Sometimes one that cannot be read; malformed ones, for which the whole body is cut in pieces, more rarely."""
    named = some_ticker(dice) | {"ticker": f"S{dice.randrange(9)}"}
    return json.dumps(named).encode() if dice.random() < 0.9 else dice.choices(BAD, [5, 5, 5, 1])[0]


def some_change(elements: list[bytes], dice: random.Random) -> list[bytes]:
    """What a body may have of the elements of the one before: most of them as they were, others, more, or fewer."""
    changed = [one if dice.random() < 0.7 else some_element(dice) for one in elements]
    match dice.randrange(6):
        case 0:
            changed.insert(dice.randint(0, len(changed)), some_element(dice))
        case 1:
            del changed[dice.randint(0, len(changed)) :]
        case 2:
            dice.shuffle(changed)
    return changed


def same(one: Reading, other: Reading) -> bool:
    columns = ((one.snapshot.columns[name], other.snapshot.columns[name]) for name in OBSERVATIONS)
    return (
        (one.bad, one.lost, one.first_fault, one.snapshot.symbols, one.snapshot.has_trades)
        == (other.bad, other.lost, other.first_fault, other.snapshot.symbols, other.snapshot.has_trades)
        and all(np.array_equal(*pair, equal_nan=True) for pair in columns)
        and np.array_equal(one.snapshot.newest, other.snapshot.newest)
    )


@given(st.integers(0, 2**32), st.integers(0, 12))
def test_what_was_read_before_changes_nothing(seed: int, count: int) -> None:
    """A reader that decodes only what changed says of each body what one says that has read no other."""
    dice, reader = random.Random(seed), SnapshotReader()
    elements, kept = [some_element(dice) for _ in range(count)], list[tuple[Reading, Reading]]()
    for _ in range(6):
        body = b'{"status":"OK","tickers":[' + b",".join(elements) + b"]}"
        kept.append((reader.read(body), reading(body)))
        elements = some_change(elements, dice)
        if dice.random() < 0.2:
            with pytest.raises(FeedError):
                reader.read(TORN)
    for found, expected in kept:  # and what it handed out stays as it was
        assert same(found, expected)
