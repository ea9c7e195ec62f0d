"""The past is kept for so many trading days at least, whatever weekends and holidays are among them."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from gapscan.config import HistorySection
from gapscan.market.calendar import last_trading_day, previous_trading_day
from gapscan.market.sessions import session_times

# The days before them, too, are after the one week in which the market was closed for longer, in September 2001.
DATES = st.dates(dt.date(2005, 12, 1), dt.date(2026, 12, 31))


@given(date=DATES, days=st.integers(1, 60) | st.integers(1, 1000))
def test_so_many_trading_days_are_kept(date: dt.date, days: int) -> None:
    """At the close of any day: that one, and those before it."""
    newest = oldest = last_trading_day(date)
    for _ in range(days - 1):
        oldest = previous_trading_day(oldest)
    kept = HistorySection(days=days).max_age * 1000
    assert session_times(oldest).pre >= session_times(newest).closed - kept
