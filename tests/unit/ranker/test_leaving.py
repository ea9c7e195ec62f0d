"""Why rows leave: said by what the ranking knew."""

from __future__ import annotations

from typing import Any

from gapscan.lists.difference import diff
from gapscan.market.metrics import GONE_AFTER
from gapscan.market.scans import merge_scan
from gapscan.market.sessions import DAY_MS, MarketSession
from gapscan.market.universe import Universe
from gapscan.protocol.messages import Add, Remove, Row
from gapscan.ranker.leaving import LeaveReasons
from gapscan.ranking.scanner import Scanner
from gapscan.ranking.spec import parse_lists
from tests.support.market import stock, universe_frame, universe_of

LISTS = parse_lists(
    """
    gate = 'price >= 1'
    [lists.up]
    where = 'change_percent >= 5'
    sort = ["-change_percent"]
    limit = 2
    settle = 0
    [lists.late]
    where = 'price > 1'
    sort = ["symbol"]
    sessions = ["post"]
    """,
    "test",
)


def moving(symbol: str, price: float, **more: Any) -> Any:
    return stock(symbol, price=price, prev_close=100.0, volume=1000.0, **more)


class Ranked:
    """A universe whose list `up` is ranked, and what was published of it."""

    def __init__(self, *stocks: Any) -> None:
        self.universe: Universe = universe_of(stocks)
        self.scanner = Scanner(self.universe, LISTS)
        self.reasons = LeaveReasons(self.universe, lambda: LISTS)
        self.rows: list[Row] = list(self.scanner.scan({})["up"])

    def leaving(self, *stocks: Any, after: float = 1.0, moved: bool = True) -> dict[str, object]:
        """Who leaves `up` when these are observed, and why."""
        as_of = self.universe.as_of + round(after * 1000)
        timed = [{"price_time": float(as_of), "updated": float(as_of), **each} for each in stocks]
        merge_scan(self.universe, universe_frame(timed, as_of))
        before, self.rows = self.rows, list(self.scanner.scan({"up": self.rows})["up"])
        found = self.reasons.explained("up", diff(before, self.rows), self.universe.as_of)
        return {one.symbol: one.reason for one in found if isinstance(one, Remove)}


def test_who_fell_behind_and_who_had_to_make_room() -> None:
    ranked = Ranked(moving("A", 110.0), moving("B", 108.0))
    assert ranked.leaving(moving("A", 103.0)) == {"A": "fell_behind"}
    assert ranked.leaving(moving("C", 120.0), moving("D", 130.0)) == {"B": "rank"}


def test_who_passes_the_gate_no_longer() -> None:
    ranked = Ranked(stock("A", price=1.2, prev_close=0.5, volume=1000.0))
    assert ranked.leaving(stock("A", price=0.8, prev_close=0.5, volume=1000.0)) == {"A": "fell_behind"}


def test_who_does_not_trade_any_more() -> None:
    ranked = Ranked(moving("A", 110.0), moving("B", 108.0))
    late = GONE_AFTER[MarketSession.REGULAR] + 60
    assert ranked.leaving(moving("B", 108.0), after=late) == {"A": "idle"}


def test_a_list_whose_hours_or_day_are_over() -> None:
    ranked = Ranked(moving("A", 110.0))
    changes = diff([Row(symbol="A")], [])
    assert ranked.reasons.explained("late", changes, ranked.universe.as_of) == [Remove("A", "closed")]
    yesterday = ranked.universe.as_of - DAY_MS
    assert ranked.reasons.explained("up", changes, yesterday) == [Remove("A", "closed")]


def test_who_is_in_the_market_no_longer_and_who_is_none_of_them() -> None:
    ranked = Ranked(moving("A", 110.0))
    changes = diff([Row(symbol="GONE")], [Row(symbol="A")])
    assert ranked.reasons.explained("up", changes, ranked.universe.as_of) == [
        Remove("GONE", "fell_behind"),
        Add(1, "A", {}),
    ]
    assert ranked.reasons.explained("unknown", changes, 0) == changes
