"""Headlines in the universe: of its day only, however early they come."""

from __future__ import annotations

import datetime as dt

from gapscan.market.scans import merge_scan
from gapscan.market.sessions import session_times
from gapscan.market.universe import Universe
from gapscan.protocol.messages import Headline, News
from gapscan.ranker.headlines import HeadlineBook
from tests.support.market import stock, universe_frame

FRIDAY, MONDAY = dt.date(2026, 11, 20), dt.date(2026, 11, 23)


def news(date: dt.date, count: int, time: int, symbol: str = "A") -> News:
    return News(symbol, str(date), count, [Headline(time, f"Title {count}")])


def scanned(universe: Universe, date: dt.date, *symbols: str) -> None:
    at = session_times(date).pre + 60_000
    stocks = [stock(symbol, price=10.0, price_time=float(at), updated=float(at)) for symbol in symbols]
    merge_scan(universe, universe_frame(stocks, at, "pre"))


def shown(universe: Universe) -> tuple[float, float]:
    return float(universe.number("news_count")[0]), float(universe.number("news_time")[0])


def test_news_wait_for_their_day_and_for_their_symbol() -> None:
    universe = Universe()
    book = HeadlineBook(universe)
    assert not book.observe(news(FRIDAY, 2, 1_000))
    scanned(universe, FRIDAY, "B")
    assert not book.merge_waiting()
    scanned(universe, FRIDAY, "A", "B")
    assert book.merge_waiting()
    assert float(universe.number("news_count")[universe.index["A"]]) == 2
    assert [headline.time for headline in book.of("A")] == [1_000]
    assert book.of("B") == []


def test_a_day_that_begins_has_no_news_of_the_one_before() -> None:
    universe = Universe()
    book = HeadlineBook(universe)
    scanned(universe, FRIDAY, "A")
    assert book.observe(news(FRIDAY, 3, 1_000))
    assert not book.observe(news(MONDAY, 1, 2_000)), "its day has not begun"
    assert shown(universe) == (3, 1_000)
    scanned(universe, MONDAY, "A")
    assert str(shown(universe)) == "(nan, nan)"
    book.forget_past()
    assert book.merge_waiting()
    assert shown(universe) == (1, 2_000)
    assert not book.observe(news(FRIDAY, 9, 3_000)), "what is over is over"


def test_what_was_said_before_changes_nothing() -> None:
    universe = Universe()
    book = HeadlineBook(universe)
    scanned(universe, FRIDAY, "A")
    book.observe(news(FRIDAY, 3, 1_000))
    assert not book.observe(news(FRIDAY, 2, 900))
    assert shown(universe) == (3, 1_000)
