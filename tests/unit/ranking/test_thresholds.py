"""Each shipped list at, just outside and just inside each of its thresholds, and in which order it shows its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pytest

from gapscan.market.scans import merge_scan
from gapscan.market.sessions import MINUTE_MS, MarketSession
from gapscan.ranking.scanner import Scanner
from gapscan.ranking.spec import shipped_lists
from tests.support.market import MOMENT, TIMES, Stock, share_at, stock, universe_frame, universe_of

NIGHT, PRE, REGULAR, POST, CLOSED = MarketSession
EVER = (PRE, REGULAR, POST, CLOSED)
OPEN = (PRE, REGULAR, POST)
EARLY = (PRE, REGULAR)
LISTS = shipped_lists()
EXPECTED_TRADES = 100.0  # in a minute: then one standard deviation is ten trades
BEFORE = 65.0  # seconds ago: what is a minute old then


def made(session: MarketSession, symbol: str, **wanted: float | str) -> Stock:
    """A stock of which the figures are `wanted`, in the words of the lists' table.

    gap, change, from_open, from_high, from_low, move (in a minute), gain (in five) and post_change are percent,
    over_vwap is dollars, high_age, low_age and halt_age are seconds.
    """
    fields: dict[str, Any] = {"past": {}}
    for part in (_prices, _volumes, _ranges, _minute, _after_the_close):
        part(fields, wanted, session)
    if "float_shares" in wanted:
        fields["float_shares"] = wanted["float_shares"]
    if "halt" in wanted:
        fields |= {"halt": wanted["halt"], "halt_time": MOMENT[session] - 1000 * float(wanted["halt_age"])}
    if "vwap" in wanted:
        fields["vwap"] = wanted["vwap"]
    if "ssr_carried" in wanted:
        fields["ssr_carried"] = wanted["ssr_carried"]
    if "over_pre_high" in wanted:
        early = MOMENT[session] / 1000 - TIMES.regular / 1000 + 1800
        fields["past"][early] = {"price": fields["price"] - wanted["over_pre_high"]}
    if "first_day" in wanted:
        fields["prev_close"] = None
    return stock(symbol, **fields)


def before(now: float, percent: float) -> float:
    """What it was before it changed by so many percent; rounded, so that whole percentages come out whole."""
    return round(now / (1 + percent / 100), 9)


def _prices(fields: dict[str, Any], wanted: Mapping[str, Any], session: MarketSession) -> None:
    if "gap" in wanted:
        opened = 100.0 + wanted["gap"]
        price = opened + wanted.get("from_open", 0.0) * opened / 100
        fields |= {"prev_close": 100.0, "open": opened, "price": price}
    else:
        change = wanted.get("change", 0.0)
        price = wanted.get("price", 100.0 + change)
        fields |= {"price": price, "prev_close": before(price, change)}
    if "over_vwap" in wanted:
        fields["vwap"] = price - wanted["over_vwap"]


def _volumes(fields: dict[str, Any], wanted: Mapping[str, Any], session: MarketSession) -> None:
    volume = wanted.get("volume", 100_000.0)
    if "dollars" in wanted:
        fields["vwap"], volume = 100.0, wanted["dollars"] / 100
    fields["volume"] = volume
    if "rvol" in wanted:
        share = share_at(MOMENT[session]) if session is REGULAR else 1.0
        fields["average_volume"] = volume / (wanted["rvol"] * share)


def _ranges(fields: dict[str, Any], wanted: Mapping[str, Any], session: MarketSession) -> None:
    """Before the open only prices that were seen make a range, from then on the provider tells it."""
    price = fields["price"]
    for name, inside in (("high", price - 1), ("low", price + 1)):
        if f"from_{name}" in wanted:
            scans = {1000.0: before(price, wanted[f"from_{name}"])}
        elif f"{name}_age" in wanted:
            scans = {wanted[f"{name}_age"] + 60: inside, wanted[f"{name}_age"]: price}
        else:
            continue
        field = "price" if session is PRE else name
        fields["past"] |= {ago: {field: value} for ago, value in scans.items()}


def _minute(fields: dict[str, Any], wanted: Mapping[str, Any], session: MarketSession) -> None:
    if "move" in wanted:
        volume = fields["volume"] - wanted["volume_1m"]
        fields["past"][BEFORE] = {"price": before(fields["price"], wanted["move"]), "volume": volume}
    if "gain" in wanted:
        fields["past"][BEFORE + 240] = {"price": before(fields["price"], wanted["gain"])}
    if "trades_z" in wanted:
        now = MOMENT[session]
        start = now - MINUTE_MS
        share = share_at(now) - share_at(start)
        fields |= {"average_trades": EXPECTED_TRADES / share, "trades_deviation": 0.0, "minute_start": float(start)}
        fields["minute_trades"] = EXPECTED_TRADES + 10 * wanted["trades_z"]


def _after_the_close(fields: dict[str, Any], wanted: Mapping[str, Any], session: MarketSession) -> None:
    if "post_change" in wanted:
        fields |= {"close": 100.0, "price": 100.0 + wanted["post_change"]}
        fields["past"][3660.0] = {"volume": fields["volume"] - wanted["post_volume"]}


# A stock that is well inside each list.
GAP_UP, GAP_DOWN = {"gap": 3.0, "volume": 2e5}, {"gap": -3.0, "volume": 2e5}
INSIDE: dict[str, dict[str, Any]] = {
    "gappers_up": GAP_UP,
    "gappers_down": GAP_DOWN,
    "momentum_up": {"change": 3.0, "from_high": -0.5, "over_vwap": 1.0, "rvol": 2.0, "volume": 2e5},
    "momentum_down": {"change": -3.0, "from_low": 0.5, "over_vwap": -1.0, "rvol": 2.0, "volume": 2e5},
    "winners": {"change": 6.0, "rvol": 2.0},
    "losers": {"change": -6.0, "rvol": 2.0},
    "new_highs": {"high_age": 100.0, "volume": 2e5},
    "new_lows": {"low_age": 100.0, "volume": 2e5},
    "high_volume": {"rvol": 3.0, "dollars": 2e6},
    "most_active": {"dollars": 2e6},
    "anomalies": {"trades_z": 4.0},
    "reversals": {"gap": 3.0, "from_open": -2.0},
    "post_market": {"post_change": 1.0, "post_volume": 3e4},
    "low_float": {"price": 10.0, "float_shares": 1e7, "change": 20.0, "rvol": 6.0, "volume": 2e5},
    "price_spikes": {"move": 3.0, "volume_1m": 2_000.0},
    "halted": {"halt": "resumed", "halt_age": 300.0},
    "new_listings": {"first_day": 1.0, "dollars": 2e6},
    "premarket_high_break": {"change": 3.0, "over_pre_high": 1.0, "volume": 2e5, "move": 2.0, "volume_1m": 9.0},
    "ssr": {"change": -12.0, "ssr_carried": 1.0, "volume": 2e5},
}
SESSIONS: dict[str, Sequence[MarketSession]] = {
    "gappers_up": EARLY, "gappers_down": EARLY, "momentum_up": EARLY, "momentum_down": EARLY, "winners": EVER,
    "losers": EVER, "new_highs": EARLY, "new_lows": EARLY, "high_volume": (REGULAR,), "new_listings": OPEN,
    "premarket_high_break": (REGULAR,), "ssr": OPEN,
    "most_active": EVER,
    "anomalies": OPEN, "reversals": (REGULAR,), "post_market": (POST,), "low_float": EARLY, "price_spikes": EVER,
    "halted": EVER,
}  # fmt: skip


class At(NamedTuple):
    """A threshold: values of `figure` that keep a newcomer out, let it in (the edge itself, and beyond), and values
    with which a row leaves, and stays. Relative volume is not exact to the last bit, so its edge is a hair inside."""

    list: str
    figure: str
    outside: Any
    edge: Any
    inside: Any
    leaves: Any
    stays: Any
    given: Mapping[str, Any] = {}
    sessions: Sequence[MarketSession] = ()


HAIR = 1e-9
DOWN = {"gap": -50.0, "from_open": 2.0}
UP = {"gap": 100.0, "from_open": -2.0}
THRESHOLDS = [
    # list, figure, outside, edge, inside, leaves, stays
    At("gappers_up", "gap", 1.99, 2.0, 2.01, 1.79, 1.81),
    At("gappers_up", "volume", 49_999, 50_000, 50_001, 44_999, 45_000, sessions=(PRE,)),
    At("gappers_up", "volume", 99_999, 100_000, 100_001, 89_999, 90_000, sessions=(REGULAR,)),
    At("gappers_down", "gap", -1.99, -2.0, -2.01, -1.79, -1.81),
    At("gappers_down", "volume", 49_999, 50_000, 50_001, 44_999, 45_000, sessions=(PRE,)),
    At("gappers_down", "volume", 99_999, 100_000, 100_001, 89_999, 90_000, sessions=(REGULAR,)),
    At("momentum_up", "from_high", -1.01, -1.0, -0.99, -1.12, -1.11, {"price": 99.0}),
    At("momentum_up", "change", 0.99, 1.0, 1.01, 0.89, 0.91),
    At("momentum_up", "over_vwap", 0.0, 0.01, 0.02, -0.01, 0.01),
    At("momentum_up", "rvol", 1.5 - HAIR, 1.5 + HAIR, 1.51, 1.349, 1.351, sessions=(REGULAR,)),
    At("momentum_up", "volume", 99_999, 100_000, 100_001, 89_999, 90_000),
    At("momentum_down", "from_low", 1.01, 1.0, 0.99, 1.12, 1.11, {"price": 101.0}),
    At("momentum_down", "change", -0.99, -1.0, -1.01, -0.89, -0.91),
    At("momentum_down", "over_vwap", 0.0, -0.01, -0.02, 0.01, -0.01),
    At("momentum_down", "rvol", 1.5 - HAIR, 1.5 + HAIR, 1.51, 1.349, 1.351, sessions=(REGULAR,)),
    At("momentum_down", "volume", 99_999, 100_000, 100_001, 89_999, 90_000),
    At("winners", "change", 4.99, 5.0, 5.01, 4.49, 4.51),
    At("winners", "rvol", 1.5 - HAIR, 1.5 + HAIR, 1.51, 1.349, 1.351, sessions=(REGULAR,)),
    At("losers", "change", -4.99, -5.0, -5.01, -4.49, -4.51),
    At("losers", "rvol", 1.5 - HAIR, 1.5 + HAIR, 1.51, 1.349, 1.351, sessions=(REGULAR,)),
    At("new_highs", "high_age", 300.001, 300.0, 299.999, 333.4, 333.3),
    At("new_highs", "volume", 99_999, 100_000, 100_001, 89_999, 90_000),
    At("new_lows", "low_age", 300.001, 300.0, 299.999, 333.4, 333.3),
    At("new_lows", "volume", 99_999, 100_000, 100_001, 89_999, 90_000),
    At("high_volume", "rvol", 2.0 - HAIR, 2.0 + HAIR, 2.01, 1.799, 1.801, sessions=(REGULAR,)),
    At("high_volume", "dollars", 999_900, 1_000_000, 1_000_100, 899_900, 900_000),
    At("most_active", "dollars", 999_900, 1_000_000, 1_000_100, 899_900, 900_000),
    At("anomalies", "trades_z", 3 - HAIR, 3 + HAIR, 3.1, 2.69, 2.71),
    At("reversals", "gap", 1.99, 2.0, 2.01, 1.79, 1.81),
    At("reversals", "from_open", -0.99, -1.0, -1.01, -0.89, -0.91, UP),
    At("reversals", "gap", -1.99, -2.0, -2.01, -1.79, -1.81, DOWN),
    At("reversals", "from_open", 0.99, 1.0, 1.01, 0.89, 0.91, DOWN),
    At("post_market", "post_volume", 19_999, 20_000, 20_001, 17_999, 18_000),
    At("post_market", "post_change", 0.49, 0.5, 0.51, 0.449, 0.451),
    At("post_market", "post_change", -0.49, -0.5, -0.51, -0.449, -0.451),
    At("low_float", "price", 1.99, 2.0, 2.01, 1.79, 1.8),
    At("low_float", "price", 20.01, 20.0, 19.99, 22.23, 22.22),
    At("low_float", "float_shares", 20_000_001, 20_000_000, 19_999_999, 22_222_223, 22_222_222),
    At("low_float", "change", 9.99, 10.0, 10.01, 8.99, 9.01, {"price": 11.0}),
    At("low_float", "rvol", 5 - HAIR, 5 + HAIR, 5.01, 4.499, 4.501, sessions=(REGULAR,)),
    At("low_float", "volume", 99_999, 100_000, 100_001, 89_999, 90_000),
    At("price_spikes", "volume_1m", 1_000, 1_001, 1_002, 900, 901),
    At("price_spikes", "move", 7.99, 8.000001, 8.01, 7.19, 7.21, {"price": 1.0}),
    At("price_spikes", "move", 7.99, 8.000001, 8.01, 7.19, 7.21, {"price": 1.999}),
    At("price_spikes", "move", 5.99, 6.000001, 6.01, 5.39, 5.41, {"price": 2.0}),
    At("price_spikes", "move", 5.99, 6.000001, 6.01, 5.39, 5.41, {"price": 3.999}),
    At("price_spikes", "move", 3.99, 4.000001, 4.01, 3.59, 3.61, {"price": 4.0}),
    At("price_spikes", "move", 3.99, 4.000001, 4.01, 3.59, 3.61, {"price": 7.999}),
    At("price_spikes", "move", 1.99, 2.000001, 2.01, 1.79, 1.81, {"price": 8.0}),
    At("price_spikes", "move", 1.99, 2.000001, 2.01, 1.79, 1.81, {"price": 9.999}),
    At("price_spikes", "move", 0.99, 1.000001, 1.01, 0.89, 0.91, {"price": 10.0}),
    At("price_spikes", "move", -0.99, -1.0, -1.01, -0.89, -0.91, {"price": 99.0}),
    At("premarket_high_break", "over_pre_high", 0.0, 0.01, 0.02, -0.01, 0.01),
    At("premarket_high_break", "change", 0.99, 1.0, 1.01, 0.89, 0.91),
    At("premarket_high_break", "volume", 99_999, 100_000, 100_001, 89_999, 90_000),
    At("ssr", "volume", 99_999, 100_000, 100_001, 89_999, 90_000),
    At("ssr", "ssr_carried", 0.0, 1.0, 1.0, 0.0, 1.0),
    At("new_listings", "dollars", -1.0, 1.0, 2.0, -1.0, 1.0),
    At("halted", "halt_age", 600.001, 600.0, 599.999, 666.7, 666.6),
]


@pytest.mark.parametrize("case", THRESHOLDS, ids=lambda case: f"{case.list}-{case.figure}-{case.edge:g}")
def test_thresholds(case: At) -> None:
    for session in case.sessions or SESSIONS[case.list]:
        stocks = [
            made(session, symbol, **(INSIDE[case.list] | dict(case.given) | {case.figure: getattr(case, symbol)}))
            for symbol in ("outside", "edge", "inside", "leaves", "stays")
        ]
        assert set(ranked(case.list, stocks, session, ("leaves", "stays"))) == {"edge", "inside", "stays"}, session


def ranked(name: str, stocks: Sequence[Stock], session: MarketSession, members: Sequence[str] = ()) -> list[str]:
    """The symbols that the list shows, in order, when it has those called `members` already."""
    scanner = Scanner(universe_of(stocks, session), LISTS)
    return scanner.scan({name: [{"symbol": symbol} for symbol in members]})[name].symbols


def test_every_list_has_its_thresholds_checked() -> None:
    assert {case.list for case in THRESHOLDS} == set(INSIDE) == set(SESSIONS) == {spec.name for spec in LISTS.specs}


def test_a_stock_that_moves_the_other_way_is_in_no_list_of_movers() -> None:
    for name, other in (("gappers_up", "gap"), ("winners", "change"), ("momentum_up", "change")):
        turned = INSIDE[name] | {other: -INSIDE[name][other]}
        assert not ranked(name, [made(REGULAR, "A", **turned)], REGULAR), name
    for gap, from_open in ((3.0, 2.0), (-3.0, -2.0)):
        assert not ranked("reversals", [made(REGULAR, "A", gap=gap, from_open=from_open)], REGULAR)


@pytest.mark.parametrize("session", EVER)
def test_a_halted_stock_is_listed_however_long_it_is_halted(session: MarketSession) -> None:
    halted = made(session, "A", halt="halted", halt_age=14_000.0)
    assert ranked("halted", [{**halted, "price_time": float(MOMENT[session] - 14_000_000)}], session) == ["A"]


def test_no_minute_has_unusual_trades_while_the_market_is_closed() -> None:
    now = float(MOMENT[CLOSED])
    busy = stock("A", price=10.0, prev_close=10.0, average_trades=1e5, trades_deviation=1e3, minute_trades=1e5)
    assert not ranked("anomalies", [{**busy, "minute_start": now - MINUTE_MS}], CLOSED)


@pytest.mark.parametrize("session", [PRE, REGULAR, CLOSED])
def test_post_market_stands_still_until_the_close(session: MarketSession) -> None:
    assert "post_market" not in Scanner(universe_of([], session), LISTS).scan({})


# For each list the figures of stocks in the order in which it shows them.
ORDER: list[tuple[str, list[dict[str, Any]]]] = [
    ("gappers_up", [{"gap": 9.0}, {"gap": 3.0}, {"gap": 2.5}]),
    ("gappers_down", [{"gap": -9.0}, {"gap": -3.0}, {"gap": -2.5}]),
    ("momentum_up", [{"gain": 2.0}, {"gain": 1.0, "move": 1.5, "volume_1m": 9.0}, {"change": 9.0}]),
    ("momentum_down", [{"gain": -2.0}, {"gain": -1.0, "move": -1.5, "volume_1m": 9.0}, {"change": -9.0}]),
    ("winners", [{"change": 9.0}, {"change": 6.5}, {"change": 6.0}]),
    ("losers", [{"change": -9.0}, {"change": -6.5}, {"change": -6.0}]),
    ("new_highs", [{"high_age": 10.0}, {"high_age": 20.0, "change": 5.0}, {"high_age": 20.0, "change": -5.0}]),
    ("new_lows", [{"low_age": 10.0}, {"low_age": 20.0, "change": -5.0}, {"low_age": 20.0, "change": 5.0}]),
    ("high_volume", [{"rvol": 5.0}, {"rvol": 4.0}, {"rvol": 2.1}]),
    ("most_active", [{"dollars": 5e9}, {"dollars": 5e8}, {"dollars": 4e8}]),
    ("anomalies", [{"trades_z": 9.0}, {"trades_z": 5.0}, {"trades_z": 4.0}]),
    ("reversals", [{"gap": -9.0, "from_open": 2.0}, {"gap": 4.0, "from_open": -6.0}, {"gap": 5.0, "from_open": -4.0}]),
    ("post_market", [{"post_change": -9.0}, {"post_change": 5.0}, {"post_change": -4.0}]),
    ("low_float", [{"change": 90.0}, {"change": 50.0}, {"change": 40.0}]),
    ("premarket_high_break", [{"gain": 9.0}, {"gain": 4.0}, {"gain": 3.0}]),
    ("ssr", [{"change": -30.0}, {"change": -12.0}, {"change": -9.0}]),
    ("new_listings", [{"dollars": 5e9}, {"dollars": 5e8}, {"dollars": 4e5}]),
    ("halted", [{"halt_age": 1.0}, {"halt_age": 5.0, "halt": "halted"}, {"halt_age": 6.0}]),
]


@pytest.mark.parametrize(("name", "figures"), ORDER, ids=[name for name, _ in ORDER])
def test_order(name: str, figures: list[dict[str, Any]]) -> None:
    for session in SESSIONS[name]:
        stocks = [made(session, symbol, **(INSIDE[name] | one)) for symbol, one in zip("CBA", figures, strict=True)]
        assert ranked(name, stocks[::-1], session) == ["C", "B", "A"], session


def test_the_newest_spike_is_first() -> None:
    """However far the others went since."""
    begin = MOMENT[REGULAR]
    quiet = [stock(symbol, price=50.0, prev_close=50.0, volume=1e5) for symbol in "ABC"]
    scanner = Scanner(universe_of(quiet, REGULAR), LISTS)
    jumped: dict[str, float] = dict.fromkeys("ABC", 50.0)
    for seconds, symbol in ((30, ""), (60, ""), (90, "B"), (100, "A"), (120, "C")):
        if symbol:
            jumped[symbol] = 80.0 - seconds / 10
        scan(scanner, begin + 1000 * seconds, jumped)
    assert scanner.scan({})["price_spikes"].symbols == ["C", "A", "B"]


def scan(scanner: Scanner, moment: int, prices: Mapping[str, float]) -> None:
    """All stocks trade; those that are above 50 dollars do so in volume."""
    stocks = [
        stock(symbol, price=price, price_time=float(moment), updated=float(moment), volume=5e5 if price > 50 else 1e5)
        for symbol, price in prices.items()
    ]
    merge_scan(scanner.universe, universe_frame(stocks, moment))
    scanner.scan({})


@pytest.mark.parametrize("name", INSIDE)
def test_ties_go_by_dollar_volume_then_symbol(name: str) -> None:
    session = SESSIONS[name][-1]
    low = 1_000.0 if name == "momentum_down" else 90.0
    stocks = [
        made(session, symbol, **(INSIDE[name] | {"vwap": vwap}))
        for symbol, vwap in (("B", low), ("b", low), ("A", low), ("Z", low + 5))
    ]
    assert ranked(name, stocks, session) == ["Z", "A", "B", "b"]


@pytest.mark.parametrize("name", INSIDE)
def test_every_list_holds_two_hundred_rows(name: str) -> None:
    session = SESSIONS[name][0]
    stocks = [made(session, f"S{n:03}", **INSIDE[name]) for n in range(205)]
    assert ranked(name, stocks[::-1], session) == [f"S{n:03}" for n in range(200)]
