"""Which answers can be the market as it is now."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapscan.errors import FeedError
from gapscan.feed.scan_check import ScanCheck
from gapscan.market.sessions import MINUTE_MS, session_at, session_times
from gapscan.provider import MarketSnapshot, MarketStatus

DAY = session_times(dt.date(2026, 11, 20))
MONDAY = session_times(dt.date(2026, 11, 23))
OPEN = DAY.regular + 30 * MINUTE_MS
SIZE = 1000


def snapshot(newest: int, size: int = SIZE) -> MarketSnapshot:
    return MarketSnapshot([f"S{n}" for n in range(size)], {}, np.full(size, float(newest)))


def scan(check: ScanCheck, at: int, newest: int | None = None, size: int = SIZE, bar: int = 0) -> None:
    check.check(snapshot(at if newest is None else newest, size), MarketStatus(at, session_at(at).value), bar)


@given(st.integers(DAY.pre, DAY.closed - 1), st.integers(SIZE // 2, 2 * SIZE), st.integers(0, 40))
def test_a_market_that_moves_passes(start: int, size: int, minutes: int) -> None:
    check = ScanCheck()
    scan(check, start)
    after = min(start + minutes * MINUTE_MS + 1, DAY.closed - 1)
    if after > start:
        scan(check, after, size=size, bar=after)


@given(st.integers(DAY.pre, DAY.closed - 1), st.integers(0, SIZE // 2 - 1))
def test_less_than_half_is_a_failure_until_the_day_is_another(at: int, size: int) -> None:
    check = ScanCheck()
    scan(check, at)
    for _ in range(3):
        with pytest.raises(FeedError, match="has no tickers" if not size else f"has {size} tickers"):
            scan(check, at, size=size)
    scan(check, MONDAY.regular, size=max(size, 1))


@pytest.mark.parametrize("at", [DAY.clear, DAY.pre - 1, DAY.closed + 1])
def test_a_closed_market_may_have_no_tickers(at: int) -> None:
    """They are cleared at 03:30, and come as they trade."""
    check = ScanCheck()
    scan(check, at)
    scan(check, at, size=0, newest=0)


def test_as_pre_market_begins_there_may_be_none_yet() -> None:
    check = ScanCheck()
    scan(check, DAY.pre + MINUTE_MS, size=0)
    with pytest.raises(FeedError, match="has no tickers"):
        scan(check, DAY.pre + 6 * MINUTE_MS, size=0)


@pytest.mark.parametrize("back", [0, 5 * MINUTE_MS])
def test_one_that_stands_still_fails_once_bars_are_a_minute_ahead(back: int) -> None:
    check = ScanCheck()
    scan(check, OPEN)
    scan(check, OPEN + MINUTE_MS, OPEN - back, bar=OPEN + MINUTE_MS)
    with pytest.raises(FeedError, match=r"does not move.*live bars"):
        scan(check, OPEN + 2 * MINUTE_MS, OPEN - back, bar=OPEN + MINUTE_MS + 1)
    scan(check, OPEN + 3 * MINUTE_MS, OPEN + 1, bar=OPEN + 3 * MINUTE_MS)


def test_data_that_is_late_by_a_plan_moves() -> None:
    check = ScanCheck()
    for minute in range(5):
        at = OPEN + minute * MINUTE_MS
        scan(check, at, at - 15 * MINUTE_MS, bar=at)


def test_without_bars_the_clock_tells_in_the_end() -> None:
    check = ScanCheck()
    scan(check, OPEN)
    scan(check, OPEN + 20 * MINUTE_MS, OPEN)
    with pytest.raises(FeedError, match=r"does not move.*the provider's clock says 10:20:01"):
        scan(check, OPEN + 20 * MINUTE_MS + 1000, OPEN)


def test_a_market_of_few_symbols_may_stand_still() -> None:
    check = ScanCheck()
    for minute in range(60):
        scan(check, OPEN + minute * MINUTE_MS, OPEN, size=5)


def test_a_body_of_another_day_fails_once_the_market_is_open() -> None:
    check = ScanCheck()
    scan(check, MONDAY.pre, DAY.closed)
    scan(check, MONDAY.regular + MINUTE_MS, DAY.closed)
    with pytest.raises(FeedError, match="of another day: its newest event is of 2026-11-20 20:00:00"):
        scan(check, MONDAY.regular + 5 * MINUTE_MS, DAY.closed)


def test_a_day_that_is_replayed_once_more_begins_anew() -> None:
    check = ScanCheck()
    scan(check, OPEN)
    scan(check, DAY.pre, size=3)
