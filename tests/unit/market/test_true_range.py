"""The average true range and the carried restriction, by hand."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest

from gapscan.market.true_range import SESSIONS, TrueRanges


class Day(NamedTuple):
    high: float
    low: float
    close: float


FLAT = Day(11.0, 9.0, 10.0)


def ranges_of(days: list[Day]) -> TrueRanges:
    """Of one symbol, the newest day first."""
    ranges = TrueRanges(1)
    for day in reversed(days):
        ranges.add(np.zeros(1, np.intp), *(np.array([price]) for price in day))
    return ranges


def average(days: list[Day]) -> float:
    return float(ranges_of(days).average()[0])


def restricted(days: list[Day]) -> float:
    return float(ranges_of(days).restricted()[0])


def test_with_fewer_sessions_there_is_none() -> None:
    assert math.isnan(average([]))
    assert math.isnan(average([FLAT] * SESSIONS)), "a true range needs the close before"
    assert average([FLAT] * (SESSIONS + 1)) == pytest.approx(2.0)


def test_a_gap_is_part_of_the_range() -> None:
    """The close before counts when the day lies beyond it: 15 - 10 above, 10 - 6 below."""
    above, below = Day(15.0, 14.0, 10.0), Day(7.0, 6.0, 10.0)
    assert average([above, *[FLAT] * SESSIONS]) == pytest.approx((2.0 * (SESSIONS - 1) + 5.0) / SESSIONS)
    assert average([below, *[FLAT] * SESSIONS]) == pytest.approx((2.0 * (SESSIONS - 1) + 4.0) / SESSIONS)


def test_later_days_count_a_fourteenth() -> None:
    wide = Day(20.0, 0.0, 10.0)
    first = (13 * 2.0 + 20.0) / SESSIONS  # the mean of fourteen, of which the newest is wide
    days = [wide, *[FLAT] * SESSIONS]
    assert average(days) == pytest.approx(first)
    assert average([FLAT, *days]) == pytest.approx(first + (2.0 - first) / SESSIONS)


@pytest.mark.parametrize(("low", "expected"), [(9.0, 1.0), (8.99, 1.0), (9.01, 0.0), (11.1 * 0.9, 0.0)])
def test_a_fall_of_a_tenth_restricts_the_day_after(low: float, expected: float) -> None:
    assert restricted([Day(10.0, low, 9.5), Day(10.0, 9.9, 10.0)]) == expected


def test_the_edge_is_exact_in_decimals() -> None:
    for cents in range(100, 3000, 10):
        close = cents / 100
        low = round(close * 0.9, 4)
        assert restricted([Day(close, low, close), Day(close, close, close)]), close
        assert not restricted([Day(close, round(low + 0.0001, 4), close), Day(close, close, close)]), close


def test_one_session_says_nothing() -> None:
    assert math.isnan(restricted([FLAT]))


def test_who_did_not_trade_in_a_session_is_as_without_it() -> None:
    """The session before is the last in which a symbol traded, whatever the others did meanwhile."""
    fell, dice = Day(10.0, 8.9, 9.0), np.random.default_rng(1)
    ranges, days = TrueRanges(2), list[Day]()
    for session in range(40):
        there = [0, 1] if session % 3 else [0]
        prices = [fell if session % 7 == 0 else FLAT, Day(12.0 + dice.random(), 9.0 - dice.random(), 10.0)][
            : len(there)
        ]
        ranges.add(np.array(there), *np.array(prices).T)
        days = [*(prices[1:]), *days]
    assert float(ranges.average()[1]) == average(days)
    assert ranges.restricted()[1] == restricted(days)
