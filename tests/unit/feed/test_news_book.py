"""The headlines of a day: each story once, in whatever order they come, the newest kept."""

from __future__ import annotations

import datetime as dt
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapscan.feed import news_book
from gapscan.feed.news_book import NewsBook, headline_of
from gapscan.market.sessions import session_times
from gapscan.protocol.headlines import KEPT_HEADLINES
from gapscan.provider import Story

DAY, FRIDAY = dt.date(2026, 11, 23), dt.date(2026, 11, 20)
CLOSE, NOON = session_times(FRIDAY).post, session_times(DAY).regular + 9_000_000


def story(number: int, time: int, *symbols: str) -> Story:
    return Story(f"id{number}", time, f"Title {number}", "https://example.com/", "Wire", symbols)


@given(st.integers(0, 2**32))
def test_what_is_known_does_not_depend_on_how_it_came(seed: int) -> None:
    dice = random.Random(seed)
    times = [dice.randint(CLOSE - 100, NOON + 100) for _ in range(dice.randint(0, 30))]
    stories = [story(n, time, *dice.choices(["A", "B", "C"], k=dice.randint(0, 2))) for n, time in enumerate(times)]
    told = [*stories, *dice.choices(stories, k=5)] if stories else []
    dice.shuffle(told)
    book, cut = NewsBook(DAY), dice.randint(0, len(told))
    changed = book.add(told[:cut], NOON) | book.add(told[cut:], NOON)
    counted = [one for one in stories if CLOSE <= one.time <= NOON]
    assert book.stories == len(counted)
    assert changed == {symbol for one in counted for symbol in one.symbols}
    assert len(book) == len(changed)
    for symbol in changed:
        of = sorted((one.time for one in counted if symbol in one.symbols), reverse=True)
        news = book.message(symbol)
        assert (news.symbol, news.date, news.count) == (symbol, "2026-11-23", len(of))
        assert [headline.time for headline in news.headlines] == of[:KEPT_HEADLINES]


def test_stories_and_symbols_are_bounded_and_what_is_beyond_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news_book, "MOST_STORIES", 3)
    monkeypatch.setattr(news_book, "MOST_SYMBOLS", 2)
    book = NewsBook(DAY)
    assert book.add([story(1, CLOSE, "A", "X" * 33), story(2, CLOSE + 1, "B"), story(3, CLOSE + 2, "C", "A")], NOON)
    assert (book.stories, len(book), book.left_out) == (3, 2, 2)
    assert book.message("A").count == 2
    assert not book.add([story(4, NOON, "A")], NOON)
    assert (book.stories, book.left_out, book.newest) == (3, 3, CLOSE + 2)


@pytest.mark.parametrize(
    ("time", "counts"),
    [(CLOSE - 1, False), (CLOSE, True), (CLOSE + 1, True), (NOON, True), (NOON + 1, False)],
    ids=["before the close", "at the close", "after it", "now", "of the future"],
)
def test_a_day_of_news_begins_with_the_close_before(time: int, counts: bool) -> None:
    assert bool(NewsBook(DAY).add([story(1, time, "A")], NOON)) is counts


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://example.com/a?b=c", True), ("http://example.com/", True), ("javascript:alert(1)", False),
        ("data:text/html,x", False), ("//example.com/", False), ("", False), (None, False),
        ("https://example.com/" + "a" * 1000, False),
    ],
)  # fmt: skip
def test_a_link_leads_to_a_page_or_is_none(url: str | None, kept: bool) -> None:
    assert headline_of(Story("1", 0, "T", url)).url == (url if kept else None)


def test_a_title_is_one_line_of_bounded_length() -> None:
    headline = headline_of(Story("1", 0, " Up\x1b[31m\n\t10 %\u202e " + "a" * 500, None, " "))
    assert headline.title.startswith("Up [31m 10 % aaa")
    assert len(headline.title) == 300
    assert headline.publisher is None
