"""The hours of the market around its regular session: settings, since exchanges are about to change them."""

from __future__ import annotations

import datetime as dt

from gapscan.config.section import Section
from gapscan.market.sessions import HOURS, Hours


class MarketSection(Section, frozen=True):
    """When pre-market begins, post-market ends (of a full day), and the night begins, in New York: HH:MM.

    The night is that of the next trading day, until its pre-market; empty: nothing trades in it.
    """

    night: str = f"{HOURS.night:%H:%M}"
    pre: str = f"{HOURS.pre:%H:%M}"
    post_ends: str = f"{HOURS.post_ends:%H:%M}"

    def __post_init__(self) -> None:
        """Raises ValueError, which msgspec passes on, for what is no time, and for hours that no day can have."""
        if fault := self.hours.fault:
            raise ValueError(fault)

    @property
    def hours(self) -> Hours:
        """What everything that asks for sessions goes by."""
        night = _time("night", self.night) if self.night else None
        return Hours(night, _time("pre", self.pre), _time("post_ends", self.post_ends))


def _time(key: str, text: str) -> dt.time:
    try:
        return dt.datetime.strptime(text, "%H:%M").time()
    except ValueError:
        raise ValueError(f"{key} is {text!r}, no time of day; write it as 04:00") from None
