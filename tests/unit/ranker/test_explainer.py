"""Answers about a made-up universe."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from gapscan.market import computed, metrics
from gapscan.market.scans import merge_scan
from gapscan.market.sessions import MarketSession
from gapscan.market.universe import Universe
from gapscan.protocol.messages import ListWhy, Row, Why, WhyRequest
from gapscan.ranker.explainer import OBSERVE_MS, Explainer, nearest
from gapscan.ranking.scanner import Scanner
from gapscan.ranking.spec import ListSet, compile_list, parse_lists
from tests.support.market import MOMENT, stock, universe_frame, universe_of

LISTS = parse_lists(
    """
    gate = 'type == "CS" and price >= 1'
    [lists.up]
    where = 'change_percent >= 5 and (volume > 100 or rvol > 2)'
    sort = ["-change_percent"]
    limit = 2
    [lists.names]
    where = 'price > 1'
    sort = ["symbol"]
    sessions = ["post"]
    """,
    "test",
)


def moving(symbol: str, price: float, **more: Any) -> Any:
    return stock(symbol, price=price, prev_close=100.0, volume=1000.0, **more)


class Ranked:
    """A universe that is ranked, and its explainer."""

    def __init__(self, *stocks: Any) -> None:
        self.universe: Universe = universe_of(stocks)
        self.rows: dict[str, list[Row]] = {}
        self.scanner = Scanner(self.universe, LISTS)
        self.explainer = Explainer(self.universe, LISTS, lambda name: self.rows.get(name, []))
        self.rank()

    def rank(self) -> None:
        self.rows |= {name: list(rows) for name, rows in self.scanner.scan(self.rows).items()}
        self.explainer.observe()

    def later(self, *stocks: Any) -> int:
        """The market goes on; when."""
        as_of = self.universe.as_of + OBSERVE_MS
        timed = [{"price_time": float(as_of), "updated": float(as_of), **each} for each in stocks]
        merge_scan(self.universe, universe_frame(timed, as_of))
        self.rank()
        return as_of

    def why(self, symbol: str, name: str | None = None) -> Why:
        return self.explainer.answer(WhyRequest(symbol, name))

    def up(self, symbol: str) -> ListWhy:
        (found,) = self.why(symbol, "up").lists
        return found


@pytest.fixture
def ranked() -> Ranked:
    return Ranked(
        moving("A", 110.0), moving("B", 108.0), moving("C", 106.0), moving("D", 104.8), moving("ETF", 120.0, kind="ETF")
    )


def test_a_symbol_that_is_in(ranked: Ranked) -> None:
    found = ranked.up("A")
    assert (found.passes, found.open, found.rank, found.size, found.limit) == (True, True, 1, 2, 2)
    assert (found.key, found.value, found.last_value) == ("-change_percent", 10.0, 8.0)
    assert (found.since, found.at_least) == (ranked.universe.as_of, True)
    assert [(each.text, each.kind, each.depth, each.passes) for each in found.conditions] == [
        ("change_percent >= 5", "test", 0, True),
        ("volume > 100 or rvol > 2", "any", 0, True),
        ("volume > 100", "test", 1, True),
        ("rvol > 2", "test", 1, False),
    ]


def test_a_symbol_for_which_there_is_no_room(ranked: Ranked) -> None:
    found = ranked.up("C")
    assert (found.passes, found.rank, found.value, found.last_value) == (True, None, 6.0, 8.0)


def test_a_symbol_that_nearly_passes(ranked: Ranked) -> None:
    found = ranked.up("D")
    assert (found.passes, found.rank) == (False, None)
    assert (found.conditions[0].passes, found.conditions[0].stays) == (False, True)
    assert (found.conditions[0].value, found.conditions[0].threshold) == (4.8, 5.0)


def test_the_gate(ranked: Ranked) -> None:
    why = ranked.why("ETF")
    assert [(each.text, each.passes) for each in why.gate] == [
        ('type == "CS"', False),
        ("price >= 1", True),
        ("seconds since the last trade", True),
    ]
    assert (why.gate[0].value, why.gate[0].threshold) == ("ETF", "CS")
    assert (why.gate[2].value, why.gate[2].threshold) == (0.0, metrics.GONE_AFTER[ranked.universe.session])
    assert [each.id for each in why.gate] == [None, None, "seconds_since_trade"]
    assert [each.passes for each in why.lists] == [False, False]


def test_a_list_that_is_closed(ranked: Ranked) -> None:
    why = ranked.why("A")
    assert [each.list for each in why.lists] == ["up", "names"]
    assert (why.lists[1].open, why.lists[1].value, why.lists[1].last_value) == (False, None, None)
    assert (why.session, why.as_of) == ("regular", ranked.universe.as_of)


def test_since_when(ranked: Ranked) -> None:
    asked = ranked.universe.as_of
    assert (ranked.up("D").conditions[0].since, ranked.up("D").conditions[0].at_least) == (asked, True)
    moved = ranked.later(moving("D", 120.0))
    ranked.later(moving("A", 111.0))
    found = ranked.up("D")
    assert (found.rank, found.since, found.at_least) == (1, moved, False)
    assert (found.conditions[0].since, found.conditions[0].at_least) == (moved, False)
    assert (found.conditions[2].since, found.conditions[2].at_least) == (asked, True)


def test_what_changed_and_changed_back_between_two_observations(ranked: Ranked) -> None:
    ranked.up("D")
    ranked.later(moving("A", 111.0))
    ranked.universe.number("change_percent")[ranked.universe.index["D"]] = 9.0
    assert ranked.up("D").conditions[0].passes
    back = ranked.later(moving("D", 104.0))
    found = ranked.up("D").conditions[0]
    assert (found.passes, found.since, found.at_least) == (False, back, False)


def test_other_lists(ranked: Ranked) -> None:
    ranked.up("A")
    lists = ListSet(LISTS.gate, LISTS.specs[1:])
    ranked.scanner.lists = lists
    ranked.explainer.set_lists(lists)
    ranked.later(moving("A", 111.0))
    assert [each.list for each in ranked.why("A").lists] == ["names"]
    assert ranked.why("A", "up").lists == []


def test_a_list_that_keeps_idle_symbols_does_not_ask_when_one_traded() -> None:
    text = '[lists.{0}]\nwhere = "price > 1"\nsort = ["symbol"]\nidle = "{0}"\n'
    lists = parse_lists(text.format("stay") + text.format("leave"), "test")
    universe = universe_of([stock("A", price=100.0, price_time=float(MOMENT[MarketSession.REGULAR] - 901_000))])
    scanner = Scanner(universe, lists)
    rows = {name: list(state) for name, state in scanner.scan({}).items()}
    why = Explainer(universe, lists, lambda name: rows[name]).answer(WhyRequest("A"))
    assert [found.passes for found in why.gate] == [True, False]
    assert [(found.list, found.passes, found.rank, found.idle) for found in why.lists] == [
        ("stay", True, 1, "stay"),
        ("leave", False, None, "leave"),
    ]


def test_what_is_unknown_because_the_feed_was_away() -> None:
    """Beside what is missing for another reason."""
    lists = parse_lists("""
        [lists.moves]
        where = "change_1m_percent > 1 and change_5m_percent > 1 and from_high_percent > -1 and rvol > 2"
        sort = ["symbol"]
        """, "test")  # fmt: skip
    universe = universe_of([stock("A", price=100.0, high=100.0)])
    begin, back = universe.as_of, universe.as_of + 600_000
    explainer = Explainer(universe, lists, lambda _: [])

    def unknown_since() -> list[int | None]:
        computed.compute(universe)
        (found,) = explainer.answer(WhyRequest("A", "moves")).lists
        assert [each.value is None for each in found.conditions] == [
            True,
            True,
            found.conditions[2].value is None,
            True,
        ]
        return [each.unknown_since for each in found.conditions]

    assert unknown_since() == [None] * 4, "it was never observed before"
    merge_scan(universe, universe_frame([], back))
    known_until = begin + 35_000
    assert unknown_since() == [known_until] * 3 + [None]
    traded = stock("A", price=101.0, price_time=float(back), updated=float(back), high=102.0)
    merge_scan(universe, universe_frame([traded], back))
    assert unknown_since() == [known_until, known_until, None, None]


def test_names() -> None:
    ranked = Ranked(moving("BCpC", 110.0), moving("BCPC", 110.0), moving("BRK.A", 110.0), moving("AAPL", 110.0))
    assert ranked.why("aapl").symbol == "AAPL"
    assert ranked.why("BCpC").symbol == "BCpC"
    why = ranked.why("bcpc")
    assert (why.known, why.lists, why.gate, why.nearest) == (False, [], [], ["BCpC", "BCPC"])
    assert ranked.why("AAPLE").nearest == ["AAPL"]
    assert ranked.why("ZZZ").nearest == []
    assert nearest("", []) == []


def test_a_gate_of_a_lists_own_stands_in_for_that_of_the_others() -> None:
    own = structs.replace(LISTS.specs[0].definition, name="etfs", gate='type == "ETF"')
    ranked = Ranked(moving("ETF", 120.0, kind="ETF"), moving("A", 110.0))
    ranked.explainer.set_lists(ListSet(LISTS.gate, (*LISTS.specs, compile_list(own))))
    by_name = {found.list: found for found in ranked.why("ETF").lists}
    assert by_name["up"].gate is None
    gate = by_name["etfs"].gate
    assert gate is not None
    assert [(each.text, each.passes) for each in gate] == [
        ('type == "ETF"', True),
        ("seconds since the last trade", True),
    ]
    assert [by_name[name].passes for name in ("up", "etfs")] == [False, True]
    assert [found.passes for found in ranked.why("A").lists if found.list == "etfs"] == [False]
