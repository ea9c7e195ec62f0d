from __future__ import annotations

import itertools

import pytest

from gapscan.market.sessions import MINUTE_MS
from tests.support.market import TIMES, share_at


def test_nothing_before_and_everything_after_the_day() -> None:
    assert share_at(TIMES.clear) == share_at(TIMES.pre) == 0.0
    assert share_at(TIMES.closed) == share_at(TIMES.closed + 3 * 60 * MINUTE_MS) == pytest.approx(1.0)


def test_it_grows_with_every_minute() -> None:
    shares = [share_at(TIMES.pre + minute * MINUTE_MS) for minute in range(16 * 60 + 1)]
    assert all(later > earlier for earlier, later in itertools.pairwise(shares))


def test_it_grows_within_a_minute() -> None:
    first, half, second = (share_at(TIMES.regular + ms) for ms in (0, MINUTE_MS // 2, MINUTE_MS))
    assert half == pytest.approx((first + second) / 2)


@pytest.mark.parametrize(
    ("moment", "low", "high"),
    [
        (TIMES.regular, 0.010, 0.013),  # pre-market trades about one part in a hundred
        (TIMES.regular + 30 * MINUTE_MS, 0.13, 0.15),
        (TIMES.post, 0.83, 0.86),  # the closing auction is still to come
        (TIMES.post + MINUTE_MS, 0.98, 1.0),
    ],
)
def test_known_points(moment: int, low: float, high: float) -> None:
    assert low < share_at(moment) < high


def test_the_opening_minutes_are_the_busiest() -> None:
    begin = TIMES.regular
    parts = [share_at(begin + n * 5 * MINUTE_MS) - share_at(begin + (n - 1) * 5 * MINUTE_MS) for n in range(1, 7)]
    assert parts == sorted(parts, reverse=True)
