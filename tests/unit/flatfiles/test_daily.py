"""Daily bars of a minute file: what the session was, and the close of its auction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gapscan.flatfiles.daily import daily_of_minutes
from gapscan.flatfiles.day_bars import DayBars
from gapscan.market.sessions import NS_PER_MS, SessionTimes, session_times

FULL, HALF = session_times(dt.date(2023, 8, 4)), session_times(dt.date(2023, 11, 24))
MINUTES = st.lists(
    st.tuples(st.integers(0, 959), st.integers(0, 2), st.integers(1, 400), st.integers(1, 400), st.integers(0, 99)),
    unique_by=lambda bar: bar[:2],
    max_size=80,
)


def minutes_of(bars: Sequence[tuple[int, int, int, int, int]], pre: int) -> DayBars:
    """Bars of (minute since 04:00, symbol, open, close, shares), in any order."""
    opened, closed = (np.array([bar[at] for bar in bars], float) for at in (2, 3))
    return DayBars(
        symbols=["A", "B", "C"],
        of=np.array([bar[1] for bar in bars], np.int32),
        start=np.array([(pre + bar[0] * 60_000) * NS_PER_MS for bar in bars], np.int64),
        volume=np.array([bar[4] for bar in bars], float),
        open=opened,
        close=closed,
        high=np.maximum(opened, closed) + 1,
        low=np.minimum(opened, closed) - 0.5,
        transactions=np.ones(len(bars), np.int64),
    )


@given(MINUTES, st.sampled_from([FULL, HALF]))
def test_each_bar_is_what_a_plain_reading_of_the_minutes_says(
    bars: list[tuple[int, int, int, int, int]], times: SessionTimes
) -> None:
    found = daily_of_minutes(minutes_of(bars, times.pre), times)
    bell, opening = ((moment - times.pre) // 60_000 for moment in (times.post, times.regular))
    expected = {}
    for symbol in range(3):
        mine = sorted(bar for bar in bars if bar[1] == symbol and bar[4] > 0)
        session = [bar for bar in mine if opening <= bar[0] < bell]
        auction = [bar[2] for bar in mine if bar[0] == bell]
        if not session and not auction:
            continue
        close = auction[0] if auction else session[-1][3]
        first = session[0][2] if session else close
        high = max([first, close, *(max(bar[2:4]) + 1 for bar in session)])
        low = min([first, close, *(min(bar[2:4]) - 0.5 for bar in session)])
        expected["ABC"[symbol]] = (first, high, low, close, sum(bar[4] for bar in mine), len(mine))
    columns = (found.open, found.high, found.low, found.close, found.volume, found.transactions)
    told = dict(
        zip((found.symbols[at] for at in found.of), zip(*(c.tolist() for c in columns), strict=True), strict=True)
    )
    assert told == expected
