"""Values on their way into the settings, and what the settings' own types cannot say."""

from __future__ import annotations

import datetime as dt

import msgspec

from gapscan.config.loading import REMEDY
from gapscan.config.sections import Config
from gapscan.config.sim_section import SimSection, date_of
from gapscan.errors import ConfigError
from gapscan.market.calendar import is_trading_day, last_trading_day


def check_values(section: str, **values: object) -> None:
    """Raises ConfigError when the settings could not have these values in `section`."""
    try:
        msgspec.convert({section: values}, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(str(error), remedy=REMEDY) from None


def simulated_day(section: SimSection) -> dt.date | None:
    """The day that the simulated market is to play, if one is named. Raises ConfigError when the market is closed."""
    if section.day is None:
        return None
    day = date_of(section.day)
    check_trading_day(day)
    return day


def check_trading_day(day: dt.date) -> None:
    """Raises ConfigError when the market is closed on `day`. Nothing that only loads settings pays for the calendar."""
    if not is_trading_day(day):
        raise ConfigError(
            f"day is {day}, when the market is closed",
            remedy=f"give a trading day such as {last_trading_day(day)}",
        )
