from __future__ import annotations

import datetime as dt
import subprocess
import sys
import warnings

import pytest

from gapscan.market.calendar import (
    closes_early,
    is_trading_day,
    last_trading_day,
    next_trading_day,
    previous_trading_day,
)

FRIDAY, SATURDAY, SUNDAY, MONDAY = (dt.date(2024, 3, 8) + dt.timedelta(days=n) for n in range(4))
DAY = dt.timedelta(days=1)

# Before 1995 half days ended at 14:00, and a snowstorm ended one at 14:30.
FIRST, LAST = dt.date(1995, 1, 3), dt.date(2035, 12, 31)


def dates() -> list[dt.date]:
    return [FIRST + n * DAY for n in range((LAST - FIRST).days + 1)]


@pytest.fixture(scope="module")
def days_and_closes() -> dict[dt.date, dt.time]:
    """Every trading day and its close in New York, as another library has them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it uses what its own libraries are about to drop
        import exchange_calendars

        calendar = exchange_calendars.get_calendar("XNYS", start=FIRST.isoformat(), end=LAST.isoformat())
        closes = calendar.closes.dt.tz_convert("America/New_York")
        return {session.date(): close.time() for session, close in closes.items()}


def test_trading_days_are_those_of_an_independent_calendar(days_and_closes: dict[dt.date, dt.time]) -> None:
    assert [date for date in dates() if is_trading_day(date)] == list(days_and_closes)


def test_half_days_are_those_of_an_independent_calendar(days_and_closes: dict[dt.date, dt.time]) -> None:
    early = {date: close for date, close in days_and_closes.items() if close != dt.time(16)}
    assert [date for date in dates() if closes_early(date)] == list(early)
    assert set(early.values()) == {dt.time(13)}


@pytest.mark.parametrize(
    ("date", "why"),
    [
        *((dt.date(2001, 9, day), "the attacks") for day in (11, 12, 13, 14)),
        (dt.date(2004, 6, 11), "mourning for Reagan"),
        (dt.date(2007, 1, 2), "mourning for Ford"),
        (dt.date(2012, 10, 29), "hurricane Sandy"),
        (dt.date(2012, 10, 30), "hurricane Sandy"),
        (dt.date(2018, 12, 5), "mourning for Bush"),
        (dt.date(2025, 1, 9), "mourning for Carter"),
        (dt.date(2026, 7, 3), "Independence Day on a Saturday"),
        (dt.date(2027, 7, 5), "Independence Day on a Sunday"),
        (dt.date(2026, 4, 3), "Good Friday"),
    ],
)
def test_closed_days(date: dt.date, why: str) -> None:
    assert not is_trading_day(date), why
    assert not closes_early(date)
    assert next_trading_day(previous_trading_day(date)) > date


def test_days_that_look_like_holidays() -> None:
    assert is_trading_day(dt.date(2021, 12, 31))  # New Year's Day on a Saturday is not kept on the Friday
    assert is_trading_day(dt.date(2025, 10, 13))  # Columbus Day
    assert not closes_early(dt.date(2026, 7, 2))
    assert closes_early(dt.date(2025, 7, 3))


def test_neighbours() -> None:
    assert [is_trading_day(date) for date in (FRIDAY, SATURDAY, SUNDAY, MONDAY)] == [True, False, False, True]
    assert previous_trading_day(MONDAY) == previous_trading_day(SUNDAY) == last_trading_day(SUNDAY) == FRIDAY
    assert previous_trading_day(FRIDAY) == FRIDAY - DAY
    assert next_trading_day(FRIDAY) == next_trading_day(SUNDAY) == MONDAY
    assert last_trading_day(FRIDAY) == FRIDAY


def test_the_library_is_loaded_by_those_who_ask_only() -> None:
    code = "import sys, gapscan.market.sessions; print('holidays' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
