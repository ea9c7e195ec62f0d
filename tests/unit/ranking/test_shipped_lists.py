"""What holds for all shipped lists: gate, sessions, age, ties, limit."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from gapscan.lists.delta import Rows, symbols_of
from gapscan.market.scans import merge_scan
from gapscan.market.sessions import MarketSession, session_at
from gapscan.ranking.scanner import Scanner
from gapscan.ranking.spec import ListSet, compile_list, shipped_lists
from tests.support.market import MOMENT, TIMES, Stock, share_at, stock, universe_frame, universe_of

NIGHT, PRE, REGULAR, POST, CLOSED = MarketSession
# The lists that are ranked in all sessions, and those that are ranked until the close.
EVER = {"winners", "losers", "high_volume", "most_active", "anomalies", "price_spikes", "halted", "new_listings"}
EARLY = {"gappers_up", "gappers_down", "momentum_up", "momentum_down", "new_highs", "new_lows", "low_float"}
AVERAGE = 10_000_000.0


def usual(session: MarketSession, times: float) -> float:
    """The volume that is `times` the usual one by now."""
    return times * AVERAGE * share_at(MOMENT[session])


def quiet(symbol: str = "A", **fields: Any) -> Stock:
    """A stock that no list wants; prices are such that a percentage is exact."""
    known = {"price": 1024.0, "prev_close": 1024.0, "volume": 0.0, "average_volume": AVERAGE}
    return stock(symbol, **(known | fields))


def lists_with(wanted: Stock, session: MarketSession, members: tuple[str, ...] = ()) -> set[str]:
    """The lists that show the stock when it is in those called `members` already."""
    scanner = Scanner(universe_of([wanted], session), shipped_lists())
    ranked = scanner.scan({name: [{"symbol": wanted["symbol"]}] for name in members})
    return {name for name, rows in ranked.items() if rows}


def shows(name: str, session: MarketSession, *, member: bool = False, **fields: Any) -> bool:
    return name in lists_with(quiet(**fields), session, (name,) if member else ())


def gap(percent: float, volume: float) -> dict[str, float]:
    """Fields of a stock that has gapped; the official open counts, not the price."""
    return {"open": 100.0 + percent, "price": 101.0, "prev_close": 100.0, "volume": volume}


def change(percent: float, session: MarketSession, times: float) -> dict[str, float]:
    return {"price": 100.0 + percent, "prev_close": 100.0, "volume": usual(session, times)}


def dollars(amount: float) -> dict[str, float]:
    return {"vwap": 100.0, "volume": amount / 100.0}


def test_before_the_open_the_gap_is_that_of_the_price() -> None:
    assert shows("gappers_up", PRE, price=103.0, prev_close=100.0, volume=50_000.0)
    assert shows("gappers_down", PRE, price=97.0, prev_close=100.0, volume=50_000.0)


def test_winners_after_the_close_have_traded_a_usual_days_volume() -> None:
    at_the_end: dict[str, Any] = {"price": 106.0, "prev_close": 100.0, "average_volume": 1024.0 * 1024.0}
    assert [shows("winners", CLOSED, **at_the_end, volume=1024.0 * 1024 + more) for more in (-1, 0)] == [
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("session", "expected"),
    [
        (PRE, EVER | EARLY),
        (REGULAR, EVER | EARLY | {"reversals"}),
        (POST, EVER | {"post_market"}),
        (CLOSED, EVER),
        (NIGHT, set()),
    ],
)
def test_sessions(session: MarketSession, expected: set[str]) -> None:
    """Outside of its sessions a list is not ranked, so that it stands still. Lists that are added are not looked at."""
    ranked = Scanner(universe_of([quiet()], session), shipped_lists()).scan({}).keys()
    assert ranked & (EVER | EARLY | {"reversals", "post_market"}) == expected


ACTIVE: dict[str, Any] = {"vwap": 1024.0, "volume": 1_000_000.0}


def test_every_stock_that_is_active_enough_is_shown() -> None:
    assert lists_with(quiet(**ACTIVE), REGULAR) == {"most_active"}
    assert lists_with(quiet(**ACTIVE, sessions=20), REGULAR) == {"most_active"}
    first_day = quiet(**ACTIVE, average_volume=None, prev_close=None)
    assert lists_with(first_day, REGULAR) == {"most_active", "new_listings"}
    assert lists_with(quiet(**ACTIVE, kind="ADRC"), REGULAR) == {"most_active"}


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "ETF"},
        {"kind": "WARRANT"},
        {"kind": None},
        {"test": True},
        {"price": 0.99},
        {"price": None},
        {"volume": None},
    ],
    ids=repr,
)
@pytest.mark.parametrize("member", [False, True])
def test_gate(fields: dict[str, Any], member: bool) -> None:
    low = {"price": 0.89} if member and fields.get("price") else {}
    assert not shows("most_active", REGULAR, member=member, **(ACTIVE | fields | low))


def test_a_member_may_fall_a_little_below_one_dollar() -> None:
    assert [
        shows("most_active", REGULAR, member=True, **(ACTIVE | {"price": price})) for price in (0.89, 0.9, 1.0)
    ] == [
        False,
        True,
        True,
    ]
    assert [shows("most_active", REGULAR, **(ACTIVE | {"price": price})) for price in (0.99, 1.0)] == [False, True]


def test_a_symbol_that_is_not_in_the_reference_data_is_not_shown() -> None:
    universe = universe_of([quiet(**ACTIVE)])
    universe.text("type").codes[:] = 0
    universe.number("test_symbol")[:] = float("nan")
    assert not any(Scanner(universe, shipped_lists()).scan({}).values())


@pytest.mark.parametrize(
    ("seconds", "shown", "stale"), [(120, True, False), (121, True, True), (900, True, True), (901, False, True)]
)
@pytest.mark.parametrize("member", [False, True])
def test_rows_are_marked_stale_long_before_they_leave(seconds: int, shown: bool, stale: bool, member: bool) -> None:
    """A list that idle symbols leave; the others keep them."""
    wanted = quiet(**ACTIVE, price_time=float(MOMENT[REGULAR] - seconds * 1000))
    lists = shipped_lists()
    leaving = [
        compile_list(structs.replace(spec.definition, idle="leave")) if spec.name == "most_active" else spec
        for spec in lists.specs
    ]
    published: dict[str, Rows] = {"most_active": [{"symbol": "A"}]} if member else {}
    for specs, there in ((lists.specs, True), (tuple(leaving), shown)):
        rows = Scanner(universe_of([wanted], REGULAR), ListSet(lists.gate, specs)).scan(published)["most_active"]
        assert [row["stale"] for row in rows] == [stale] * there


LEAVE = {"premarket_high_break", "momentum_up", "momentum_down", "new_highs", "new_lows", "price_spikes", "anomalies"}


def test_what_is_about_now_is_left_by_who_is_idle_and_what_is_about_the_day_is_not() -> None:
    assert {spec.name for spec in shipped_lists().specs if not spec.keeps_idle} == LEAVE


@pytest.mark.parametrize("session", [PRE, REGULAR, POST])
def test_a_day_list_keeps_its_rows_through_a_quiet_session(session: MarketSession) -> None:
    """To the end of each session and of the day, however long ago the last trade was."""
    begin = getattr(TIMES, session.value)
    universe = universe_of([quiet(**ACTIVE, price_time=float(begin), updated=float(begin))], session, begin + 1000)
    scanner = Scanner(universe, shipped_lists())
    rows: dict[str, Rows] = dict(scanner.scan({}))
    assert symbols_of(rows["most_active"]) == ["A"]
    for moment in (
        TIMES.regular - 1000,
        TIMES.regular,
        TIMES.post - 1000,
        TIMES.post,
        TIMES.closed - 1000,
        TIMES.closed,
    ):
        if moment > begin:
            merge_scan(universe, universe_frame([], moment, str(session_at(moment))))
            rows = dict(scanner.scan(rows))
            assert symbols_of(rows["most_active"]) == ["A"], moment


def test_ties_go_by_dollar_volume_then_symbol() -> None:
    stocks = [quiet(symbol, **gap(5.0, volume)) for symbol, volume in (("B", 2e5), ("b", 2e5), ("A", 2e5), ("Z", 3e5))]
    rows = Scanner(universe_of(stocks, REGULAR), shipped_lists()).scan({})["gappers_up"]
    assert [row["symbol"] for row in rows] == ["Z", "A", "B", "b"]


def test_a_list_holds_its_limit() -> None:
    stocks = [quiet(f"S{n}", **gap(5.0 + n / 100, 2e5)) for n in range(250)]
    scanner = Scanner(universe_of(stocks, REGULAR), shipped_lists())
    first = scanner.scan({})["gappers_up"]
    assert first.symbols == [f"S{n}" for n in range(249, 49, -1)]
    assert scanner.scan({"gappers_up": first})["gappers_up"] is first


def test_a_member_that_nobody_knows_is_not_shown() -> None:
    scanner = Scanner(universe_of([quiet()], REGULAR), shipped_lists())
    assert scanner.scan({"most_active": [{"symbol": "GONE"}], "no_such_list": [{"symbol": "A"}]})["most_active"] == []


def test_an_empty_universe() -> None:
    scanner = Scanner(universe_of([], REGULAR), shipped_lists())
    assert all(rows == [] for rows in scanner.scan({}).values())
    assert scanner.universe.as_of == TIMES.regular + 3_600_000
