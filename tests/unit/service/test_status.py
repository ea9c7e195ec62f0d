"""What `gapscan status` makes of the feed's live link, of its clock, and of a market without prices."""

from __future__ import annotations

from typing import Any

import pytest

from gapscan.service.problems import feed_problems, link_problems, ranker_problems
from gapscan.service.status import Hot, hot_of


def link(desired: Any = 30, confirmed: Any = 30, seconds: Any = 0.0, **more: Any) -> Any:
    topics = {"desired": desired, "confirmed": confirmed}
    shown = {"mode": "hot", "state": "live", "settled": True, "last_error": "", "topics": topics}
    return shown | {"none_confirmed_seconds": seconds} | more


@pytest.mark.parametrize(
    "healthy",
    [
        {"mode": "off", "state": "off"},
        {},
        link(),
        link(desired=0, confirmed=0),
        link(confirmed=0, seconds=2.5, settled=False),  # just asked for
        link(confirmed=25),  # some are refused
        link(confirmed=25, settled=False),
    ],
)
def test_no_problem(healthy: Any) -> None:
    assert link_problems(healthy) == []


def test_a_feed_without_a_live_half() -> None:
    known = {"desired": 3, "confirmed": 0, "receiving": 0, "sequence": 9}
    link_of_it = {"mode": "off", "state": "off", "bars_per_second": 0.0, "newest_bar_age": None}
    assert hot_of([{"hot": known, "link": link_of_it}]) == Hot(desired=3)
    assert hot_of([{"hot": known, "link": {**link_of_it, "reconnects": 2}}]) == Hot(desired=3, reconnects=2)
    assert hot_of([{}]) == hot_of([]) == Hot()


@pytest.mark.parametrize("settled", [False, True])
def test_nothing_confirmed_for_longer_than_a_recovery_takes(settled: Any) -> None:
    (problem,) = link_problems(link(confirmed=0, seconds=45.2, settled=settled))
    assert problem == "feed: of 30 live topics none has been confirmed for 45 s"


def test_a_link_that_is_down_says_why() -> None:
    down = link(confirmed=0, seconds=45.2, settled=False, state="waiting", last_error="max_connections: too many")
    assert link_problems(down) == ["feed: the live link is down: max_connections: too many"]


def test_many_topics_that_are_not_confirmed() -> None:
    assert link_problems(link(desired=200, confirmed=100, settled=False)) == ["feed: 100 live topics are not confirmed"]


@pytest.mark.parametrize(
    ("link", "problem"),
    [
        ({"mode": "off", "settled": False, "last_error": "x"}, None),
        ({"mode": "hot", "settled": True, "last_error": "x", "topics": {"desired": 0}}, None),
        ({"mode": "hot", "settled": False, "state": "waiting", "last_error": "auth_failed"}, "auth_failed"),
        ({"mode": "hot", "settled": False, "state": "live", "topics": {"desired": 900, "confirmed": 0}}, "900 live"),
        ({"mode": "hot", "settled": False, "state": "live", "topics": {"desired": 9, "confirmed": 0}}, None),
    ],
)
def test_a_dead_live_link_is_a_problem(link: dict[str, object], problem: str | None) -> None:
    found = link_problems(link)
    assert bool(found) == bool(problem)
    assert problem is None or problem in found[0]


def test_a_list_of_halts_that_cannot_be_read_is_a_problem() -> None:
    (problem,) = feed_problems({"halt_list": {"state": "failed", "last_error": "refused: status 500"}})
    assert problem == "feed: halts of all listings are not known: refused: status 500"
    assert feed_problems({"halt_list": {"state": "off", "last_error": ""}}) == []


def test_reference_data_that_cannot_be_loaded_is_a_problem() -> None:
    (problem,) = feed_problems({"reference": {"last_error": "the splits of 2026-11-20 failed"}})
    assert problem == "feed: the reference data is not complete: the splits of 2026-11-20 failed"
    assert feed_problems({"reference": {"last_error": ""}}) == []


def test_a_calendar_that_stands_in_is_said() -> None:
    (problem,) = feed_problems({"clock_fault": "the market status failed: 500"})
    assert problem.endswith("calendar stands in for the provider's market status: the market status failed: 500")
    assert feed_problems({"clock_fault": ""}) == []


@pytest.mark.parametrize(
    ("session", "fresh", "expected", "blind"),
    [("regular", 0, 60, True), ("regular", 1, 60, False), ("regular", 0, 0, False), ("pre", 0, 60, False)],
)
def test_no_price_in_an_open_market(session: str, fresh: int, expected: int, blind: bool) -> None:
    problems = ranker_problems({"session": session, "coverage": {"fresh": fresh, "expected": expected}})
    assert problems == (["no symbol has a price today, though the market is open"] if blind else [])
