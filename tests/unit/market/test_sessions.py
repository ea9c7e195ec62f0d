from __future__ import annotations

import datetime as dt
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapscan.market.sessions import (
    NEW_YORK,
    MarketSession,
    closes_early,
    epoch_ms,
    is_trading_day,
    minute_of_day,
    session_at,
    session_times,
    trading_date,
)

FRIDAY, SATURDAY, SUNDAY, MONDAY = (dt.date(2024, 3, 8) + dt.timedelta(days=n) for n in range(4))
# The clocks went forward on Sunday 2024-03-10 and back on Sunday 2024-11-03.
WINTER, SUMMER = dt.date(2024, 3, 8), dt.date(2024, 3, 11)
HOUR = 3_600_000


def at(date: dt.date, clock: str) -> int:
    return int(dt.datetime.combine(date, dt.time.fromisoformat(clock), NEW_YORK).timestamp() * 1000)


@pytest.mark.parametrize(
    ("date", "utc_hour"), [(WINTER, 14), (SUMMER, 13), (dt.date(2024, 11, 1), 13), (dt.date(2024, 11, 4), 14)]
)
def test_the_open_follows_daylight_saving(date: dt.date, utc_hour: int) -> None:
    expected = dt.datetime(date.year, date.month, date.day, utc_hour, 30, tzinfo=dt.UTC)
    assert session_times(date).regular == expected.timestamp() * 1000


@pytest.mark.parametrize("date", [WINTER, SUMMER])
def test_lengths_of_the_sessions(date: dt.date) -> None:
    times = session_times(date)
    assert [after - before for before, after in itertools.pairwise(times)] == [
        0.5 * HOUR,
        5.5 * HOUR,
        6.5 * HOUR,
        4 * HOUR,
    ]


@pytest.mark.parametrize("date", [WINTER, SUMMER])
@pytest.mark.parametrize(
    ("clock", "before", "after"),
    [
        ("03:30", MarketSession.CLOSED, MarketSession.CLOSED),
        ("04:00", MarketSession.CLOSED, MarketSession.PRE),
        ("09:30", MarketSession.PRE, MarketSession.REGULAR),
        ("16:00", MarketSession.REGULAR, MarketSession.POST),
        ("20:00", MarketSession.POST, MarketSession.CLOSED),
    ],
)
def test_borders_to_the_millisecond(date: dt.date, clock: str, before: MarketSession, after: MarketSession) -> None:
    assert session_at(at(date, clock) - 1) is before
    assert session_at(at(date, clock)) is after


@pytest.mark.parametrize("date", [SATURDAY, SUNDAY])
@pytest.mark.parametrize("clock", ["03:30", "05:00", "10:00", "17:00", "23:59"])
def test_weekends_are_closed_and_belong_to_friday(date: dt.date, clock: str) -> None:
    assert session_at(at(date, clock)) is MarketSession.CLOSED
    assert trading_date(at(date, clock)) == FRIDAY


# Thanksgiving Thursday, and the half day after it.
WEDNESDAY, THANKSGIVING, HALF_DAY = (dt.date(2026, 11, 25) + dt.timedelta(days=n) for n in range(3))


@pytest.mark.parametrize(
    ("clock", "before", "after"),
    [
        ("04:00", MarketSession.CLOSED, MarketSession.PRE),
        ("09:30", MarketSession.PRE, MarketSession.REGULAR),
        ("13:00", MarketSession.REGULAR, MarketSession.POST),
        ("16:00", MarketSession.POST, MarketSession.POST),
        ("17:00", MarketSession.POST, MarketSession.CLOSED),
    ],
)
def test_borders_of_a_half_day(clock: str, before: MarketSession, after: MarketSession) -> None:
    assert session_at(at(HALF_DAY, clock) - 1) is before
    assert session_at(at(HALF_DAY, clock)) is after


@pytest.mark.parametrize("clock", ["03:30", "05:00", "10:00", "17:00", "23:59"])
def test_a_holiday_is_closed_and_belongs_to_the_day_before(clock: str) -> None:
    assert session_at(at(THANKSGIVING, clock)) is MarketSession.CLOSED
    assert trading_date(at(THANKSGIVING, clock)) == WEDNESDAY


def test_a_holiday_beside_a_weekend() -> None:
    good_friday, monday = dt.date(2026, 4, 3), dt.date(2026, 4, 6)
    for date in (good_friday, good_friday + dt.timedelta(days=1), monday - dt.timedelta(days=1)):
        assert session_at(at(date, "10:00")) is MarketSession.CLOSED
        assert trading_date(at(date, "10:00")) == dt.date(2026, 4, 2)
    assert trading_date(at(monday, "03:29")) == dt.date(2026, 4, 2)
    assert trading_date(at(monday, "03:30")) == monday


moments = st.integers(at(dt.date(1995, 1, 3), "00:00"), at(dt.date(2040, 1, 1), "00:00"))


@given(moments)
def test_the_session_is_the_one_whose_times_hold_the_moment(ms: int) -> None:
    date = dt.datetime.fromtimestamp(ms / 1000, NEW_YORK).date()
    times, session = session_times(date), session_at(ms)
    if session is MarketSession.CLOSED:
        assert not is_trading_day(date) or not times.pre <= ms < times.closed
        return
    following = times[times._fields.index(session.value) + 1]
    assert is_trading_day(date)
    assert getattr(times, session.value) <= ms < following
    assert trading_date(ms) == date


@given(moments, moments)
def test_later_moments_belong_to_no_earlier_day(one: int, other: int) -> None:
    one, other = sorted((one, other))
    assert trading_date(one) <= trading_date(other)
    assert is_trading_day(trading_date(one))


@given(moments)
def test_a_half_day_ends_three_hours_early(ms: int) -> None:
    date = dt.datetime.fromtimestamp(ms / 1000, NEW_YORK).date()
    times = session_times(date)
    assert times.post - times.regular == (3.5 if closes_early(date) else 6.5) * HOUR
    assert times.closed - times.post == 4 * HOUR


@pytest.mark.parametrize(
    ("date", "clock", "expected"),
    [
        (MONDAY, "03:29:59.999", FRIDAY),
        (MONDAY, "03:30", MONDAY),
        (FRIDAY, "03:29:59.999", dt.date(2024, 3, 7)),
        (FRIDAY, "03:30", FRIDAY),
        (FRIDAY, "23:59:59.999", FRIDAY),
        (SATURDAY, "00:00", FRIDAY),
        (SUNDAY, "02:30", FRIDAY),  # a time that the clocks left out that night
    ],
)
def test_a_trading_day_begins_at_its_clear(date: dt.date, clock: str, expected: dt.date) -> None:
    assert trading_date(at(date, clock)) == expected


@pytest.mark.parametrize("date", [WINTER, SUMMER])
def test_minute_of_day(date: dt.date) -> None:
    assert minute_of_day(at(date, "00:00")) == 0
    assert minute_of_day(at(date, "09:30") - 1) == 569
    assert minute_of_day(at(date, "09:30")) == 570
    assert minute_of_day(at(date, "23:59:59.999")) == 1439


def test_epoch_ms_is_utc() -> None:
    assert epoch_ms(WINTER, dt.time(19, 0)) == dt.datetime(2024, 3, 9, tzinfo=dt.UTC).timestamp() * 1000
