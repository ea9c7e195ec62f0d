"""Rows settle: at, just before and just after the end of `settle`, and what does not wait for it."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from gapscan.lists.delta import Rows
from gapscan.market.scans import merge_scan
from gapscan.market.sessions import session_at
from gapscan.ranking.scanner import Scanner
from gapscan.ranking.spec import ListSet, compile_list, parse_lists
from tests.support.market import TIMES, stock, universe_frame, universe_of

NOON = TIMES.regular + 150 * 60_000
SECOND = 1000
PASSES, FAILS = 110.0, 103.0
LISTS = parse_lists(
    """
    [lists.up]
    where = 'change_percent >= 5'
    sort = ["-change_percent"]
    limit = 2
    """,
    "test",
)


class Market:
    """Stocks that are ranked whenever one of them moves, at seconds from `begin`."""

    def __init__(self, settle: float = 3.0, begin: int = NOON, idle: str = "leave", **prices: float) -> None:
        (spec,) = LISTS.specs
        definition = structs.replace(spec.definition, settle=settle, idle=idle)
        self.begin, self.prices = begin, prices
        universe = universe_of([self._stock(symbol, begin) for symbol in prices], session_at(begin), begin)
        self.scanner = Scanner(universe, ListSet(LISTS.gate, (compile_list(definition),)))
        self.rows: Rows = self.scanner.scan({})["up"]

    def _stock(self, symbol: str, now: int) -> Any:
        traded = {"price_time": float(now), "updated": float(now)}
        return stock(symbol, price=self.prices[symbol], prev_close=100.0, volume=1e6, **traded)

    def at(self, seconds: float, **prices: float) -> list[str]:
        """The symbols in the list once these have moved."""
        now = round(self.begin + seconds * SECOND)
        self.prices |= prices
        stocks = [self._stock(symbol, now) for symbol in prices]
        merge_scan(self.scanner.universe, universe_frame(stocks, now, str(session_at(now))))
        self.rows = self.scanner.scan({"up": self.rows})["up"]
        return [row["symbol"] for row in self.rows]


@pytest.mark.parametrize(("after", "there"), [(0.5, True), (2.999, True), (3.0, True), (3.001, False), (60, False)])
def test_a_row_leaves_when_it_has_failed_for_as_long(after: float, there: bool) -> None:
    market = Market(A=PASSES)
    assert market.at(10) == ["A"], "it passed until then"
    assert market.at(10, A=FAILS) == ["A"]
    assert market.at(10 + after) == ["A"] * there


def test_the_present_value_is_shown_meanwhile() -> None:
    market = Market(A=PASSES, B=108.0)
    assert market.at(1, A=FAILS) == ["B", "A"]
    assert [row["price"] for row in market.rows] == [108.0, FAILS]


def test_what_passes_again_in_time_never_left() -> None:
    market = Market(A=PASSES)
    for second in range(1, 60, 2):
        assert market.at(second, A=FAILS) == ["A"]
        assert market.at(second + 1, A=PASSES) == ["A"]


@pytest.mark.parametrize(("after", "there"), [(1, False), (3.0, False), (3.001, True)])
def test_who_left_comes_back_no_sooner(after: float, there: bool) -> None:
    market = Market(A=PASSES)
    market.at(1, A=FAILS)
    assert market.at(10) == []
    assert market.at(10 + after, A=PASSES) == ["A"] * there
    assert market.at(20) == ["A"], "nothing has to happen for it"


def test_a_newcomer_does_not_wait() -> None:
    market = Market(A=PASSES, B=FAILS)
    assert market.at(1, B=PASSES) == ["A", "B"]


def test_who_is_pushed_out_leaves_at_once_and_then_waits() -> None:
    market = Market(A=PASSES, B=108.0, C=FAILS)
    assert market.at(1, C=120.0) == ["C", "A"]
    assert market.at(2, B=130.0) == ["C", "A"]
    assert market.at(4.1) == ["B", "C"]


def test_a_place_that_is_waited_for_is_taken_by_the_next() -> None:
    market = Market(A=PASSES, B=108.0, C=106.0)
    assert market.at(1, A=FAILS) == ["B", "C"]
    assert market.at(2, A=PASSES) == ["B", "C"]
    assert market.at(4.1) == ["A", "B"]


def test_without_it_rows_come_and_go() -> None:
    market = Market(settle=0.0, A=PASSES)
    assert market.at(1, A=FAILS) == []
    assert market.at(1.5, A=PASSES) == ["A"]


def test_what_an_outage_made_unknown_does_not_stay() -> None:
    market = Market(A=PASSES)
    assert market.at(600, A=FAILS) == [], "it is not known to have passed for ten minutes"


def test_nobody_settles_over_a_bell() -> None:
    market = Market(begin=TIMES.post - 2 * SECOND, A=PASSES)
    assert market.at(1, A=FAILS) == ["A"]
    assert market.at(2) == []
    assert market.at(2.5, A=PASSES) == ["A"]


def test_who_has_not_traded_for_long_leaves_at_once() -> None:
    market = Market(A=PASSES, B=PASSES)
    for second in range(0, 900, 10):
        market.at(second, B=PASSES)
    assert market.at(910, B=PASSES) == ["B"]
