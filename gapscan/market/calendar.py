"""The days on which US stocks trade, and those that end early: the calendar of the New York Stock Exchange."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import NamedTuple

_DAY = dt.timedelta(days=1)
_SATURDAY = 5


class _Year(NamedTuple):
    closed: frozenset[dt.date]
    short: frozenset[dt.date]


@lru_cache(maxsize=64)
def _year(year: int) -> _Year:
    # The library brings the calendars of all countries with it, much time and memory: only whoever asks for a day pays.
    from holidays import HALF_DAY, PUBLIC, financial_holidays

    closed, short = (
        frozenset(financial_holidays("NYSE", years=year, expand=False, categories=kind)) for kind in (PUBLIC, HALF_DAY)
    )
    return _Year(closed, short - closed)


def is_trading_day(date: dt.date) -> bool:
    """Whether the market opens on `date`: no weekend, no holiday, no special closure."""
    return date.weekday() < _SATURDAY and date not in _year(date.year).closed


def closes_early(date: dt.date) -> bool:
    """Whether `date` is a half day: a trading day whose regular session ends at 13:00."""
    return is_trading_day(date) and date in _year(date.year).short


def last_trading_day(date: dt.date) -> dt.date:
    """`date` if it is a trading day, else the last one before it."""
    while not is_trading_day(date):
        date -= _DAY
    return date


def previous_trading_day(date: dt.date) -> dt.date:
    """The last trading day before `date`."""
    return last_trading_day(date - _DAY)


def next_trading_day(date: dt.date) -> dt.date:
    """The first trading day after `date`."""
    date += _DAY
    while not is_trading_day(date):
        date += _DAY
    return date
