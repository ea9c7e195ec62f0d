"""All symbols of the market as numpy columns: one row of a matrix per field, one column of it per symbol.

Missing is NaN. Frames are merged field by field and by event time: an older observation never overwrites a newer
one, and "no value" overwrites nothing, so the order in which frames come does not matter.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gapscan.market.sessions import Session, session_at, session_times, trading_date
from gapscan.protocol.messages import ReferenceFrame, UniverseFrame

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]

# What the feed observes; forgotten when a trading day begins.
DAY_FIELDS: Final = ("open", "high", "low", "vwap", "volume")
OBSERVED: Final = ("price", "price_time", "from_bar", "prev_close", *DAY_FIELDS, "updated")
# What reference data says; 1.0 and 0.0 in the flags.
KNOWN: Final = ("average_volume", "split_today", "test_symbol")
# What metrics compute from the two.
COMPUTED: Final = (
    "change_percent", "gap_percent", "change_from_open_percent", "from_high_percent",
    "dollar_volume", "rvol", "gap_indicative", "stale", "gone",
)  # fmt: skip
NUMBERS: Final = (*OBSERVED, *KNOWN, *COMPUTED)
TEXTS: Final = ("name", "exchange", "type")

_SCANNED: Final = len(OBSERVED)  # the row of times after those of the values: when the newest scan was taken
_ROW_OF: Final = {name: row for row, name in enumerate(NUMBERS)}
_GROWTH: Final = 1024  # symbols of spare room when the matrix is made larger


class TextColumn:
    """Text of each symbol as codes into the words seen, so that a comparison is one of integers."""

    def __init__(self) -> None:
        self._words: list[str | None] = [None]
        self._code_of: dict[str | None, int] = {None: 0}
        self.codes: NDArray[np.int32] = np.zeros(0, np.int32)

    def grow(self, size: int) -> None:
        """Make room for `size` symbols; new ones have no value."""
        self.codes = np.concatenate([self.codes, np.zeros(size - len(self.codes), np.int32)])

    def put(self, at: Ints, words: Sequence[str | None]) -> None:
        """Set the texts of the symbols at positions `at`."""
        for word in set(words) - self._code_of.keys():
            self._code_of[word] = len(self._words)
            self._words.append(word)
        self.codes[at] = [self._code_of[word] for word in words]

    def take(self, at: Ints) -> list[str | None]:
        """The texts of the symbols at positions `at`."""
        return [self._words[code] for code in self.codes[at].tolist()]

    def matches(self, words: Iterable[str]) -> Bools:
        """Where the text is one of `words`."""
        found = np.zeros(len(self.codes), np.bool_)
        for word in words:
            found |= self.codes == self._code_of.get(word, -1)
        return found

    def known(self) -> Bools:
        """Where there is a text."""
        known: Bools = self.codes != 0
        return known


class Universe:
    """The state of every symbol seen, in the order first seen.

    `number(name)` gives a whole column (a view of length `len(universe)`, not a copy).
    `as_of` is market time, epoch ms; 0 before the first frame.
    """

    def __init__(self) -> None:
        self.symbols: list[str] = []
        self.index: dict[str, int] = {}
        self.as_of = 0
        self.session = Session.CLOSED
        self.simulated = False
        self.date: dt.date | None = None
        self._numbers: Floats = np.full((len(NUMBERS), _GROWTH), np.nan)
        self._times: Floats = np.full((_SCANNED + 1, _GROWTH), np.nan)  # when each value was observed
        self._reference_date = ""
        self._texts = {name: TextColumn() for name in TEXTS}
        self._order: Floats = np.empty(0)

    def __len__(self) -> int:
        return len(self.symbols)

    def number(self, name: str) -> Floats:
        """The column of numeric field `name`; NaN where there is no value."""
        return self._numbers[_ROW_OF[name], : len(self.symbols)]

    def numbers(self, names: Sequence[str], at: Ints) -> Floats:
        """A copy of several columns for the symbols at positions `at`, shape (len(names), len(at))."""
        return self._numbers.take(at, axis=1)[[_ROW_OF[name] for name in names]]

    def text(self, name: str) -> TextColumn:
        """The column of text field `name`."""
        return self._texts[name]

    @property
    def symbol_order(self) -> Floats:
        """Each symbol's place in alphabetical order: what a sort by symbol compares."""
        if len(self._order) != len(self.symbols):
            places = np.empty(len(self.symbols))
            places[np.argsort(np.array(self.symbols, dtype=object), kind="stable")] = np.arange(len(self.symbols))
            self._order = places
        return self._order

    def symbols_at(self, at: Ints) -> list[str]:
        """The symbols at positions `at`."""
        return [self.symbols[position] for position in at.tolist()]

    def positions(self, symbols: list[str]) -> Ints:
        """Where the symbols are; new ones are given a place."""
        index = self.index
        try:
            return np.array([index[symbol] for symbol in symbols], np.intp)
        except KeyError:
            self._register(symbols)
            return np.array([index[symbol] for symbol in symbols], np.intp)

    def _register(self, symbols: list[str]) -> None:
        for symbol in symbols:
            if symbol not in self.index:
                self.index[symbol] = len(self.symbols)
                self.symbols.append(symbol)
        missing = len(self.symbols) - self._numbers.shape[1]
        if missing > 0:
            room = np.full((len(NUMBERS), missing + _GROWTH), np.nan)
            self._numbers = np.hstack([self._numbers, room])
            self._times = np.hstack([self._times, room[: _SCANNED + 1]])
        for column in self._texts.values():
            column.grow(len(self.symbols))

    def merge_frame(self, frame: UniverseFrame) -> bool:
        """Take in a part of a discovery scan; False when it is of an earlier trading day and was left out."""
        date = trading_date(frame.as_of)
        if self.date is not None and date < self.date:
            return False
        if date != self.date:
            self._begin_day(date)
        if frame.as_of >= self.as_of:
            self.as_of, self.session = frame.as_of, Session(frame.session)
        self.simulated = frame.simulated
        at = self.positions(frame.symbols)
        clear = session_times(date).clear
        self._merge_price(frame, at, clear)
        self._merge_day(frame, at, clear)
        return True

    def _begin_day(self, date: dt.date) -> None:
        """Forget what was observed on earlier days, and splits that were known for earlier days only."""
        self.date = date
        self._numbers[: len(OBSERVED)] = np.nan
        self._times[:] = np.nan
        if self._reference_date < str(date):
            self.number("split_today")[:] = np.nan

    def _merge_price(self, frame: UniverseFrame, at: Ints, clear: int) -> None:
        """A price without a time, a time without a price, or a price of before the day's clear says nothing."""
        prices, times = _floats(frame.price), _floats(frame.price_time)
        times[np.isnan(prices) | (times < clear)] = np.nan
        prices[np.isnan(times)] = np.nan
        self.observe("price", at, prices, times)
        self.observe("price_time", at, times, times)
        self.observe("from_bar", at, np.where(np.isnan(times), np.nan, 0.0), times)

    def _merge_day(self, frame: UniverseFrame, at: Ints, clear: int) -> None:
        """Values without a time count as older than all others: before its first trade a symbol has no more.

        Values of before the day's clear are yesterday's, prev_close included: they are left out.
        """
        updated = _floats(frame.updated)
        ours = ~(updated < clear)
        at = at[ours]
        updated = updated[ours]
        times = np.where(np.isnan(updated), -np.inf, updated)
        # A scan that is older than the newest bar, but the newest scan, may have seen what no bar told of.
        newest = ~(times < self._times[_SCANNED, at])
        for name in ("high", "low"):
            self.widen(name, at[newest], _floats(getattr(frame, name))[ours][newest], times[newest])
        self._times[_SCANNED, at[newest]] = times[newest]
        for name in ("prev_close", *DAY_FIELDS):
            self.observe(name, at, _floats(getattr(frame, name))[ours], times)
        self.observe("updated", at, updated, times)

    def advance(self, ms: int) -> bool:
        """Bring market time to `ms`, if that is later; False when it is of another day: only a scan begins a day.

        The session turns by the clock where it followed the clock before: between two scans nobody else says so.
        """
        if self.date is None or trading_date(ms) != self.date:
            return False
        if ms > self.as_of:
            before, now = session_at(self.as_of), session_at(ms)
            if before != now and self.session == before:
                self.session = now
            self.as_of = ms
        return True

    def widen(self, name: str, at: Ints, values: Floats, times: Floats) -> None:
        """Raise `high`, or lower `low`, to the values; a scan older than `times` cannot take that back."""
        row, further = _ROW_OF[name], np.fmax if name == "high" else np.fmin
        known = ~np.isnan(values)
        further.at(self._numbers[row], at[known], values[known])
        np.fmax.at(self._times[row], at[known], times[known])

    def observe(self, name: str, at: Ints, values: Floats, times: Floats) -> None:
        """Store the values that are there, where nothing newer is held. No symbol may be in `at` twice."""
        row = _ROW_OF[name]
        take = ~np.isnan(values) & ~(times < self._times[row, at])
        at = at[take]
        self._numbers[row, at] = values[take]
        self._times[row, at] = times[take]

    def merge_reference(self, frame: ReferenceFrame) -> bool:
        """Take in a part of the reference data; False when it is of an earlier day than what is known already."""
        if frame.date < self._reference_date:
            return False
        self._reference_date = frame.date
        at = self.positions(frame.symbols)
        for name, column in (("name", frame.name), ("exchange", frame.exchange), ("type", frame.kind)):
            self._texts[name].put(at, column)
        averages = _floats(frame.average_volume)
        told = ~np.isnan(averages)  # null means "not yet": it must not take the place of one that is known
        self.number("average_volume")[at[told]] = averages[told]
        self.number("split_today")[at] = np.array(frame.split, dtype=float)
        self.number("test_symbol")[at] = np.array(frame.test, dtype=float)
        return True


def _floats(column: Sequence[float | None]) -> Floats:
    """A column of a frame as floats; null becomes NaN."""
    return np.array(column, dtype=np.float64)
