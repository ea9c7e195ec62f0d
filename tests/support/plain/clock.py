"""The trading day's hours in New York, plainly."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple
from zoneinfo import ZoneInfo

from gapscan.market.calendar import is_trading_day

ZONE = ZoneInfo("America/New_York")
MINUTE = 60_000


class Hours(NamedTuple):
    """Epoch ms of the day's bells: pre-market, open, close, and the end of post-market."""

    pre: int
    regular: int
    post: int
    closed: int

    def session(self, ms: int) -> str:
        """The session of a moment of this day. Its evening is of the next one's night, if that is tomorrow."""
        date = dt.datetime.fromtimestamp(self.pre / 1000, ZONE).date()
        night = ms >= at(date, "20:00") and is_trading_day(date + dt.timedelta(days=1))
        names = ("closed", "pre", "regular", "post", "night" if night else "closed")
        return names[sum(ms >= bell for bell in self)]


def at(date: dt.date, text: str) -> int:
    """A time of the day in epoch ms."""
    return int(dt.datetime.combine(date, dt.time.fromisoformat(text), ZONE).timestamp() * 1000)


def is_half_day(date: dt.date) -> bool:
    """The day after Thanksgiving, and the eves of Independence Day and Christmas, where they are working days."""
    thanksgiving = max(dt.date(date.year, 11, day) for day in range(22, 29) if _is(date.year, 11, day, 3))
    after = date == thanksgiving + dt.timedelta(days=1)
    eve = (date.month, date.day) in ((7, 3), (12, 24)) and date.weekday() < 4
    return after or eve


def _is(year: int, month: int, day: int, weekday: int) -> bool:
    return dt.date(year, month, day).weekday() == weekday


def hours(date: dt.date) -> Hours:
    """The bells of a trading day."""
    close, end = ("13:00", "17:00") if is_half_day(date) else ("16:00", "20:00")
    return Hours(at(date, "04:00"), at(date, "09:30"), at(date, close), at(date, end))
