"""Whether it is a night in which something has traded."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from gapscan.market.scans import night_of
from gapscan.market.sessions import HOUR_MS, session_times

FRIDAY, MONDAY = dt.date(2026, 11, 20), dt.date(2026, 11, 23)
NIGHT = session_times(MONDAY).night
CLEAR = session_times(MONDAY).clear


@pytest.mark.parametrize(
    ("now", "traded", "night"),
    [
        (NIGHT - 1, [NIGHT - 1], None),
        (NIGHT, [NIGHT - 1, np.nan], None),
        (NIGHT, [NIGHT], None),  # a minute of before is known at its end
        (NIGHT + HOUR_MS, [NIGHT - HOUR_MS, NIGHT + 1], MONDAY),
        (CLEAR - 1, [NIGHT + 1], MONDAY),
        (CLEAR, [NIGHT + 1], None),  # it is the day itself now
        (NIGHT - HOUR_MS, [NIGHT + 1], None),
        (NIGHT + HOUR_MS, [], None),
    ],
)
def test_a_night_is_one_once_something_traded_in_it(now: int, traded: list[float], night: dt.date | None) -> None:
    assert night_of(now, np.array(traded, float)) == night


def test_an_evening_before_a_night_is_none() -> None:
    evening = session_times(FRIDAY).closed + HOUR_MS  # on Friday: the night of Monday begins on Sunday
    assert night_of(evening, np.array([evening], float)) is None
