"""The book of a day's halts: what is told, in any order, and what trading shows."""

from __future__ import annotations

import datetime as dt

import pytest

from gapscan.feed.halts import RESUMED_AFTER_MS, HaltBook
from gapscan.market.sessions import session_times
from gapscan.provider import Halt

DAY = dt.date(2026, 11, 20)  # a Friday
NOON = session_times(DAY).regular + 9_000_000
MONDAY = session_times(dt.date(2026, 11, 23)).pre
SECOND = 1000
HALT, RESUME = True, False


@pytest.fixture
def book() -> HaltBook:
    book = HaltBook()
    assert book.advance(NOON - 60 * SECOND)
    return book


def state(book: HaltBook) -> dict[str, tuple[str, int]]:
    message = book.message(simulated=True)
    return dict(zip(message.symbols, zip(message.status, message.time, strict=True), strict=True))


def tell(book: HaltBook, halted: bool, time: int, symbol: str = "A") -> bool:
    return book.observe_event(Halt(symbol, time, halted))


def test_a_halt_and_its_end(book: HaltBook) -> None:
    assert state(book) == {}
    assert tell(book, HALT, NOON)
    assert tell(book, HALT, NOON + 5 * SECOND, "B")
    assert state(book) == {"A": ("halted", NOON), "B": ("halted", NOON + 5 * SECOND)}
    assert tell(book, RESUME, NOON + 300 * SECOND)
    assert state(book) == {"A": ("resumed", NOON + 300 * SECOND), "B": ("halted", NOON + 5 * SECOND)}
    assert book.halted == {"B"}
    assert tell(book, HALT, NOON + 600 * SECOND), "a second time on one day"
    assert state(book)["A"] == ("halted", NOON + 600 * SECOND)
    assert book.message(simulated=True).as_of == NOON + 600 * SECOND


def test_what_is_told_again_or_late_changes_nothing(book: HaltBook) -> None:
    tell(book, HALT, NOON)
    assert not tell(book, HALT, NOON + 60 * SECOND), "since when it is halted does not move"
    assert not tell(book, RESUME, NOON - SECOND), "the end of an earlier halt"
    assert state(book) == {"A": ("halted", NOON)}
    tell(book, RESUME, NOON + 300 * SECOND)
    assert not tell(book, RESUME, NOON + 301 * SECOND)
    assert not tell(book, HALT, NOON)
    assert state(book) == {"A": ("resumed", NOON + 300 * SECOND)}


def test_a_resumption_whose_halt_was_missed(book: HaltBook) -> None:
    assert tell(book, RESUME, NOON)
    assert state(book) == {"A": ("resumed", NOON)}


def test_trading_shows_a_resumption_that_was_missed(book: HaltBook) -> None:
    tell(book, HALT, NOON)
    late = NOON + RESUMED_AFTER_MS
    assert not book.observe_traded([("A", NOON - SECOND), ("A", NOON), ("A", late - 1), ("B", late)])
    assert state(book) == {"A": ("halted", NOON)}
    assert book.observe_traded([("A", late)])
    assert state(book) == {"A": ("resumed", late)}
    assert not book.observe_traded([("A", late + SECOND)])


def test_a_late_resumption_corrects_what_trading_showed(book: HaltBook) -> None:
    tell(book, HALT, NOON)
    book.observe_traded([("A", NOON + 310 * SECOND)])
    assert tell(book, RESUME, NOON + 300 * SECOND)
    assert state(book) == {"A": ("resumed", NOON + 300 * SECOND)}


def test_reports_that_trickle_in_do_not_end_a_halt_that_is_told_again(book: HaltBook) -> None:
    tell(book, HALT, NOON)
    tell(book, HALT, NOON + 60 * SECOND)
    assert not book.observe_traded([("A", NOON + 60 * SECOND + RESUMED_AFTER_MS - 1)])
    assert book.halted == {"A"}


def test_a_day_begins_without_halts(book: HaltBook) -> None:
    tell(book, HALT, NOON)
    assert not book.advance(NOON + 60 * SECOND)
    assert not book.advance(session_times(DAY).closed + 86_400_000), "Saturday"
    assert book.halted == {"A"}
    assert book.advance(MONDAY)
    assert state(book) == {}
    assert not tell(book, HALT, NOON), "of the day before"
    assert not tell(book, HALT, MONDAY + 86_400_000), "of a day that has not come"
    assert book.message(simulated=True).as_of == MONDAY


def test_a_market_that_begins_anew(book: HaltBook) -> None:
    tell(book, HALT, NOON)
    assert not book.advance(NOON - 100 * SECOND), "clocks differ"
    assert book.advance(NOON - 3_600_000)
    assert state(book) == {}


def test_going_on_from_what_was_published(book: HaltBook) -> None:
    tell(book, HALT, NOON)
    tell(book, HALT, NOON, "B")
    tell(book, RESUME, NOON + 300 * SECOND, "B")
    published = book.message(simulated=True)
    fresh = HaltBook()
    fresh.load(published)
    assert state(fresh) == state(book)
    assert not fresh.advance(NOON + 400 * SECOND)
    assert tell(fresh, RESUME, NOON + 420 * SECOND)
    assert fresh.halted == frozenset()


def test_what_is_known_by_now_is_newer_than_what_was_published(book: HaltBook) -> None:
    tell(book, HALT, NOON)
    published = book.message(simulated=True)
    tell(book, RESUME, NOON + 300 * SECOND)
    book.load(published)
    assert state(book) == {"A": ("resumed", NOON + 300 * SECOND)}


def test_what_was_published_on_another_day_or_in_another_market(book: HaltBook) -> None:
    tell(book, HALT, NOON)
    published = book.message(simulated=True)
    for now in (MONDAY, session_times(DAY).regular):
        fresh = HaltBook()
        fresh.advance(now)
        fresh.load(published)
        assert state(fresh) == {}
        other_way_round = HaltBook()
        other_way_round.load(published)
        assert other_way_round.advance(now)
        assert state(other_way_round) == {}
