"""The average true range and the carried restriction, by hand."""

from __future__ import annotations

import pytest

from gapscan.feed.true_range import SESSIONS, Day, average_true_range, is_restricted

FLAT = Day(11.0, 9.0, 10.0)


def test_with_fewer_sessions_there_is_none() -> None:
    assert average_true_range([]) is None
    assert average_true_range([FLAT] * SESSIONS) is None, "a true range needs the close before"
    assert average_true_range([FLAT] * (SESSIONS + 1)) == pytest.approx(2.0)


def test_a_gap_is_part_of_the_range() -> None:
    """The close before counts when the day lies beyond it: 15 - 10 above, 10 - 6 below."""
    above, below = Day(15.0, 14.0, 10.0), Day(7.0, 6.0, 10.0)
    assert average_true_range([above, *[FLAT] * SESSIONS]) == pytest.approx((2.0 * (SESSIONS - 1) + 5.0) / SESSIONS)
    assert average_true_range([below, *[FLAT] * SESSIONS]) == pytest.approx((2.0 * (SESSIONS - 1) + 4.0) / SESSIONS)


def test_later_days_count_a_fourteenth() -> None:
    wide = Day(20.0, 0.0, 10.0)
    first = (13 * 2.0 + 20.0) / SESSIONS  # the mean of fourteen, of which the newest is wide
    days = [wide, *[FLAT] * SESSIONS]
    assert average_true_range(days) == pytest.approx(first)
    assert average_true_range([FLAT, *days]) == pytest.approx(first + (2.0 - first) / SESSIONS)


@pytest.mark.parametrize(("low", "expected"), [(9.0, True), (8.99, True), (9.01, False), (11.1 * 0.9, False)])
def test_a_fall_of_a_tenth_restricts_the_day_after(low: float, expected: bool) -> None:
    assert is_restricted([Day(10.0, low, 9.5), Day(10.0, 9.9, 10.0)]) is expected


def test_the_edge_is_exact_in_decimals() -> None:
    for cents in range(100, 3000, 10):
        close = cents / 100
        low = round(close * 0.9, 4)
        assert is_restricted([Day(close, low, close), Day(close, close, close)]), close
        assert not is_restricted([Day(close, round(low + 0.0001, 4), close), Day(close, close, close)]), close


def test_one_session_says_nothing() -> None:
    assert is_restricted([FLAT]) is None
