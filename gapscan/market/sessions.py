"""The trading day in New York: which session a moment belongs to.

Times are UTC epoch milliseconds. Nothing here reads a clock. Weekends are closed; holidays and early closes are
known to the market status of the data provider, which the feed lays over this calendar.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
MINUTE_MS = 60_000
DAY_MS = 86_400_000

CLEAR = dt.time(3, 30)  # the provider empties its snapshot here, half an hour before pre-market
PRE_OPEN = dt.time(4, 0)
REGULAR_OPEN = dt.time(9, 30)
REGULAR_CLOSE = dt.time(16, 0)
POST_CLOSE = dt.time(20, 0)


class Session(StrEnum):
    """The parts of a trading day; `closed` is everything between."""

    PRE = "pre"
    REGULAR = "regular"
    POST = "post"
    CLOSED = "closed"


class SessionTimes(NamedTuple):
    """Starts of one day's sessions in epoch ms: [clear, pre), [pre, regular), [regular, post), [post, closed)."""

    clear: int
    pre: int
    regular: int
    post: int
    closed: int


def epoch_ms(date: dt.date, time: dt.time) -> int:
    """The UTC epoch ms of a New York wall-clock time on `date`."""
    return int(dt.datetime.combine(date, time, NEW_YORK).timestamp() * 1000)


@lru_cache(maxsize=64)
def session_times(date: dt.date) -> SessionTimes:
    """Session starts of `date`, weekday or not, DST observed."""
    return SessionTimes(*(epoch_ms(date, t) for t in (CLEAR, PRE_OPEN, REGULAR_OPEN, REGULAR_CLOSE, POST_CLOSE)))


def new_york(ms: int) -> dt.datetime:
    """The moment `ms` as an aware datetime in New York."""
    return dt.datetime.fromtimestamp(ms / 1000, NEW_YORK)


def is_trading_day(date: dt.date) -> bool:
    """Monday to Friday."""
    return date.weekday() < 5


def previous_trading_day(date: dt.date) -> dt.date:
    """The last trading day before `date`."""
    date -= dt.timedelta(days=1)
    while not is_trading_day(date):
        date -= dt.timedelta(days=1)
    return date


def trading_date(ms: int) -> dt.date:
    """The trading day that `ms` belongs to: a day begins at its clear and lasts until the next day's clear.

    Weekends belong to the Friday before, since its values are what the market shows until Monday's clear.
    """
    local = new_york(ms)
    date = local.date()
    if local.time() < CLEAR or not is_trading_day(date):
        return previous_trading_day(date)
    return date


def session_at(ms: int) -> Session:
    """The session of the moment `ms`."""
    date = new_york(ms).date()
    if not is_trading_day(date):
        return Session.CLOSED
    times = session_times(date)
    if ms < times.pre or ms >= times.closed:
        return Session.CLOSED
    if ms < times.regular:
        return Session.PRE
    return Session.REGULAR if ms < times.post else Session.POST


def minute_of_day(ms: int) -> int:
    """Minutes since midnight in New York, 0 to 1439."""
    local = new_york(ms)
    return local.hour * 60 + local.minute
