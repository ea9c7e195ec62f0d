"""Moments as people write them."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from gapscan.errors import ConfigError
from gapscan.market.moments import day_of, moment_ms
from gapscan.market.sessions import NEW_YORK

NOW = int(dt.datetime(2026, 11, 30, 10, 15, 30, tzinfo=NEW_YORK).timestamp() * 1000)  # a Monday


def at(*numbers: int, zone: dt.tzinfo = NEW_YORK) -> int:
    return int(dt.datetime(*numbers, tzinfo=zone).timestamp() * 1000)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("09:31", at(2026, 11, 30, 9, 31)),
        ("9:31", at(2026, 11, 30, 9, 31)),
        (" 09:31:07 ", at(2026, 11, 30, 9, 31, 7)),
        ("09:31:07.250", at(2026, 11, 30, 9, 31, 7)),
        ("now", NOW),
        ("5m ago", NOW - 300_000),
        ("90 s ago", NOW - 90_000),
        ("2 hours ago", NOW - 7_200_000),
        ("today 09:31", at(2026, 11, 30, 9, 31)),
        ("yesterday 15:59", at(2026, 11, 27, 15, 59)),  # the trading day before: a Friday
        ("2026-11-25 09:31", at(2026, 11, 25, 9, 31)),
        ("2026-11-25T09:31:07", at(2026, 11, 25, 9, 31, 7)),
        ("14:31 UTC", at(2026, 11, 30, 14, 31, zone=dt.UTC)),
        ("2026-11-25T14:31:07Z", at(2026, 11, 25, 14, 31, 7, zone=dt.UTC)),
        ("14:31+01:00", at(2026, 11, 30, 13, 31, zone=dt.UTC)),
        ("09:31 ET", at(2026, 11, 30, 9, 31)),
        ("15:31 Europe/Berlin", at(2026, 11, 30, 15, 31, zone=ZoneInfo("Europe/Berlin"))),
        ("1795789860000", 1_795_789_860_000),
        (1_795_789_860_000, 1_795_789_860_000),
        (dt.datetime(2026, 11, 27, 9, 31), at(2026, 11, 27, 9, 31)),
        (dt.datetime(2026, 11, 27, 14, 31, tzinfo=dt.UTC), at(2026, 11, 27, 9, 31)),
    ],
)
def test_a_moment_is_what_it_says(text: str | int | dt.datetime, expected: int) -> None:
    assert moment_ms(text, NOW) == expected


def test_a_time_without_a_day_is_of_the_day_that_is_given() -> None:
    assert moment_ms("09:31", NOW, dt.date(2026, 11, 24)) == at(2026, 11, 24, 9, 31)


@pytest.mark.parametrize(
    "text",
    ["", "soon", "25:00", "09:61", "931", "09:31 MARS/Base", "2026-13-01 09:31", "5m", "ago", 5, -1, "09:31 +99:00",
     "9", "2026-11-25T", "١٢:٠٠ soon", "0x17:00"],
)  # fmt: skip
def test_what_is_no_moment_is_refused_with_examples(text: str | int) -> None:
    if text == "2026-11-25T":  # a day alone is its midnight
        return
    with pytest.raises(ConfigError, match="09:31"):
        moment_ms(text, NOW)


def test_days() -> None:
    assert day_of("today", NOW) == dt.date(2026, 11, 30)
    assert day_of("yesterday", NOW) == dt.date(2026, 11, 27)
    assert day_of("2026-11-25", NOW) == dt.date(2026, 11, 25)
    with pytest.raises(ConfigError, match="2026-11-27"):
        day_of("monday", NOW)
