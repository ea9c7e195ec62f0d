"""The trading day in New York: which session a moment belongs to.

Times are UTC epoch milliseconds. Nothing here reads a clock. Which days are trading days, and which of them are half
days, is the exchange's calendar; a closure that nobody foresaw is known to the provider's market status alone, which
the feed lays over it.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from gapscan.market.calendar import (
    closes_early,
    is_trading_day,
    last_trading_day,
    next_trading_day,
    previous_trading_day,
)

__all__ = [
    "CLEAR",
    "DAY_MS",
    "MINUTE_MS",
    "NEW_YORK",
    "NS_PER_MS",
    "MarketSession",
    "SessionTimes",
    "closes_early",
    "epoch_ms",
    "is_trading_day",
    "last_trading_day",
    "minute_of_day",
    "new_york",
    "next_trading_day",
    "open_ramp",
    "previous_trading_day",
    "session_at",
    "session_times",
    "trading_date",
]

NEW_YORK = ZoneInfo("America/New_York")
NS_PER_MS = 1_000_000
MINUTE_MS = 60_000
DAY_MS = 86_400_000

CLEAR = dt.time(3, 30)  # a trading day begins here, half an hour before pre-market, and nothing of the last one counts
PRE_OPEN = dt.time(4, 0)
REGULAR_OPEN = dt.time(9, 30)
REGULAR_CLOSE = dt.time(16, 0)
POST_CLOSE = dt.time(20, 0)
EARLY_CLOSE = dt.time(13, 0)  # of the regular session on a half day
EARLY_POST_CLOSE = dt.time(17, 0)
RAMP_BEGINS = 5 * MINUTE_MS
RAMP_ENDS = 30 * MINUTE_MS


class MarketSession(StrEnum):
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
    """Session starts of `date`, DST and half days observed; of a day without trading, those of a full day."""
    closes = (EARLY_CLOSE, EARLY_POST_CLOSE) if closes_early(date) else (REGULAR_CLOSE, POST_CLOSE)
    return SessionTimes(*(epoch_ms(date, t) for t in (CLEAR, PRE_OPEN, REGULAR_OPEN, *closes)))


def new_york(ms: int) -> dt.datetime:
    """The moment `ms` as an aware datetime in New York."""
    return dt.datetime.fromtimestamp(ms / 1000, NEW_YORK)


def trading_date(ms: int) -> dt.date:
    """The trading day that `ms` belongs to: a day begins at its clear and lasts until the next day's clear.

    Days without trading belong to the trading day before, since its values are what the market shows until the clear
    of the next one.
    """
    local = new_york(ms)
    date = local.date()
    return previous_trading_day(date) if local.time() < CLEAR else last_trading_day(date)


def session_at(ms: int) -> MarketSession:
    """The session of the moment `ms`."""
    date = new_york(ms).date()
    if not is_trading_day(date):
        return MarketSession.CLOSED
    times = session_times(date)
    if ms < times.pre or ms >= times.closed:
        return MarketSession.CLOSED
    if ms < times.regular:
        return MarketSession.PRE
    return MarketSession.REGULAR if ms < times.post else MarketSession.POST


def open_ramp(ms: int, date: dt.date) -> float:
    """How far thresholds have moved from what holds before the open of `date` (0.0) to what holds after it (1.0).

    A bell does not change what a stock is: they stay for RAMP_BEGINS after it, and have moved evenly by RAMP_ENDS.
    """
    begin, end = (session_times(date).regular + after for after in (RAMP_BEGINS, RAMP_ENDS))
    return min(max((ms - begin) / (end - begin), 0.0), 1.0)


def minute_of_day(ms: int) -> int:
    """Minutes since midnight in New York, 0 to 1439."""
    local = new_york(ms)
    return local.hour * 60 + local.minute
