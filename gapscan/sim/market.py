"""The market at a moment: a source's prints up to there, and the bars and trades on the way."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right, insort
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from gapscan.errors import DataError
from gapscan.market.sessions import MINUTE_MS, SessionTimes, next_trading_day, session_times, trading_date
from gapscan.sim.archive import DayArchive
from gapscan.sim.source import DailyBars, DayTape, Halt, HaltRecord, Source
from gapscan.sim.state import DayState
from gapscan.sim.stretch import Stretch
from gapscan.sim.tape import Bars, Floats, Prints, to_bars

SECOND_MS = 1000
LULD_HALT, LULD_RESUME = 17, 18


class BarBatch(NamedTuple):
    """Bars of one span; the other columns have one place per bar: volume, open and vwap of the day so far."""

    kind: str  # "A" for a second, "AM" for a minute
    start: int
    end: int
    bars: Bars
    day_volume: Floats
    day_open: Floats
    day_vwap: Floats


class TradeBatch(NamedTuple):
    prints: Prints
    first_sequence: int


class HaltNotice(NamedTuple):
    """A symbol stopped (LULD_HALT) or resumed (LULD_RESUME) at `time`; `price` is the last one before."""

    symbol: int
    time: int
    indicator: int
    price: float


Batch = BarBatch | TradeBatch | HaltNotice


class Market:
    """A source, brought forward to any moment. Moments are epoch ms and count in whole seconds.

    While `recording`, bars, trades and halts are kept for `take`; each is due when a real feed would send
    it. The state at a moment does not depend on the steps that led there.
    """

    def __init__(self, source: Source, *, bar_delay_ms: int = 2000) -> None:
        self.source = source
        self.bar_delay_ms = bar_delay_ms
        self.recording = False
        self.halts_only: Callable[[], bool] = lambda: False  # whether bars and trades are left out of the record
        self.symbols = [listing.symbol for listing in source.listings]
        self.place = {symbol: place for place, symbol in enumerate(self.symbols)}
        self.date: dt.date | None = None
        self.position = -1
        self.generation = 0  # counts the days begun: a snapshot of another generation shares nothing with this one
        self.archive = DayArchive()
        self._outbox: list[tuple[int, Batch]] = []

    def advance(self, moment: int) -> None:
        """Bring the market to `moment`. Forward costs what lies between; backward rebuilds the day."""
        for _ in self.steps(moment):
            pass

    def steps(self, moment: int) -> Iterator[None]:
        """`advance` in pieces of a few milliseconds, for callers with other things to do between them."""
        moment = moment // SECOND_MS * SECOND_MS
        date = self.source.day_at(trading_date(moment))
        if date is None:
            raise DataError(
                f"{self.source.label} has no data on or before {trading_date(moment)}",
                remedy=f"start the market at {self.source.start_date} or later",
            )
        if date != self.date or moment < self.position:
            self._begin(date)
            yield
        while self.position < moment:
            self._step(moment)
            yield

    def batches_at(self, moment: int) -> list[Batch]:
        """Recorded events due at or before `moment`, in the order of becoming due; each is given once."""
        count = bisect_right(self._outbox, moment, key=_due)
        due, self._outbox = self._outbox[:count], self._outbox[count:]
        return [batch for _, batch in due]

    @property
    def waiting(self) -> bool:
        """Whether something recorded was not taken yet."""
        return bool(self._outbox)

    def forget(self) -> None:
        """Drop what was recorded and not taken."""
        self._outbox.clear()

    def _begin(self, date: dt.date) -> None:
        if date != self.date:
            before = self.source.day_before(date)
            bars = self.source.bars(before) if before else None
            self.previous: DailyBars = bars or _no_bars(len(self.symbols))
            if before and (renamed := list(self.source.former(before))):
                rows = np.array(self.previous, np.float64)
                rows[:, renamed] = 0  # of another symbol
                self.previous = DailyBars.from_rows(rows)
            self.times: SessionTimes = session_times(date)
        self._tape: DayTape = self.source.open_day(date)
        self._stretches = list(self._open(date))
        self.date = date
        self.state = DayState(len(self.symbols))
        self._by_night = DayState(len(self.symbols))  # what the night after the day has had so far
        self.archive = DayArchive()
        self.generation += 1
        self.position = min(self.times.clear, self._stretches[0].begin)  # what the night had before counts from now on
        self._closed = False  # whether the closing auction has printed
        self._sequence = 0
        self.forget()

    def _open(self, date: dt.date) -> Iterator[Stretch]:
        """The night before, the day, and of the night after it what comes until the day is taken down."""
        times, following = self.times, next_trading_day(date)
        if (night := self.source.open_night(date)) is not None:
            yield Stretch(times.night, times.pre, night)
        yield Stretch(times.pre, times.closed, self._tape)
        after = session_times(following)
        if after.night < after.clear and (night := self.source.open_night(following)) is not None:
            yield Stretch(after.night, after.clear, night, next_day=True)

    def _step(self, moment: int) -> None:
        stretch = next((each for each in self._stretches if self.position < each.end), None)
        if stretch is None or self.position < stretch.begin:
            self.position = min(moment, stretch.begin) if stretch else moment
            return
        for start, prints in stretch.read(self.position):
            self.archive.add(start, prints)
        end = min(moment, stretch.minute_end, self.position + SECOND_MS if self.recording else stretch.minute_end)
        prints = stretch.prints.between(self.position, end)
        self._add(prints, stretch)
        if self.times.post <= self.position < end and not self._closed:
            self._closed = True
            if self._tape.closes is not None:
                self.state.set_closes(self._tape.closes)
        start, self.position = self.position, end
        if self.recording and start >= self.times.clear:
            self._record(start, prints, stretch)
        self._sequence += len(prints.time)

    def _add(self, prints: Prints, stretch: Stretch) -> None:
        if stretch.next_day:
            self.state.add_of_night(prints)
            self._by_night.add(prints, regular=False)
        else:
            self.state.add(prints, regular=self.times.regular <= self.position < self.times.post)

    def _record(self, start: int, prints: Prints, stretch: Stretch) -> None:
        end = self.position
        for notice in self._halt_notices(start):
            self._post(end, notice)
        if self.halts_only():
            return
        state = self._by_night if stretch.next_day else self.state
        if len(prints.time):
            self._post(end, TradeBatch(prints, self._sequence))
            self._post(end + self.bar_delay_ms, self._bar_batch("A", start, prints, state))
        if end == stretch.minute_end and len(stretch.prints.time):
            self._post(end + self.bar_delay_ms, self._bar_batch("AM", end - MINUTE_MS, stretch.prints, state))

    def _post(self, due: int, batch: Batch) -> None:
        insort(self._outbox, (due, batch), key=_due)

    def _bar_batch(self, kind: str, start: int, prints: Prints, state: DayState) -> BarBatch:
        bars = to_bars(prints)
        who = bars.symbol
        vwap = state.turnover[who] / state.volume[who]
        return BarBatch(kind, start, self.position, bars, state.volume[who], state.open[who], vwap)

    def _halt_notices(self, start: int) -> list[HaltNotice]:
        notices = []
        for halt in self._tape.halts:
            if not halt.streamed:
                continue
            for minute, indicator in ((halt.start, LULD_HALT), (halt.end, LULD_RESUME)):
                time = self.times.pre + minute * MINUTE_MS
                if start <= time < self.position:
                    price = float(self.state.last_price[halt.symbol])
                    notices.append(HaltNotice(halt.symbol, time, indicator, price))
        return notices

    @property
    def halts(self) -> list[Halt]:
        """All halts of the present day, also those to come."""
        return list(self._tape.halts)

    @property
    def halt_records(self) -> list[HaltRecord]:
        """All halts of the present day, also those to come and those that the stream does not tell."""
        pre, date = self.times.pre, self.date
        found = self.source.long_halts(date) if date else []
        for halt in self._tape.halts:
            start, end = pre + halt.start * MINUTE_MS, pre + halt.end * MINUTE_MS
            found.append(HaltRecord(halt.symbol, start, halt.reason, end))
        return found

    @property
    def trading(self) -> bool:
        """Whether prints can come at the present position."""
        return any(each.begin <= self.position < each.end for each in self._stretches)

    @property
    def next_stretch(self) -> int | None:
        """When prints can come again that count while this day is shown, epoch ms; None: not before the next one."""
        return min((each.begin for each in self._stretches if each.begin > self.position), default=None)


def _due(entry: tuple[int, Batch]) -> int:
    return entry[0]


def _no_bars(count: int) -> DailyBars:
    return DailyBars.from_rows(np.zeros((7, count)))
