"""Pages end, or are given up: by what repeats, by their number, by time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapscan.errors import FeedError
from gapscan.polygon.elements import Decoded
from gapscan.polygon.pages import MOST_EMPTY, MOST_PAGES, Paging


def page(number: int, items: list[int] | None = None, **options: object) -> Decoded[int]:
    found: Decoded[int] = Decoded([number] if items is None else items, next_url=f"https://x/y?cursor={number}")
    for name, value in options.items():
        setattr(found, name, value)
    return found


def test_the_next_page_is_asked_for_by_its_query() -> None:
    paging = Paging("the data", 5)
    assert paging.following(page(1)) == {"cursor": "1"}
    assert paging.following(page(2, next_url=None)) is None


@given(st.lists(st.sampled_from(["full", "empty"]), max_size=MOST_PAGES - 1))
def test_pages_that_differ_are_followed_unless_too_many_are_empty(kinds: list[str]) -> None:
    paging, empty = Paging("the data", 5), 0
    for number, kind in enumerate(kinds):
        empty = empty + 1 if kind == "empty" else 0
        one = page(number, [] if kind == "empty" else None)
        if empty == MOST_EMPTY:
            with pytest.raises(FeedError, match=f"{MOST_EMPTY} empty pages"):
                paging.following(one)
            return
        assert paging.following(one) == {"cursor": str(number)}


def test_there_is_a_most_of_pages() -> None:
    paging = Paging("the data", 5)
    for number in range(1, MOST_PAGES):
        paging.following(page(number))
    with pytest.raises(FeedError, match=f"more than {MOST_PAGES} pages"):
        paging.following(page(MOST_PAGES))


def test_the_last_page_may_be_the_last_that_is_allowed() -> None:
    paging = Paging("the data", 5)
    for number in range(1, MOST_PAGES):
        paging.following(page(number))
    assert paging.following(page(MOST_PAGES, next_url=None)) is None


def test_time_ends_them() -> None:
    with pytest.raises(FeedError, match="no end within 0 s"):
        Paging("the data", 0).following(page(1))


def test_what_repeats_ends_them() -> None:
    paging = Paging("the data", 5)
    paging.following(page(1))
    with pytest.raises(FeedError, match="in a circle"):
        paging.following(page(1, [7]))
    paging = Paging("the data", 5)
    paging.following(page(1, [7]))
    with pytest.raises(FeedError, match="repeats itself"):
        paging.following(page(2, [7]))


@pytest.mark.parametrize("options", [{"present": False}, {"bad": 3, "first_fault": "no"}])
def test_a_page_of_nothing_is_no_end(options: dict[str, object]) -> None:
    paging = Paging("the data", 5)
    paging.following(page(1))
    with pytest.raises(FeedError, match=r"breaks off|nothing can be read"):
        paging.following(page(2, [], next_url=None, **options))
