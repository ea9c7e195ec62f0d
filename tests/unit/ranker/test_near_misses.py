"""Near misses of a made-up market are what a plain look at each symbol gives."""

from __future__ import annotations

import random
from typing import Any

import pytest

from gapscan.errors import ProtocolError
from gapscan.protocol.messages import NearRequest, Row
from gapscan.ranker.near_misses import NearMisses
from gapscan.ranking.scanner import Scanner
from gapscan.ranking.spec import parse_lists
from tests.support.market import stock, universe_of

LISTS = parse_lists(
    """
    gate = 'price >= 1'
    [lists.up]
    where = 'change_percent >= 5 and volume >= 1000'
    sort = ["-change_percent"]
    limit = 2
    """,
    "test",
)


def moving(symbol: str, price: float, volume: float) -> Any:
    return stock(symbol, price=price, prev_close=100.0, volume=volume)


def near_of(*stocks: Any, limit: int = 50) -> dict[str, tuple[str, float]]:
    universe = universe_of(stocks)
    rows: dict[str, list[Row]] = {"up": list(Scanner(universe, LISTS).scan({})["up"])}
    found = NearMisses(universe, lambda: LISTS, lambda name: rows[name]).answer(NearRequest("up", limit))
    assert [miss.distance for miss in found.symbols] == sorted(miss.distance for miss in found.symbols)
    return {miss.symbol: (miss.condition.text, miss.distance) for miss in found.symbols}


def test_who_lacks_one_condition_and_by_how_much() -> None:
    found = near_of(
        moving("IN", 110.0, 5000), moving("SLOW", 104.8, 5000), moving("THIN", 107.0, 950),
        moving("BOTH", 104.8, 950), moving("FAR", 103.0, 5000),
    )  # fmt: skip
    assert found == {"SLOW": ("change_percent >= 5", 4.0), "THIN": ("volume >= 1000", 5.0)}


def test_who_only_has_no_room_misses_nothing() -> None:
    assert near_of(*(moving(f"S{n}", 110.0 + n, 5000) for n in range(4))) == {}


def test_they_are_what_a_plain_look_gives() -> None:
    dice = random.Random(4)
    stocks = {
        f"S{n}": (round(dice.uniform(103, 107), 1), float(dice.choice([800, 920, 1000, 2000]))) for n in range(150)
    }
    found = near_of(*(moving(symbol, *values) for symbol, values in stocks.items()), limit=150)
    plain = {
        symbol
        for symbol, (price, volume) in stocks.items()
        if (price - 100 >= 4.5 and volume >= 900) and (round(price - 100, 6) >= 5) + (volume >= 1000) == 1
    }
    assert found.keys() == plain
    assert len(near_of(*(moving(symbol, *values) for symbol, values in stocks.items()), limit=5)) == min(5, len(plain))


def test_a_list_that_is_not_ranked() -> None:
    with pytest.raises(ProtocolError, match="not ranked"):
        NearMisses(universe_of([moving("A", 110.0, 5000)]), lambda: LISTS, lambda _name: []).answer(NearRequest("down"))
