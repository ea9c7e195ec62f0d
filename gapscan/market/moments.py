"""Moments as people write them: "09:31", "5m ago", "yesterday 15:59", epoch milliseconds. In New York, unless they say.

Nothing here reads a clock: what "now" is, the caller says.
"""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from gapscan.errors import ConfigError
from gapscan.market.calendar import previous_trading_day
from gapscan.market.sessions import NEW_YORK, new_york

Moment = str | int | dt.datetime

EXAMPLES: Final = (
    'write it as "09:31", "09:31:07", "5m ago", "yesterday 15:59", "2026-11-27 09:31", "14:31 UTC" or 1795789860000'
)
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_AGO: Final = re.compile(r"(\d{1,6})\s*(s|m|h|d)[a-z]*\s+ago")
_CLOCK: Final = re.compile(
    r"(?:(?P<day>today|yesterday|\d{4}-\d{2}-\d{2})(?:[ t]+|$))?"
    r"(?:(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d{1,6})?)?)?"
    r"\s*(?P<zone>[a-z][a-z0-9_+/-]*|[+-]\d{2}:?\d{2})?"
)
_LEAST_MS: Final = 10**11  # 1973: a smaller number is no time of a market in milliseconds
_MOST_MS: Final = 10**13
_EASTERN: Final = ("et", "est", "edt", "ny")
_UTC: Final = ("z", "utc", "gmt")


def moment_ms(moment: Moment, now: int, day: dt.date | None = None) -> int:
    """The moment in UTC epoch milliseconds. `now` is what it counts back from, `day` that of a time without one.

    A datetime without a zone is of New York. Raises ConfigError, with examples.
    """
    if isinstance(moment, dt.datetime):
        return round((moment if moment.tzinfo else moment.replace(tzinfo=NEW_YORK)).timestamp() * 1000)
    if isinstance(moment, int):
        return _in_range(moment, str(moment))
    text = moment.strip().lower()
    if re.fullmatch(r"\d{11,14}", text):
        return _in_range(int(text), text)
    if text == "now":
        return now
    if ago := _AGO.fullmatch(text):
        return now - int(ago[1]) * _UNITS[ago[2]] * 1000
    return _on_clock(moment, text, now, day)


def _in_range(ms: int, text: str) -> int:
    if not _LEAST_MS <= ms <= _MOST_MS:
        raise ConfigError(f"{text} is no time in epoch milliseconds", remedy=EXAMPLES)
    return ms


def _on_clock(moment: str, text: str, now: int, day: dt.date | None) -> int:
    found = _CLOCK.fullmatch(text)
    if found is None or not (found["hour"] or found["day"]):
        raise ConfigError(f"{moment!r} is no time", remedy=EXAMPLES)
    zone = _zone(found["zone"], moment)
    today = dt.datetime.fromtimestamp(now / 1000, zone).date()
    try:
        date = _date(found["day"], day or today, today)
        time = dt.time(int(found["hour"] or 0), int(found["minute"] or 0), int(found["second"] or 0))
    except ValueError as error:
        raise ConfigError(f"{moment!r} is no time: {error}", remedy=EXAMPLES) from None
    return round(dt.datetime.combine(date, time, zone).timestamp() * 1000)


def _date(word: str | None, day: dt.date, today: dt.date) -> dt.date:
    """The day that is meant: without a word `day`; yesterday is the trading day before."""
    if word is None:
        return day
    if word == "today":
        return today
    return previous_trading_day(today) if word == "yesterday" else dt.date.fromisoformat(word)


def _zone(name: str | None, moment: str) -> dt.tzinfo:
    if name is None or name in _EASTERN:
        return NEW_YORK
    if name in _UTC:
        return dt.UTC
    if name[0] in "+-":
        hours, minutes = int(name[1:3]), int(name[-2:])
        if hours < 24 and minutes < 60:
            offset = dt.timedelta(hours=hours, minutes=minutes)
            return dt.timezone(-offset if name[0] == "-" else offset)
    elif (known := _zones().get(name)) is not None:
        return ZoneInfo(known)
    raise ConfigError(f"{moment!r} has an unknown zone", remedy=EXAMPLES)


@lru_cache(maxsize=1)
def _zones() -> dict[str, str]:
    from zoneinfo import available_timezones

    return {name.lower(): name for name in available_timezones()}


def day_of(text: str | dt.date, now: int) -> dt.date:
    """A day as people write it: "today", "yesterday", "2026-11-27". Raises ConfigError, with an example."""
    if isinstance(text, dt.date):
        return text
    try:
        return _date(text.strip().lower(), dt.date.min, new_york(now).date())
    except ValueError:
        raise ConfigError(f"{text!r} is no day", remedy='write it as "today", "yesterday" or "2026-11-27"') from None
