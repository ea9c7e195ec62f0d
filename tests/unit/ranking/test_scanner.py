"""Lists that open and close while others go on."""

from __future__ import annotations

import datetime as dt

from gapscan.lists.delta import Rows, symbols_of
from gapscan.market.scans import merge_reference, merge_scan
from gapscan.market.sessions import MarketSession, session_times
from gapscan.market.universe import Universe
from gapscan.protocol.messages import ListDefinition, SessionName
from gapscan.ranking.rows import RowState
from gapscan.ranking.scanner import Scanner
from gapscan.ranking.spec import ListSet, compile_list, parse_lists
from tests.support.market import reference_frame, stock, universe_frame

TODAY, TOMORROW = session_times(dt.date(2024, 3, 7)), session_times(dt.date(2024, 3, 8))
ALWAYS, REGULAR = "always", "regular"


class Ranked:
    """Two lists over three symbols; what is ranked is published at once."""

    def __init__(self) -> None:
        sessions: dict[str, list[SessionName]] = {ALWAYS: [], REGULAR: ["regular"]}
        definitions = [ListDefinition(name, "", "price > 5", ["-price"], 10, sessions[name]) for name in sessions]
        gate = parse_lists('gate = "price >= 1"\n[lists]', "test").gate
        self.universe = Universe()
        self.scanner = Scanner(self.universe, ListSet(gate, tuple(map(compile_list, definitions))))
        self.published: dict[str, Rows] = {ALWAYS: (), REGULAR: ()}

    def at(self, ms: int, session: MarketSession, price: float) -> dict[str, RowState]:
        """A scan in which A costs `price`, B one and C two dollars more."""
        stocks = [
            stock(symbol, price=price + more, price_time=float(ms), prev_close=10.0, updated=float(ms))
            for more, symbol in enumerate("ABC")
        ]
        merge_reference(self.universe, reference_frame(stocks))
        merge_scan(self.universe, universe_frame(stocks, ms, session.value))
        ranked = self.scanner.scan(self.published)
        self.published |= ranked
        return ranked


def test_a_list_that_opens_never_shows_what_it_had_when_it_closed() -> None:
    market = Ranked()
    market.at(TODAY.regular + 1_000, MarketSession.REGULAR, 100.0)
    assert symbols_of(market.published[REGULAR]) == ["C", "B", "A"]
    assert REGULAR not in market.at(TOMORROW.pre + 1_000, MarketSession.PRE, 20.0)
    market.published[REGULAR] = ()  # emptied when the day turned
    opening = market.at(TOMORROW.regular + 1_000, MarketSession.REGULAR, 3.5)
    assert [row["price"] for row in opening[REGULAR]] == [5.5]


def test_a_list_that_nothing_concerns_is_the_same_object() -> None:
    market = Ranked()
    first = market.at(TODAY.regular + 1_000, MarketSession.REGULAR, 100.0)
    assert market.scanner.scan(market.published)[ALWAYS] is first[ALWAYS]
    assert market.at(TODAY.regular + 1_100, MarketSession.REGULAR, 200.0)[ALWAYS] is not first[ALWAYS]
