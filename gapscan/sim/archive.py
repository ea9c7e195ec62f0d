"""The bars of the present day, minute by minute, and of its last minutes the prints: what aggregates are made of."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from gapscan.market.sessions import MINUTE_MS
from gapscan.sim.tape import Bars, Floats, Prints, to_bars

PRINTS_KEPT: Final = 15  # minutes of which every print is kept, so that seconds can be asked for
SECOND_MS: Final = 1000


class PastBar(NamedTuple):
    """A bar of one symbol: `start` in epoch ms, prices in USD, shares, and how many trades it stands for."""

    start: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    vwap: float
    trades: int


class _Minute(NamedTuple):
    """All symbols that printed in a minute, ascending. Kept small: a day has a million of these bars."""

    start: int
    symbol: npt.NDArray[np.int32]
    prices: Floats  # open, high, low, close
    volume: Floats
    vwap: npt.NDArray[np.float32]
    trades: npt.NDArray[np.int32]

    def of(self, place: int) -> PastBar | None:
        """The bar of the symbol at `place`, if it printed."""
        row = int(np.searchsorted(self.symbol, place))
        if row == len(self.symbol) or self.symbol[row] != place:
            return None
        first, high, low, last = self.prices[:, row].tolist()
        volume, vwap = round(float(self.volume[row]), 4), round(float(self.vwap[row]), 4)
        return PastBar(self.start, first, high, low, last, volume, vwap, int(self.trades[row]))


class DayArchive:
    """What has printed today. Minutes are added in order, each when it begins: asking says until when they count."""

    def __init__(self) -> None:
        self._minutes: list[_Minute] = []
        self._prints: deque[tuple[int, Prints]] = deque(maxlen=PRINTS_KEPT)

    def add(self, start: int, prints: Prints) -> None:
        """All prints of the minute that begins at `start`."""
        if len(prints.time):
            self._minutes.append(_minute(start, to_bars(prints)))
            self._prints.append((start, prints))

    def minutes(self, place: int, first: int, last: int, now: int) -> list[PastBar]:
        """The bars of the minutes that begin from `first` to `last`, as seen at `now`: the newest may be under way."""
        found = [minute.of(place) for minute in self._minutes if first <= minute.start <= min(last, now - MINUTE_MS)]
        under_way = now // MINUTE_MS * MINUTE_MS
        if first <= under_way <= last and under_way > now - MINUTE_MS:
            found += self._bars(place, under_way, now, MINUTE_MS)
        return [bar for bar in found if bar is not None]

    def seconds(self, place: int, first: int, last: int, now: int) -> list[PastBar]:
        """The bars of the seconds that begin from `first` to `last`, and are over at `now`, of the minutes kept."""
        return list(self._bars(place, first, min(last + SECOND_MS, now // SECOND_MS * SECOND_MS), SECOND_MS))

    def _bars(self, place: int, start: int, end: int, width: int) -> Iterator[PastBar]:
        """Bars of `width` ms made of what printed from `start` on and before `end`."""
        for begins, prints in self._prints:
            if begins + MINUTE_MS <= start or begins >= end:
                continue
            inside = prints.between(start, end)
            mine = inside.symbol == place
            yield from _in_spans(Prints(*(column[mine] for column in inside)), width)


def _in_spans(prints: Prints, width: int) -> Iterator[PastBar]:
    """The prints of one symbol as bars of `width` ms."""
    starts = prints.time // width * width
    for start in np.unique(starts).tolist():
        bars = to_bars(Prints(*(column[starts == start] for column in prints)))
        minute = _minute(start, bars)
        if (bar := minute.of(int(bars.symbol[0]))) is not None:
            yield bar


def _minute(start: int, bars: Bars) -> _Minute:
    return _Minute(
        start,
        bars.symbol.astype(np.int32),
        np.vstack((bars.open, bars.high, bars.low, bars.close)),
        bars.volume,
        (bars.turnover / bars.volume).astype(np.float32),
        bars.trades.astype(np.int32),
    )
