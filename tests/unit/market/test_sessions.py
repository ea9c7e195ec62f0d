from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapscan.market.sessions import (
    HOURS,
    NEW_YORK,
    Hours,
    MarketSession,
    closes_early,
    date_of_trades,
    epoch_ms,
    is_trading_day,
    last_trading_day,
    minute_of_day,
    previous_trading_day,
    session_at,
    session_by_day,
    session_times,
    trades_end,
    trading_date,
    use_hours,
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
        7.5 * HOUR,
        0.5 * HOUR,
        5.5 * HOUR,
        6.5 * HOUR,
        4 * HOUR,
    ]


@pytest.mark.parametrize("date", [WINTER, SUMMER])
@pytest.mark.parametrize(
    ("clock", "before", "after"),
    [
        ("00:00", MarketSession.NIGHT, MarketSession.NIGHT),
        ("03:30", MarketSession.NIGHT, MarketSession.NIGHT),
        ("04:00", MarketSession.NIGHT, MarketSession.PRE),
        ("09:30", MarketSession.PRE, MarketSession.REGULAR),
        ("16:00", MarketSession.REGULAR, MarketSession.POST),
    ],
)
def test_borders_to_the_millisecond(date: dt.date, clock: str, before: MarketSession, after: MarketSession) -> None:
    assert session_at(at(date, clock) - 1) is before
    assert session_at(at(date, clock)) is after


CLOCKS_BACK = dt.date(2024, 11, 3)


@pytest.mark.parametrize(
    ("date", "before", "after", "day"),
    [
        (MONDAY, MarketSession.POST, MarketSession.NIGHT, MONDAY + dt.timedelta(days=1)),
        (FRIDAY, MarketSession.POST, MarketSession.CLOSED, FRIDAY),
        (SATURDAY, MarketSession.CLOSED, MarketSession.CLOSED, FRIDAY),
        (SUNDAY, MarketSession.CLOSED, MarketSession.NIGHT, MONDAY),  # on which the clocks had gone forward
        (CLOCKS_BACK, MarketSession.CLOSED, MarketSession.NIGHT, CLOCKS_BACK + dt.timedelta(days=1)),
        (dt.date(2026, 11, 25), MarketSession.POST, MarketSession.CLOSED, dt.date(2026, 11, 25)),  # a holiday follows
        (dt.date(2026, 11, 26), MarketSession.CLOSED, MarketSession.NIGHT, dt.date(2026, 11, 27)),  # the holiday
        (dt.date(2026, 11, 27), MarketSession.CLOSED, MarketSession.CLOSED, dt.date(2026, 11, 27)),  # a half day
        (dt.date(2024, 7, 2), MarketSession.POST, MarketSession.NIGHT, dt.date(2024, 7, 3)),  # a half day follows
        (dt.date(2024, 7, 3), MarketSession.CLOSED, MarketSession.CLOSED, dt.date(2024, 7, 3)),  # it, before a holiday
    ],
)
def test_at_eight_in_the_evening(date: dt.date, before: MarketSession, after: MarketSession, day: dt.date) -> None:
    """The night is of the trading day after it; nothing of the day that is over moves until that one's clear."""
    evening = at(date, "20:00")
    assert session_at(evening - 1) is before
    assert [session_at(ms) for ms in (evening, evening + 1)] == [after, after]
    assert date_of_trades(evening - 1) == trading_date(evening) == last_trading_day(date)
    assert date_of_trades(evening) == day
    if after is MarketSession.NIGHT:
        assert session_times(day).night == trades_end(last_trading_day(date)) == evening


@pytest.mark.parametrize("date", [SATURDAY, SUNDAY])
@pytest.mark.parametrize("clock", ["00:00", "03:30", "05:00", "10:00", "17:00", "19:59:59.999"])
def test_weekends_are_closed_and_belong_to_friday(date: dt.date, clock: str) -> None:
    assert session_at(at(date, clock)) is MarketSession.CLOSED
    assert trading_date(at(date, clock)) == date_of_trades(at(date, clock)) == FRIDAY


# Thanksgiving Thursday, and the half day after it.
WEDNESDAY, THANKSGIVING, HALF_DAY = (dt.date(2026, 11, 25) + dt.timedelta(days=n) for n in range(3))


@pytest.mark.parametrize(
    ("clock", "before", "after"),
    [
        ("04:00", MarketSession.NIGHT, MarketSession.PRE),
        ("09:30", MarketSession.PRE, MarketSession.REGULAR),
        ("13:00", MarketSession.REGULAR, MarketSession.POST),
        ("16:00", MarketSession.POST, MarketSession.POST),
        ("17:00", MarketSession.POST, MarketSession.CLOSED),
    ],
)
def test_borders_of_a_half_day(clock: str, before: MarketSession, after: MarketSession) -> None:
    assert session_at(at(HALF_DAY, clock) - 1) is before
    assert session_at(at(HALF_DAY, clock)) is after


@pytest.mark.parametrize("clock", ["03:30", "05:00", "10:00", "17:00", "19:59"])
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
    date, session = date_of_trades(ms), session_at(ms)
    times, today = session_times(date), dt.datetime.fromtimestamp(ms / 1000, NEW_YORK).date()
    assert is_trading_day(date)
    assert times.night <= ms < trades_end(date)
    if session is MarketSession.CLOSED:
        assert ms >= times.closed
        return
    ends = times.pre if session is MarketSession.NIGHT else times[times._fields.index(session.value) + 1]
    assert getattr(times, session.value) <= ms < ends
    assert date in (today, today + dt.timedelta(days=1))
    assert trading_date(ms) == (date if ms >= times.clear else previous_trading_day(date))


@given(moments, moments)
def test_later_moments_belong_to_no_earlier_day(one: int, other: int) -> None:
    one, other = sorted((one, other))
    assert trading_date(one) <= trading_date(other)
    assert date_of_trades(one) <= date_of_trades(other)
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


def test_providers_know_of_no_night() -> None:
    assert session_by_day(at(MONDAY, "20:30")) is session_by_day(at(MONDAY, "03:59")) is MarketSession.CLOSED
    assert session_by_day(at(MONDAY, "04:00")) is MarketSession.PRE


@pytest.fixture
def hours() -> Iterator[Callable[..., None]]:
    """Sets other hours for the time of a test."""
    yield lambda **settings: use_hours(Hours(**settings))
    use_hours(HOURS)


def sessions_of(date: dt.date, *clocks: str) -> list[str]:
    return [str(session_at(at(date, clock) + off)) for clock in clocks for off in (-1, 0)]


def test_a_day_of_twenty_three_hours(hours: Callable[..., None]) -> None:
    """Trading pauses for an hour, after which it is the next day's night."""
    hours(night=dt.time(21, 0))
    assert sessions_of(MONDAY, "20:00", "21:00") == ["post", "closed", "closed", "night"]
    assert date_of_trades(at(MONDAY, "21:00") - 1) == MONDAY
    assert date_of_trades(at(MONDAY, "21:00")) == MONDAY + dt.timedelta(days=1)
    assert sessions_of(SUNDAY, "21:00") == ["closed", "night"]
    assert sessions_of(FRIDAY, "20:00", "21:00") == ["post", "closed", "closed", "closed"]


def test_a_night_that_begins_after_midnight(hours: Callable[..., None]) -> None:
    hours(night=dt.time(1, 30), post_ends=dt.time(23, 30))
    assert sessions_of(MONDAY, "01:30", "04:00", "20:00", "23:30") == [
        "closed", "night", "night", "pre", "post", "post", "post", "closed"
    ]  # fmt: skip
    assert date_of_trades(at(MONDAY, "01:30") - 1) == FRIDAY


def test_no_night(hours: Callable[..., None]) -> None:
    hours(night=None)
    assert sessions_of(MONDAY, "03:30", "04:00", "20:00") == ["closed", "closed", "closed", "pre", "post", "closed"]
    assert date_of_trades(at(MONDAY, "03:30") - 1) == FRIDAY
    assert session_times(MONDAY).night == session_times(MONDAY).clear


@pytest.mark.parametrize(
    "settings",
    [
        {"pre": dt.time(3, 30)},
        {"pre": dt.time(9, 30)},
        {"post_ends": dt.time(16, 59)},
        {"night": dt.time(19, 59)},
        {"night": dt.time(4, 0)},
    ],
)
def test_hours_that_a_day_cannot_have(settings: dict[str, dt.time]) -> None:
    assert Hours(**settings).fault
    assert not HOURS.fault
