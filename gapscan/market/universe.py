"""All symbols of the market as numpy columns: one row of a matrix per field, one column of it per symbol.

Missing is NaN. Values are observed at a time: an older observation never overwrites a newer one, and "no value"
overwrites nothing, so that the order in which they come does not matter.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from gapscan.market.baselines import Curves
from gapscan.market.columns import Bools, Floats, Ints, Marks, TextColumn, span, turned
from gapscan.market.fields import MADE, NUMBERS, OBSERVED, SCANNED, TEXTS
from gapscan.market.history import LIVE_MS, STEP_MS, History
from gapscan.market.last_scan import LastScan
from gapscan.market.places import Places, alphabetical
from gapscan.market.range_coverage import RangeCoverage
from gapscan.market.sessions import MarketSession, date_of_trades, session_at, trading_date

_ROW_OF: Final = {name: row for row, name in enumerate(NUMBERS)}
_OF_SCANS: Final = slice(len(SCANNED))  # their rows
_MADE: Final = slice(_ROW_OF[MADE[0]], _ROW_OF[MADE[-1]] + 1)
_GROWTH: Final = 1024  # symbols of spare room, at most, when the matrix is made larger
_OF_THE_DAY: Final = (  # of reference data
    "split_today", "split_ratio", "known_close", "ex_amount", "first_day", "ssr_carried",
)  # fmt: skip
SCAN_MS: Final = 30_000.0
_FORGOTTEN: Final = (  # computed from the day's past
    "spiking", "spike_time", "halt_time", "resumption_time", "high_unknown_since", "low_unknown_since", "pre_high",
    "pre_low", "news_time", "news_count",
)  # fmt: skip


class Universe:
    """The state of every symbol observed, in the order of its first observation.

    `number(name)` gives a whole column (a view of length `len(universe)`, not a copy).
    `as_of` is market time, epoch ms; 0 before the first frame. `scan_ms` is the time from scan to scan: for so long,
    and a step of the history, one says what a symbol's values are.
    """

    def __init__(self, scan_ms: float = SCAN_MS) -> None:
        self.symbols: list[str] = []
        self.index: dict[str, int] = {}
        self.as_of = 0
        self.scanned_at = 0  # market time of the newest scan
        self.session = MarketSession.CLOSED
        self.simulated = False
        self.date: dt.date | None = None
        self.reference_date = ""
        self.halts_as_of = 0  # epoch ms
        self.prices = History()
        self.volumes = History()
        self.ranges = RangeCoverage()
        self.curves = Curves(self.symbols)
        self._scan_ms = scan_ms + STEP_MS
        # In memory the fields of a symbol lie together: a rank cycle needs many fields of few symbols.
        self._numbers: Floats = np.full((0, len(NUMBERS)), np.nan).T
        self._times: Floats = np.full((0, len(OBSERVED)), np.nan).T  # when each value was observed
        self._texts = {name: TextColumn() for name in TEXTS}
        self._order: Floats = np.empty(0)
        self._places = Places(self.index, self._register)
        self._dirty, self._retexted, self._unsaved = Marks(), Marks(), Marks()
        self.last_scan = LastScan()

    def __len__(self) -> int:
        return len(self.symbols)

    def number(self, name: str) -> Floats:
        """The column of numeric field `name`; NaN where there is no value."""
        return self._numbers[_ROW_OF[name], : len(self.symbols)]

    def numbers(self, names: Sequence[str], at: Ints) -> Floats:
        """A copy of several columns for the symbols at positions `at`, shape (len(at), len(names))."""
        return self._numbers.T.take(at, axis=0).take([_ROW_OF[name] for name in names], axis=1)

    def block(self, at: Ints | None) -> Floats:
        """A copy of all columns for the symbols at positions `at` (None: for all): a row for each of NUMBERS."""
        return turned(self._numbers.T[: len(self.symbols)], at)

    def times(self, name: str) -> Floats:
        """When the values of an observed field were, epoch ms; NaN where there is none."""
        return self._times[_ROW_OF[name], : len(self.symbols)]

    def text(self, name: str) -> TextColumn:
        """The column of text field `name`."""
        return self._texts[name]

    @property
    def symbol_order(self) -> Floats:
        """Each symbol's place in alphabetical order: what a sort by symbol compares."""
        if len(self._order) != len(self.symbols):
            self._order = alphabetical(self.symbols)
        return self._order

    def positions(self, symbols: list[str]) -> Ints:
        """Where the symbols are, not to be changed; new ones are given a place."""
        return self._places.of(symbols)

    def _register(self, symbols: list[str]) -> None:
        for symbol in symbols:
            if symbol not in self.index:
                self.index[symbol] = len(self.symbols)
                self.symbols.append(symbol)
        if len(self.symbols) > self._numbers.shape[1]:
            self._grow(len(self.symbols) + min(len(self.symbols), _GROWTH))
        for column in self._texts.values():
            column.grow(len(self.symbols))

    def _grow(self, size: int) -> None:
        missing = size - self._numbers.shape[1]
        room = np.full((len(NUMBERS), missing), np.nan)
        self._numbers = np.vstack([self._numbers.T, room.T]).T
        self._times = np.vstack([self._times.T, room[: len(OBSERVED)].T]).T
        parts = (self.prices, self.volumes, self.ranges, self.last_scan, self._dirty, self._retexted, self._unsaved)
        for part in parts:
            part.grow(size)

    def begin_day(self, date: dt.date) -> None:
        """Forget what was observed on earlier days, and splits that were known for earlier days only."""
        self.date = date
        self._numbers[: len(OBSERVED)] = np.nan
        self._times[:] = np.nan
        self.ranges.clear()
        for name in _FORGOTTEN:
            self.number(name)[:] = np.nan
        for history in (self.prices, self.volumes):
            history.clear()
        everyone = np.arange(len(self))
        for name in ("halt", "halt_reason"):
            self.set_text(name, everyone, [None] * len(self))
        self.mark_dirty(everyone)
        if self.reference_date < str(date):
            for name in _OF_THE_DAY:
                self.number(name)[:] = np.nan
            self.set_text("ex_today", everyone, [None] * len(self))

    def advance(self, ms: int) -> bool:
        """Bring market time to `ms`, if that is later; False when it is of another day: only a scan begins a day.

        The session turns by the clock where it followed the clock before: between two scans nobody else says so.
        """
        if self.date not in (trading_date(ms), date_of_trades(ms)):
            return False
        if ms > self.as_of:
            before, now = session_at(self.as_of), session_at(ms)
            self.set_clock(ms, now if before != now and self.session == before else self.session)
        return True

    def set_clock(self, ms: int, session: MarketSession) -> None:
        """Market time and session as a scan says them; earlier than now, they change nothing."""
        if ms >= self.as_of:
            self.as_of, self.session = ms, session
            for history in (self.prices, self.volumes):
                history.roll(ms)

    def mark_dirty(self, at: Ints) -> None:
        """Something new is known of the symbols at positions `at`."""
        for marks in (self._dirty, self._unsaved, self.last_scan):
            marks.mark(at)

    def drain_dirty(self) -> Ints:
        """Positions of the symbols of which something new was stored since this was last called."""
        return self._dirty.drain()

    def drain_retexted(self) -> Ints:
        """Positions of the symbols whose texts changed since this was last called."""
        return self._retexted.drain()

    def drain_unsaved(self) -> Ints:
        """Positions of the symbols of which something new was stored since this was last called, for another caller."""
        return self._unsaved.drain()

    def put_made(self, block: Floats, at: Ints | None) -> None:
        """Store what was computed in a `block` of the symbols at positions `at` (None: of all)."""
        where = slice(len(self.symbols)) if at is None else at
        self._numbers.T[:, _MADE][where] = block[_MADE].T

    def put_at(self, name: str, at: Ints, values: Floats) -> None:
        """Store what was computed before of the symbols at positions `at`."""
        self._numbers[_ROW_OF[name], at] = values

    def set_reference(self, name: str, at: Ints, values: Floats) -> None:
        """Store what reference data says."""
        self._numbers[_ROW_OF[name], at] = values
        self.mark_dirty(at)

    def set_text(self, name: str, at: Ints, words: Sequence[str | None]) -> None:
        """Store texts."""
        changed = self._texts[name].put(at, words)
        self._retexted.mark(changed)
        self.mark_dirty(changed)

    def confirm(self, at: Ints, price_times: Floats, times: Floats, as_of: int) -> None:
        """A scan of `as_of` has the symbols at positions `at`: what is held was the newest then, if it says no newer.

        Its high and low of the session are all of it.
        """
        until = as_of + self._scan_ms
        self.mark_dirty(self.prices.confirm(at, price_times, as_of, until))
        self.mark_dirty(self.volumes.confirm(at, times, as_of, until))
        self.ranges.scanned(at, until)

    def range_known(self, at: Ints, moments: Floats) -> Bools:
        """Where high and low, as they are held, are all that there was of the session until near the moments."""
        return self.ranges.known(at, moments, self._is_live(at))

    def streamed(self, at: Ints, ends: Floats) -> Bools:
        """Bars of the symbols at positions `at` came; where high and low were known until then, and still are."""
        return self.ranges.streamed(at, ends, self._is_live(at))

    def _is_live(self, at: Ints) -> Bools:
        return np.equal(self.number("from_bar")[at], 1.0)

    def widen(
        self, name: str, at: Ints, values: Floats, times: Floats, opened: int, known: Bools | None = None
    ) -> None:
        """Raise `high`, or lower `low`, to the values observed at `times`; an older scan cannot undo that.

        From `opened` on (the start of the regular session, epoch ms) what was observed before it counts no more.
        The first value of a session passes nothing, so that it has no time; nor has one that is first seen after a
        gap, where what had been held was not `known` to be all of the session until then.
        """
        row = _ROW_OF[name]
        held = self._numbers[row, at]
        inside = (values <= held if name == "high" else values >= held) & (times <= self._times[row, at])
        news = np.flatnonzero(~(inside | np.isnan(values)))
        if not len(news):
            return
        at, values, times = at[news], values[news], times[news]
        gap = np.zeros(len(at), np.bool_) if known is None else ~known[news]
        opening = at[(times >= opened) & ~(self._times[row, at] >= opened)]
        self._numbers[row, opening] = self._numbers[_ROW_OF[f"{name}_time"], opening] = np.nan
        self._times[row, opening] = opened
        counts = (times >= opened) | ~(self._times[row, at] >= opened)
        self._pass(name, at[counts], values[counts], times[counts], gap[counts])

    def _pass(self, name: str, at: Ints, values: Floats, times: Floats, gap: Bools) -> None:
        row, moment, unknown = (_ROW_OF[each] for each in (name, f"{name}_time", f"{name}_unknown_since"))
        further, beyond = (np.fmax, np.greater) if name == "high" else (np.fmin, np.less)
        passing = beyond(values, self._numbers[row, at])
        news = passing | np.isnan(self._numbers[row, at])
        further.at(self._numbers[row], at, values)
        np.fmax.at(self._times[row], at, times)
        passed = passing & (values == self._numbers[row, at])
        self._numbers[moment, at[passed]] = self._numbers[unknown, at[passed]] = np.nan
        np.fmax.at(self._numbers[moment], at[passed & ~gap], times[passed & ~gap])
        lost = at[passed & gap]
        self._numbers[unknown, lost] = self.ranges.until(lost)
        self.mark_dirty(at[news])

    def restore_history(self, name: str, at: Ints, moments: Floats) -> None:
        """Moments that were known before, where no later ones are."""
        row = _ROW_OF[name]
        self._numbers[row, at] = np.fmax(self._numbers[row, at], moments)
        self.mark_dirty(at)

    def observe(self, at: Ints, columns: Mapping[str, Floats], times: Floats, until: Floats | None = None) -> None:
        """Set some of SCANNED to values as of `times`, as `observe_scan` does. No symbol may be in `at` twice.

        `until` is until when prices and volumes are known by that (epoch ms): without it, as long as a bar says it.
        """
        values = np.array([*columns.values()])
        known = times + LIVE_MS if until is None else np.fmax(until, times + LIVE_MS)
        self._store(tuple(columns), at, values, np.broadcast_to(times, values.shape), known)

    def observe_scan(self, at: Ints, values: Floats, times: Floats, as_of: int) -> None:
        """Store the values that are there, each where nothing newer is held. No symbol may be in `at` twice.

        `values` and `times` have a row for each of SCANNED, NaN where the scan of `as_of` says nothing. Much of it is
        what the one before said: those symbols are found first, and nothing more is done about them.
        """
        self._store(SCANNED, at, values, times, np.full(len(at), as_of + self._scan_ms))

    def _store(self, names: tuple[str, ...], at: Ints, values: Floats, times: Floats, until: Floats) -> None:
        whole = names is SCANNED
        rows = _OF_SCANS if whole else np.array([_ROW_OF[name] for name in names])[:, None]
        where = span(at) if whole else at
        held, since = self._numbers[rows, where], self._times[rows, where]
        again = (values == held) & (times == since) | np.isnan(values)
        news = np.flatnonzero(~again.all(axis=0))
        if not len(news):
            return
        if len(news) < len(at):
            at, until = at[news], until[news]
            values, times, held, since, again = (each[:, news] for each in (values, times, held, since, again))
        for history, name in ((self.prices, "price"), (self.volumes, "volume")):
            if name in names:
                row = names.index(name)
                self.mark_dirty(history.observe(at, values[row], times[row], until))
        newer = ~(again | (times < since))
        self._numbers[rows, at] = np.where(newer, values, held)
        self._times[rows, at] = np.where(newer, times, since)
        self.mark_dirty(at[newer.any(axis=0)])
