"""The replay source: real days from flat files.

With minute bars for the day, prints run through every bar of it, and a daily file is not needed. From the daily bar
alone the way through
the day is made up, and passes exactly through the real open, high, low, close and volume.
"""

from __future__ import annotations

import datetime as dt
import logging
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from gapscan.errors import DataError
from gapscan.flatfiles.daily import daily_of_minutes
from gapscan.flatfiles.day_bars import DayBars
from gapscan.flatfiles.dividends import read_dividends
from gapscan.flatfiles.files import FlatFiles
from gapscan.flatfiles.splits import read_splits
from gapscan.market.sessions import MINUTE_MS, NS_PER_MS, previous_trading_day, session_times
from gapscan.sim import plans
from gapscan.sim.halfday import shortened
from gapscan.sim.source import (
    MINUTES,
    POST_MINUTE,
    REGULAR_MINUTE,
    DailyBars,
    DayTape,
    Dividend,
    Halt,
    HaltRecord,
    Listing,
    NewsItem,
    Split,
)
from gapscan.sim.tape import Bools, Floats, Ints, Prints, evenly, in_time_order, no_prints
from gapscan.sim.walk import SessionWalk

log = logging.getLogger(__name__)

_CACHED_DAYS = 3


class ReplaySource:
    """The days of a directory of flat files, beginning with `day` (default: the last one).

    All symbols of that day and of the day before are listed, as common stock, since flat files tell no more. Splits
    and dividends are those of files beside them (flatfiles/splits.py, dividends.py). Raises DataError when the day or
    the trading day before it is missing; a later day whose day before is missing has no previous closes, which is
    logged.
    """

    def __init__(self, directory: Path, day: dt.date | None = None, seed: int = 7) -> None:
        self.files = FlatFiles(directory)
        self.seed = seed
        self._days = sorted({*self.files.days("day_aggs_v1"), *self.files.days("minute_aggs_v1")})
        self.start_date = self._first_day(day)
        self._cache: OrderedDict[dt.date, DailyBars] = OrderedDict()
        before = self.day_before(self.start_date)
        days = [self._daily(date) for date in (before, self.start_date) if date]
        self.symbols = sorted({symbol for day in days for symbol in day.symbols})
        self.listings: Sequence[Listing] = [Listing(symbol, symbol) for symbol in self.symbols]
        self._place = {symbol: place for place, symbol in enumerate(self.symbols)}
        self._splits = self._read_splits()
        self._dividends = self._read_dividends()

    @property
    def label(self) -> str:
        return f"replay from {self.start_date}"

    def _first_day(self, day: dt.date | None) -> dt.date:
        if day is None and len(self._days) > 1:
            return self._days[-1]
        if day is None or day not in self._days:
            day = day or dt.date(1970, 1, 1)
            self.files.read("day_aggs_v1", day)  # raises, and says what there is
        if previous_trading_day(day) not in self._days:
            path = self.files.path("day_aggs_v1", previous_trading_day(day))
            raise DataError(
                f"no flat file {path}, and so no closes of the trading day before {day}",
                remedy=f"fetch it, or choose a day after one of those from {self._days[0]} to {self._days[-1]}",
            )
        return day

    def day_at(self, date: dt.date) -> dt.date | None:
        place = bisect_right(self._days, date)
        return self._days[place - 1] if place else None

    def day_before(self, date: dt.date) -> dt.date | None:
        before = previous_trading_day(date)
        if before in self._days:
            return before
        log.warning("no flat file of %s: %s has no previous closes", before, date)
        return None

    def bars(self, date: dt.date) -> DailyBars | None:
        if date not in self._days:
            return None
        if date not in self._cache:
            self._cache[date] = self._to_bars(self._daily(date))
            while len(self._cache) > _CACHED_DAYS:
                self._cache.popitem(last=False)
        return self._cache[date]

    def _daily(self, date: dt.date) -> DayBars:
        """The daily bars: of their file, else of the minute file."""
        if date in self.files.days("day_aggs_v1"):
            return self.files.read("day_aggs_v1", date)
        return daily_of_minutes(self.files.read("minute_aggs_v1", date), session_times(date))

    def splits(self, first: dt.date, last: dt.date) -> list[Split]:
        return [split for split in self._splits if first <= split.date <= last]

    def dividends(self, first: dt.date, last: dt.date) -> list[Dividend]:
        return [dividend for dividend in self._dividends if first <= dividend.date <= last]

    def former(self, date: dt.date) -> dict[int, str]:
        """None: files of two days say nothing of what a symbol was called before."""
        return {}

    def long_halts(self, date: dt.date) -> list[HaltRecord]:
        """None: flat files tell of none."""
        return []

    def news(self, date: dt.date) -> list[NewsItem]:
        """None: nothing is invented of real symbols."""
        return []

    def _read_splits(self) -> list[Split]:
        """Those of the listed symbols."""
        found = read_splits(self.files.root)
        if found is None:
            log.info("no splits.csv beside the flat files: on the day of a split, its change is that of the prices")
        listed = (each for each in found or () if each.symbol in self._place)
        return [Split(self._place[each.symbol], each.date, each.split_from, each.split_to) for each in listed]

    def _read_dividends(self) -> list[Dividend]:
        """Those of the listed symbols."""
        listed = (each for each in read_dividends(self.files.root) or () if each.symbol in self._place)
        return [Dividend(self._place[each.symbol], each.date, each.amount, each.kind) for each in listed]

    def open_night(self, date: dt.date) -> None:
        """None: flat files have the day from pre-market on."""

    def open_day(self, date: dt.date) -> DayTape:
        bars = self.bars(date)
        if bars is None:
            raise DataError(f"no flat file {self.files.path('day_aggs_v1', date)}")
        if date in self.files.days("minute_aggs_v1"):
            minutes = self.files.read("minute_aggs_v1", date)
            return MinuteDay(minutes, self._place, date, self.seed, self._closes(bars, minutes, date))
        return shortened(WalkedDay(bars, date, self.seed), date)

    def _closes(self, bars: DailyBars, minutes: DayBars, date: dt.date) -> Floats:
        """The closing auctions' prices: those of the daily file, unless the minutes never traded there."""
        told = self._to_bars(daily_of_minutes(minutes, session_times(date)))
        same = bars.traded & (bars.close >= told.low) & (bars.close <= told.high)
        return np.where(same, bars.close, np.where(told.traded, told.close, np.nan))

    def _to_bars(self, day: DayBars) -> DailyBars:
        place = places_of(day, self._place)
        known = np.flatnonzero((place >= 0) & (day.volume > 0))
        vwap = np.round((day.open + day.high + day.low + day.close) / 4, 4)
        rows = (day.open, day.high, day.low, day.close, day.volume, vwap, day.transactions)
        columns = np.zeros((7, len(self.symbols)))
        columns[:, place[known]] = np.array(rows, float)[:, known]
        return DailyBars.from_rows(columns)


def places_of(day: DayBars, place: Mapping[str, int]) -> Ints:
    """The place of each bar's symbol; -1 for those that have none."""
    return np.array([place.get(symbol, -1) for symbol in day.symbols], np.int64)[day.of]


class WalkedDay:
    """A full day of which only the daily bars are known: all of its volume is printed in regular hours."""

    halts: Sequence[Halt] = ()
    closes: Floats | None = None

    def __init__(self, bars: DailyBars, date: dt.date, seed: int) -> None:
        rng = np.random.default_rng((seed, 20, date.toordinal()))
        count = len(bars.open)
        first = np.zeros(count, np.int64)
        spread = np.where(bars.volume > 1_000_000, 3_000, 29_000)
        session = plans.RegularSession(
            bars=bars,
            deviation=plans.range_deviation(bars),
            first=first,
            first_ms=(rng.random(count) * spread).astype(np.int64),
            last=np.full(count, plans.REGULAR_MINUTES - 1),
        )
        self._walk = SessionWalk(plans.regular_plan(session, rng), (seed, 21, date.toordinal()))
        self._start_ms = session_times(date).pre

    def minute(self, number: int) -> Prints:
        if not REGULAR_MINUTE <= number < POST_MINUTE:
            return no_prints()
        return self._walk.minute(number - REGULAR_MINUTE, self._start_ms + number * MINUTE_MS)


class MinuteDay:
    """A day of which every minute bar is known: each becomes prints at its open, extremes and close.

    `closes` are the closing auction's, which are no minute's before the bell.
    """

    halts: Sequence[Halt] = ()

    def __init__(self, day: DayBars, place: Mapping[str, int], date: dt.date, seed: int, closes: Floats) -> None:
        self.closes: Floats | None = closes
        self._seed = (seed, 22, date.toordinal())
        self._start_ms = session_times(date).pre
        symbol = places_of(day, place)
        minute = (day.start // NS_PER_MS - self._start_ms) // MINUTE_MS
        kept = np.flatnonzero((symbol >= 0) & (day.volume > 0))
        order = kept[np.argsort(minute[kept], kind="stable")]
        self._symbol: Ints = symbol[order]
        self._volume, self._open, self._close = day.volume[order], day.open[order], day.close[order]
        self._high, self._low = day.high[order], day.low[order]
        self._trades: Ints = day.transactions[order].astype(np.int64)
        self._bounds = np.searchsorted(minute[order], np.arange(MINUTES + 1))

    def minute(self, number: int) -> Prints:
        if not 0 <= number < MINUTES:
            return no_prints()
        rows = slice(*self._bounds[number : number + 2])
        symbol, volume = self._symbol[rows], self._volume[rows]
        rng = np.random.default_rng((*self._seed, number))
        up = self._close[rows] >= self._open[rows]
        middle = np.where(up, (self._low[rows], self._high[rows]), (self._high[rows], self._low[rows]))
        price = np.vstack((self._open[rows], middle, self._close[rows]))
        # A bar of a few shares that has several prices is told in parts of a share: each of them prints.
        part = np.where((volume < 4) & (self._high[rows] > self._low[rows]), volume / 4, np.floor(volume / 4))
        size = np.vstack((part, part, part, volume - 3 * part))
        time = np.sort((rng.random((4, len(symbol))) * MINUTE_MS).astype(np.int64), axis=0)
        kept = size > 0
        start = self._start_ms + number * MINUTE_MS
        owner = np.broadcast_to(symbol, size.shape)
        trades = self._spread_trades(rows, kept)
        return in_time_order((start + time)[kept], owner[kept], price[kept], size[kept], trades)

    def _spread_trades(self, rows: slice, kept: Bools) -> Ints:
        """The transactions of each minute bar over its prints; `kept` has shape (prints, bars)."""
        per_bar = evenly(self._trades[rows], kept.sum(axis=0))
        by_bar = np.zeros(kept.T.shape, np.int64)
        by_bar[kept.T] = per_bar
        return np.asarray(by_bar.T[kept])
