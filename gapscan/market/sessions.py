"""The trading day in New York: which session a moment belongs to.

Times are UTC epoch milliseconds. Nothing here reads a clock. Which days are trading days, and which of them are half
days, is the exchange's calendar; a closure that nobody foresaw is known to the provider's market status alone, which
the feed lays over it. At which hours pre-market begins, and post-market and the night, is a setting.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple
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
    "HOURS",
    "HOUR_MS",
    "MINUTE_MS",
    "NEW_YORK",
    "NS_PER_MS",
    "Hours",
    "MarketSession",
    "SessionTimes",
    "closes_early",
    "date_of_trades",
    "epoch_ms",
    "hours_in_use",
    "is_trading_day",
    "last_trading_day",
    "minute_of_day",
    "new_york",
    "next_trading_day",
    "open_ramp",
    "previous_trading_day",
    "session_at",
    "session_by_day",
    "session_of_rows",
    "session_times",
    "trades_end",
    "trading_date",
    "use_hours",
    "without_night",
]

NEW_YORK = ZoneInfo("America/New_York")
NS_PER_MS = 1_000_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000

CLEAR = dt.time(3, 30)  # a trading day begins here, half an hour before pre-market, and nothing of the last one counts
REGULAR_OPEN = dt.time(9, 30)
REGULAR_CLOSE = dt.time(16, 0)
EARLY_CLOSE = dt.time(13, 0)  # of the regular session on a half day
EARLY_POST_CLOSE = dt.time(17, 0)
_A_DAY = dt.timedelta(days=1)
RAMP_BEGINS = 5 * MINUTE_MS
RAMP_ENDS = 30 * MINUTE_MS


class MarketSession(StrEnum):
    """The parts of a trading day, which begins with the evening before it; `closed` is everything between."""

    NIGHT = "night"
    PRE = "pre"
    REGULAR = "regular"
    POST = "post"
    CLOSED = "closed"


class SessionTimes(NamedTuple):
    """Starts of one day's sessions in epoch ms: [night, pre), [pre, regular), [regular, post), [post, closed).

    At `clear`, within the night, what the market showed of the day before is taken down. Without a night they are one.
    """

    night: int
    clear: int
    pre: int
    regular: int
    post: int
    closed: int


class Hours(NamedTuple):
    """When the sessions around the regular one begin and end, in New York. The night is [`night`, `pre`) of the evening
    and morning before a trading day's pre-market, Sunday's too; None: nothing trades in it."""

    night: dt.time | None = dt.time(20, 0)
    pre: dt.time = dt.time(4, 0)
    post_ends: dt.time = dt.time(20, 0)

    @property
    def fault(self) -> str:
        """Why a day cannot have these hours, or nothing."""
        if not CLEAR < self.pre < REGULAR_OPEN:
            return f"pre-market begins between {CLEAR:%H:%M} and {REGULAR_OPEN:%H:%M}"
        if self.post_ends < EARLY_POST_CLOSE:
            return f"post-market ends at {EARLY_POST_CLOSE:%H:%M} at the earliest"
        if self.night is not None and self.pre <= self.night < self.post_ends:
            return "the night begins when post-market has ended, and before pre-market begins"
        return ""


HOURS: Final = Hours()
_hours = HOURS


def use_hours(hours: Hours) -> None:
    """From now on, everything in this process goes by these hours."""
    global _hours
    if hours != _hours:
        _hours = hours
        session_times.cache_clear()


def hours_in_use() -> Hours:
    """What this process goes by: what is computed elsewhere for it must go by the same."""
    return _hours


def epoch_ms(date: dt.date, time: dt.time) -> int:
    """The UTC epoch ms of a New York wall-clock time on `date`."""
    return int(dt.datetime.combine(date, time, NEW_YORK).timestamp() * 1000)


@lru_cache(maxsize=64)
def session_times(date: dt.date) -> SessionTimes:
    """Session starts of `date`, DST and half days observed; of a day without trading, those of a full day."""
    closes = (EARLY_CLOSE, EARLY_POST_CLOSE) if closes_early(date) else (REGULAR_CLOSE, _hours.post_ends)
    times = (CLEAR, _hours.pre, REGULAR_OPEN, *closes)
    return SessionTimes(_night(date), *(epoch_ms(date, time) for time in times))


def _night(date: dt.date) -> int:
    """When the night of `date` begins, epoch ms: on the evening before, or after midnight."""
    if _hours.night is None:
        return epoch_ms(date, CLEAR)
    return epoch_ms(date if _hours.night < _hours.pre else date - _A_DAY, _hours.night)


def new_york(ms: int) -> dt.datetime:
    """The moment `ms` as an aware datetime in New York."""
    return dt.datetime.fromtimestamp(ms / 1000, NEW_YORK)


def trading_date(ms: int) -> dt.date:
    """The trading day whose values the market shows at `ms`: from its clear until the next day's clear.

    Days without trading belong to the trading day before, and so does an evening: what trades in its night is of the
    next day (`date_of_trades`), and nothing of the day that is over moves by it.
    """
    local = new_york(ms)
    date = local.date()
    return previous_trading_day(date) if local.time() < CLEAR else last_trading_day(date)


def date_of_trades(ms: int) -> dt.date:
    """The trading day that what trades at `ms` is of: the night is of the day after it."""
    today = new_york(ms).date()
    for date in (today + _A_DAY, today):
        if is_trading_day(date) and ms >= session_times(date).night:
            return date
    return previous_trading_day(today)


def trades_end(date: dt.date) -> int:
    """Until when, exclusive, what trades is of the trading day `date`, epoch ms."""
    return session_times(next_trading_day(date)).night


def session_at(ms: int) -> MarketSession:
    """The session of the moment `ms`."""
    date = date_of_trades(ms)
    times = session_times(date)
    if ms < times.pre:
        return MarketSession.CLOSED if _hours.night is None else MarketSession.NIGHT
    if ms >= times.closed:
        return MarketSession.CLOSED
    if ms < times.regular:
        return MarketSession.PRE
    return MarketSession.REGULAR if ms < times.post else MarketSession.POST


def session_by_day(ms: int) -> MarketSession:
    """The session as providers say it that know of no night: the market is closed in it."""
    return without_night(session_at(ms))


def without_night(session: MarketSession) -> MarketSession:
    """The session for those who know of no night."""
    return MarketSession.CLOSED if session is MarketSession.NIGHT else session


def session_of_rows(session: MarketSession, ms: int, date: dt.date | None) -> MarketSession:
    """The session of rows of the trading day `date`: in the night, what is of the day that is over is closed."""
    return without_night(session) if date == trading_date(ms) else session


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
