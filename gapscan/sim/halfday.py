"""The tape of a half day: that of a full day with its regular session told faster, and post-market right after it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

import numpy as np

from gapscan.market.sessions import MINUTE_MS, closes_early, session_times
from gapscan.sim.source import POST_MINUTE, REGULAR_MINUTE, DayTape, Halt
from gapscan.sim.tape import Floats, Prints, no_prints

_EARLY_MINUTE: Final = 540  # 13:00, counted from 04:00
_SHORT, _FULL = _EARLY_MINUTE - REGULAR_MINUTE, POST_MINUTE - REGULAR_MINUTE
_EARLIER: Final = POST_MINUTE - _EARLY_MINUTE


def shortened(full: DayTape, date: dt.date) -> DayTape:
    """`full`, the tape of a full day, as long as `date` really is."""
    return HalfDay(full, date) if closes_early(date) else full


class HalfDay:
    """Every print of `full`, in the same order, within the hours of the half day `date`."""

    def __init__(self, full: DayTape, date: dt.date) -> None:
        self._full = full
        self._open_ms = session_times(date).regular
        self._taken = REGULAR_MINUTE  # minutes of the full day up to this one are told
        self._ahead = no_prints()  # told of minutes to come

    @property
    def halts(self) -> Sequence[Halt]:
        """The halts, none longer than the time in which nothing prints."""
        return [halt._replace(start=_later(halt.start), end=_sooner(halt.end)) for halt in self._full.halts]

    @property
    def closes(self) -> Floats | None:
        return self._full.closes

    def minute(self, number: int) -> Prints:
        if number < REGULAR_MINUTE:
            return self._full.minute(number)
        if number < _EARLY_MINUTE:
            return self._regular(number)
        prints = self._full.minute(number + _EARLIER)
        return prints._replace(time=prints.time - _EARLIER * MINUTE_MS)

    def _regular(self, number: int) -> Prints:
        start = self._open_ms + (number - REGULAR_MINUTE) * MINUTE_MS
        parts = [self._ahead]
        while self._taken < POST_MINUTE and _sooner(self._taken) <= number:
            parts.append(self._faster(self._full.minute(self._taken)))
            self._taken += 1
        told = Prints(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
        self._ahead = told.between(start + MINUTE_MS, start + _FULL * MINUTE_MS)
        return told.between(start, start + MINUTE_MS)

    def _faster(self, prints: Prints) -> Prints:
        return prints._replace(time=self._open_ms + (prints.time - self._open_ms) * _SHORT // _FULL)


def _sooner(minute: int) -> int:
    """The minute of the half day in which `minute` of the full one begins."""
    return REGULAR_MINUTE + (minute - REGULAR_MINUTE) * _SHORT // _FULL


def _later(minute: int) -> int:
    """The first whole minute of the half day once `minute` of the full one has begun."""
    return REGULAR_MINUTE - (REGULAR_MINUTE - minute) * _SHORT // _FULL
