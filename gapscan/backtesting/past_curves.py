"""Each symbol's usual course of volume before a past day, of the minute files of the sessions before, as live."""

from __future__ import annotations

import datetime as dt
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from gapscan.errors import DataError
from gapscan.flatfiles import column_cache
from gapscan.flatfiles.curves import MeanVolumes
from gapscan.flatfiles.files import FlatFiles
from gapscan.flatfiles.minutes import KIND, DayVolumes, packed, read_day, unpacked
from gapscan.market.sessions import previous_trading_day
from gapscan.protocol.messages import VolumeCurves

log = logging.getLogger(__name__)

_KEPT: Final = 24  # days in memory, a few megabytes each
_SUFFIX: Final = ".volumes.npz"

Ratios = Callable[[dt.date, dt.date], Mapping[str, float]]


def curve_days(date: dt.date, sessions: int, there: set[dt.date]) -> list[dt.date]:
    """Those of so many sessions before `date` that there are minutes of, the newest first."""
    days = [previous_trading_day(date)]
    while len(days) < sessions:
        days.append(previous_trading_day(days[-1]))
    return [day for day in days if day in there]


class PastCurves:
    """The curves of a directory's days. What was read of a day is kept beside its file, as its columns are."""

    def __init__(self, files: FlatFiles, sessions: int) -> None:
        self._files = files
        self._sessions = sessions
        self._days: OrderedDict[dt.date, DayVolumes] = OrderedDict()

    def before(self, date: dt.date, ratios: Ratios) -> tuple[tuple[VolumeCurves, ...], int]:
        """The curves for `date`, and of how many sessions they are. A file that cannot be read is left out, and said.

        `ratios` are how many shares one of a day has become by another.
        """
        mean = MeanVolumes()
        for day in curve_days(date, self._sessions, set(self._files.days(KIND))):
            try:
                mean.add(self._day(day), ratios(day, date))
            except DataError as error:
                log.warning("the usual volumes of %s are without those of %s: %s", date, day, error)
        return tuple(mean.parts(date)), mean.days

    def prepare(self, date: dt.date) -> None:
        """Read a day now, so that what was read of it is kept when it is wanted. A file that cannot be read is left."""
        with suppress(DataError):
            self._day(date)

    def _day(self, date: dt.date) -> DayVolumes:
        if date not in self._days:
            kept = self._kept(date)
            if kept is None:
                self._keep(date, read_day(self._files, date))
            else:
                self._hold(date, kept)
        self._days.move_to_end(date)
        return self._days[date]

    def _kept(self, date: dt.date) -> DayVolumes | None:
        path = self._files.path(KIND, date)
        for place in column_cache.places(path, _SUFFIX):
            try:
                if place.exists() and (day := unpacked(place.read_bytes())).source == column_cache.source_of(path):
                    return day
            except (OSError, DataError) as error:
                log.warning("%s cannot be used, the day is read anew: %s", place, error)
        return None

    def _keep(self, date: dt.date, day: DayVolumes) -> None:
        column_cache.write_one(
            column_cache.places(self._files.path(KIND, date), _SUFFIX), packed(day, compressed=False)
        )
        self._hold(date, day)

    def _hold(self, date: dt.date, day: DayVolumes) -> None:
        self._days[date] = day
        while len(self._days) > _KEPT:
            self._days.popitem(last=False)
