from __future__ import annotations

import datetime as dt
import itertools

import pytest

from gapscan.market.sessions import (
    NEW_YORK,
    Session,
    epoch_ms,
    is_trading_day,
    minute_of_day,
    previous_trading_day,
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
        ("03:30", Session.CLOSED, Session.CLOSED),
        ("04:00", Session.CLOSED, Session.PRE),
        ("09:30", Session.PRE, Session.REGULAR),
        ("16:00", Session.REGULAR, Session.POST),
        ("20:00", Session.POST, Session.CLOSED),
    ],
)
def test_borders_to_the_millisecond(date: dt.date, clock: str, before: Session, after: Session) -> None:
    assert session_at(at(date, clock) - 1) is before
    assert session_at(at(date, clock)) is after


@pytest.mark.parametrize("date", [SATURDAY, SUNDAY])
@pytest.mark.parametrize("clock", ["03:30", "05:00", "10:00", "17:00", "23:59"])
def test_weekends_are_closed_and_belong_to_friday(date: dt.date, clock: str) -> None:
    assert session_at(at(date, clock)) is Session.CLOSED
    assert trading_date(at(date, clock)) == FRIDAY


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


def test_trading_days() -> None:
    assert [is_trading_day(date) for date in (FRIDAY, SATURDAY, SUNDAY, MONDAY)] == [True, False, False, True]
    assert previous_trading_day(MONDAY) == previous_trading_day(SUNDAY) == FRIDAY
    assert previous_trading_day(FRIDAY) == dt.date(2024, 3, 7)


@pytest.mark.parametrize("date", [WINTER, SUMMER])
def test_minute_of_day(date: dt.date) -> None:
    assert minute_of_day(at(date, "00:00")) == 0
    assert minute_of_day(at(date, "09:30") - 1) == 569
    assert minute_of_day(at(date, "09:30")) == 570
    assert minute_of_day(at(date, "23:59:59.999")) == 1439


def test_epoch_ms_is_utc() -> None:
    assert epoch_ms(WINTER, dt.time(19, 0)) == dt.datetime(2024, 3, 9, tzinfo=dt.UTC).timestamp() * 1000
