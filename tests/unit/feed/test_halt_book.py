"""The book of a day's halts: what is told, in any order, and what trading shows."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from gapscan.feed.halt_book import RESUMED_AFTER_MS, HaltBook
from gapscan.feed.halt_notices import HaltNotice
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


def test_a_day_begins_without_those_that_resumed(book: HaltBook) -> None:
    tell(book, HALT, NOON)
    tell(book, HALT, NOON, "B")
    tell(book, RESUME, NOON + SECOND, "B")
    assert not book.advance(NOON + 60 * SECOND)
    assert not book.advance(session_times(DAY).closed + 86_400_000), "Saturday"
    assert book.halted == {"A"}
    assert book.advance(MONDAY)
    assert state(book) == {"A": ("halted", NOON)}
    assert not tell(book, HALT, NOON, "B"), "of the day before"
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
    tell(book, RESUME, NOON)
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


# The exchanges' list, beside the provider's events.

EVENING = session_times(DAY).post + 3_600_000
REASON = "T1"


def listed(time: int, ends: int | None = None, symbol: str = "A", reason: str = REASON) -> HaltNotice:
    return HaltNotice(symbol, time, reason, ends)


def reasons(book: HaltBook) -> dict[str, tuple[str | None, float | None]]:
    message = book.message(simulated=True)
    if message.reason is UNSET or message.resumes_at is UNSET:
        return {}
    return dict(zip(message.symbols, zip(message.reason, message.resumes_at, strict=True), strict=True))


def test_a_halt_that_only_the_list_has(book: HaltBook) -> None:
    book.advance(NOON)
    assert book.observe_list([listed(NOON - SECOND)]) == 1
    assert state(book) == {"A": ("halted", NOON - SECOND)}
    assert reasons(book) == {"A": (REASON, None)}
    assert book.observe_list([listed(NOON - SECOND)]) == 0, "nothing new"
    ends = NOON + 600 * SECOND
    assert book.observe_list([listed(NOON - SECOND, ends)]) == 1, "it is known when it resumes"
    assert (state(book)["A"], reasons(book)["A"]) == (("halted", NOON - SECOND), (REASON, ends))
    book.advance(ends)
    assert book.observe_list([listed(NOON - SECOND, ends)]) == 1
    assert state(book) == {"A": ("resumed", ends)}


def test_a_resumption_that_is_put_off(book: HaltBook) -> None:
    ends = NOON + 300 * SECOND
    book.advance(ends)
    book.observe_list([listed(NOON, ends)])
    assert state(book) == {"A": ("resumed", ends)}
    assert book.observe_list([listed(NOON, ends + 300 * SECOND)]) == 1
    assert state(book) == {"A": ("halted", NOON)}


def test_the_list_gives_a_reason_to_the_provider_s_halt(book: HaltBook) -> None:
    """Whichever comes first, it is one halt, since the first time that was said."""
    tell(book, HALT, NOON)
    assert book.observe_list([listed(NOON + 2 * SECOND)]) == 1
    assert (state(book)["A"], reasons(book)["A"]) == (("halted", NOON), (REASON, None))
    tell(book, RESUME, NOON + 300 * SECOND)
    assert reasons(book)["A"] == (REASON, None)
    assert book.observe_list([listed(NOON + 2 * SECOND)]) == 0, "an old list halts nothing again"
    assert book.observe_list([listed(NOON + 2 * SECOND, NOON + 299 * SECOND)]) == 1
    assert (state(book)["A"], reasons(book)["A"]) == (
        ("resumed", NOON + 300 * SECOND),
        (REASON, NOON + 299 * SECOND),
    )
    tell(book, HALT, NOON + 900 * SECOND)
    assert (state(book)["A"], reasons(book)) == (("halted", NOON + 900 * SECOND), {}), "that is another one"
    assert book.observe_list([listed(NOON + 2 * SECOND, NOON + 299 * SECOND)]) == 0


def test_of_several_halts_of_a_symbol_the_newest_counts(book: HaltBook) -> None:
    book.advance(NOON + 900 * SECOND)
    book.observe_list([listed(NOON + 600 * SECOND), listed(NOON, NOON + 300 * SECOND)])
    assert state(book) == {"A": ("halted", NOON + 600 * SECOND)}


def test_trading_shows_that_a_listed_halt_is_over(book: HaltBook) -> None:
    book.advance(NOON)
    book.observe_list([listed(NOON)])
    traded = NOON + RESUMED_AFTER_MS
    assert book.observe_traded([("A", traded)])
    assert state(book) == {"A": ("resumed", traded)}
    assert book.observe_list([listed(NOON)]) == 0, "the list is behind"
    assert state(book) == {"A": ("resumed", traded)}


def test_what_the_list_has_no_more_is_halted_no_more(book: HaltBook) -> None:
    book.advance(NOON)
    book.observe_list([listed(NOON), listed(NOON, symbol="B")])
    tell(book, HALT, NOON, "C")
    assert book.observe_list([listed(NOON, symbol="B")]) == 1
    assert book.halted == {"B", "C"}, "what the provider says, the list does not take back"


def test_halts_last_over_nights(book: HaltBook) -> None:
    book.advance(EVENING)
    book.observe_list([listed(EVENING), listed(EVENING, EVENING, "B")])
    tell(book, HALT, EVENING, "C")
    assert book.advance(MONDAY)
    assert state(book) == {"A": ("halted", EVENING), "C": ("halted", EVENING)}
    ends = MONDAY + 3_600_000
    both = [listed(EVENING, ends), listed(EVENING, EVENING, "B")]
    assert book.observe_list(both) == 1
    assert book.observe_traded([("C", MONDAY + 1)])
    book.advance(ends)
    assert book.observe_list(both) == 1
    assert state(book) == {"A": ("resumed", ends), "C": ("resumed", MONDAY + 1)}
    assert book.advance(MONDAY + 86_400_000)
    assert state(book) == {}


def test_a_feed_that_starts_in_the_night_goes_on_with_what_is_halted(book: HaltBook) -> None:
    book.advance(EVENING)
    book.observe_list([listed(EVENING), listed(NOON, NOON + SECOND, "B")])
    stored = book.message(simulated=True)
    for load_first in (True, False):
        later = HaltBook()
        for load in (load_first, not load_first):
            if load:
                later.load(stored)
            else:
                later.advance(MONDAY)
        assert state(later) == {"A": ("halted", EVENING)}
        assert reasons(later) == {"A": (REASON, None)}


def test_a_market_that_begins_anew_knows_of_no_halts(book: HaltBook) -> None:
    tell(book, HALT, NOON)
    assert book.advance(NOON - 3_600_000)
    assert state(book) == {}


events = st.lists(
    st.tuples(st.sampled_from(["halt", "resume", "trade", "list", "listed over", "nothing"]), st.integers(0, 3600)),
    max_size=12,
)


@given(events)
def test_whatever_comes_in_whatever_order(happened: list[tuple[str, int]]) -> None:
    """Who is halted is in the message as halted, nothing is of the future, and a message loads as it was."""
    book = HaltBook()
    book.advance(NOON)
    for kind, second in happened:
        time = NOON + second * SECOND
        book.advance(time)
        if kind in ("halt", "resume"):
            tell(book, kind == "halt", time)
        elif kind == "trade":
            book.observe_traded([("A", time)])
        else:
            ends = time if kind == "listed over" else None
            book.observe_list([] if kind == "nothing" else [listed(time - 300 * SECOND, ends)])
        halted = {symbol for symbol, (status, _) in state(book).items() if status == "halted"}
        assert book.halted == halted
        assert all(since <= book.as_of for _, since in state(book).values())
    again = HaltBook()
    again.load(book.message(simulated=True))
    assert (state(again), reasons(again)) == (state(book), reasons(book))
