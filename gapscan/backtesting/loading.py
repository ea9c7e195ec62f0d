"""Past days from flat files: a day's minutes, the daily bars around it, and splits from a file beside them."""

from __future__ import annotations

import ctypes
import datetime as dt
import sys
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gapscan.backtesting.day_minutes import minutes_of
from gapscan.backtesting.market_day import (
    BASELINE_SESSIONS,
    MarketDay,
    opens_of,
    reference_of,
    sessions_before,
)
from gapscan.backtesting.past_curves import PastCurves
from gapscan.errors import DataError
from gapscan.flatfiles.day_bars import DayBars, no_bars
from gapscan.flatfiles.files import FlatFiles
from gapscan.flatfiles.splits import FileSplit, read_splits
from gapscan.market.sessions import next_trading_day, previous_trading_day
from gapscan.market.true_range import SESSIONS

_KEPT: Final = 24  # daily files: those of the sessions before a day, and the next


class DayLoader:
    """The days of a directory of flat files."""

    def __init__(self, directory: Path) -> None:
        self.files = FlatFiles(directory, cached=True)
        self._daily: OrderedDict[dt.date, DayBars] = OrderedDict()
        self._splits = read_splits(self.files.root)
        self._curves = PastCurves(self.files, BASELINE_SESSIONS)

    @property
    def knows_splits(self) -> bool:
        """Whether there is a file of splits."""
        return self._splits is not None

    def prepare(self, date: dt.date) -> None:
        """Have what is read of a day's minutes kept, for itself and as a session before others."""
        self._curves.prepare(date)

    def load(self, date: dt.date) -> MarketDay:
        """One day. Raises DataError when its minutes, or the closes of the trading day before, cannot be read."""
        bars = self.files.read("minute_aggs_v1", date)
        _give_back()
        symbols = sorted(bars.symbols)
        before = sessions_before(date, self.files.days("day_aggs_v1"))
        if previous_trading_day(date) not in before:
            path = self.files.path("day_aggs_v1", previous_trading_day(date))
            raise DataError(f"no flat file {path}, and so no closes of the trading day before {date}")
        earlier, lacks = self._earlier(before)
        ratios = [self._ratios(day, date) for day in earlier]
        split = frozenset(each.symbol for each in self._splits or () if each.date == date)
        if bars.bad_lines:
            lacks.append(f"{bars.bad_lines} bad lines, such as {bars.first_fault}")
        following = next_trading_day(date)
        opens = opens_of(self._after(following, lacks), symbols, self._ratios(date, following))
        reference = reference_of(symbols, list(earlier.values()), ratios, split)
        return MarketDay(
            date, symbols, minutes_of(bars, symbols, date), reference, opens, tuple(lacks),
            *self._curves.before(date, self._ratios),
        )  # fmt: skip

    def _earlier(self, before: list[dt.date]) -> tuple[dict[dt.date, DayBars], list[str]]:
        """The daily bars of the sessions before, and what is said of those that there are none of.

        Raises DataError when those of the newest cannot be read; a file of another one costs averages its session.
        """
        found, lacks = {before[0]: self._day(before[0])}, list[str]()
        for day in before[1:]:
            try:
                found[day] = self._day(day)
            except DataError as error:
                lacks.append(str(error))
        if len(found) < BASELINE_SESSIONS:
            few = f"daily bars of {len(found)} of the {BASELINE_SESSIONS} sessions before: averages are of fewer"
            lacks.append(few if len(found) > SESSIONS else f"{few}, and atr is not known")
        return found, lacks

    def _after(self, following: dt.date, lacks: list[str]) -> DayBars:
        """The daily bars of the next trading day, if there are any."""
        unknown = f"no daily bars of {following}: the next open is not known"
        if following in self.files.days("day_aggs_v1"):
            try:
                return self._day(following)
            except DataError as error:
                unknown = f"the next open is not known: {error}"
        lacks.append(unknown)
        return no_bars()

    def _day(self, date: dt.date) -> DayBars:
        if date not in self._daily:
            self._daily[date] = self.files.read("day_aggs_v1", date)
            while len(self._daily) > _KEPT:
                self._daily.popitem(last=False)
        return self._daily[date]

    def _ratios(self, since: dt.date, until: dt.date) -> Mapping[str, float]:
        """How many shares one of `since` has become by `until`, where that is not one."""
        return ratios(self._splits or (), since, until)


def ratios(splits: list[FileSplit] | tuple[FileSplit, ...], since: dt.date, until: dt.date) -> dict[str, float]:
    """How many shares of `until` one share of `since` has become, by symbols that split between."""
    found: dict[str, float] = {}
    for split in splits:
        if since < split.date <= until:
            found[split.symbol] = found.get(split.symbol, 1.0) * split.split_to / split.split_from
    return found


def _give_back() -> None:
    """Return memory that reading had and nobody uses to the system, which glibc does late by itself."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
