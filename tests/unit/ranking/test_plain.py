"""The plain ranker by examples; property tests hold the compiled expressions and the scanner to it."""

from __future__ import annotations

from typing import Any

import pytest

from gapscan.protocol.messages import ListDefinition, SessionName
from gapscan.ranking.language.syntax import parse
from gapscan.ranking.plain import PlainRow, holds, rank, rank_one, value

NAN = float("nan")
GATE = 'type == "CS" and price >= 1'


def row(symbol: str, price: float | None, **more: Any) -> PlainRow:
    return {"symbol": symbol, "price": price, "type": "CS", "dollar_volume": None, **more}


def one(where: str, *rows: PlainRow, sort: str = "-price", limit: int = 200, members: str = "") -> str:
    """The symbols of one list."""
    return "".join(rank_one(rows, ListDefinition("one", "", where, [sort], limit, []), GATE, members))


def test_by_the_sort_key_then_dollar_volume_then_symbol_missing_ones_last() -> None:
    rows = [
        row("D", 5.0, rvol=NAN), row("B", 5.0, rvol=1.0), row("A", 5.0, rvol=1.0), row("C", 5.0, rvol=2.0),
        row("E", 5.0, rvol=1.0, dollar_volume=7),
    ]  # fmt: skip
    assert one("price > 1", *rows, sort="-rvol") == "CEABD"
    assert one("price > 1", *rows, sort="rvol") == "EABCD"
    assert one("price > 1", *rows, sort="- symbol", limit=3) == "EDC"


def test_the_gate_keeps_out_and_who_has_not_traded_for_long_is_gone() -> None:
    rows = [row("A", 0.99), row("B", 1.0, type="ETF"), row("C", 1.0, type=None), row("D", 1.0, gone=True), row("E", 1)]
    assert one("True", *rows) == "E"
    assert one("True", *rows, members="ABCD") == "EA"  # within 90 % of a dollar
    stays = ListDefinition("one", "", "True", ["-price"], 200, [], idle="stay")
    assert rank_one(rows, stays, GATE, ()) == ["D", "E"]


@pytest.mark.parametrize(
    ("where", "price", "enters", "stays"),
    [
        ("price >= 5", 5.0, True, True),
        ("price >= 5", 4.5, False, True),
        ("price >= 5", 4.4, False, False),
        ("5 <= price", 4.5, False, True),
        ("price < 9", 9.9, False, True),
        ("price < 9", 10.0, False, False),
        ("price > -5", -5.5, False, True),
        ("not price > 9", 9.9, False, True),
        ("price == 5", 4.5, False, False),
        ("price * 1 >= 2 + 3", 4.5, False, True),
        ("price >= (5 if price > 4.9 else 50)", 4.95, False, True),
        ("price >= (5 if price > 4.9 else 50)", 4.6, False, False),  # the test of the choice is no threshold
        ("price >= 1 * price * 1.01", 5.0, False, False),
        ("4 < price <= 5", 3.7, False, True),
        ("price > 1 or rvol > 1", None, False, False),
        ("not price > 1", None, False, False),
        ("price != 1", NAN, False, False),
        ("1 / (price - price) > 0", 5.0, False, False),
    ],
)
def test_who_is_in_stays_until_nine_tenths_of_a_threshold(
    where: str, price: float | None, enters: bool, stays: bool
) -> None:
    tree, known = parse(where), {"price": price}
    assert (holds(tree, known), holds(tree, known, relaxed=True)) == (enters, stays)


def test_lists_that_are_closed_have_no_place() -> None:
    sessions: dict[str, list[SessionName]] = {"all": [], "early": ["pre"], "day": ["pre", "regular"]}
    definitions = [ListDefinition(name, "", "True", ["symbol"], 9, which) for name, which in sessions.items()]
    assert rank([row("A", 2.0)], definitions, GATE, "regular", {}) == {"all": ["A"], "day": ["A"]}
    assert rank([], definitions, GATE, "pre", {"all": ["A"]}) == {"all": [], "early": [], "day": []}


def test_values() -> None:
    known = {"price": 3, "rvol": None, "type": "CS", "stale": True}
    found = [value(parse(text), known) for text in ("-price * 2", "min(price, 1)", "abs(rvol)", "type", "stale", "x")]
    assert found == [-6.0, 1.0, None, "CS", 1.0, None]
