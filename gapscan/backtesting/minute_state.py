"""What is observed of every symbol, minute by minute: what a scan at the end of each minute would say.

A minute bar was observed until the last millisecond of its minute. So "a minute ago" has the bar that ended exactly
then, and `volume_1m` is of one minute. The day's open is the first regular bar's; `high` and `low` are those of
pre-market until a symbol's first regular bar, and of the regular session from then on; `close` and `close_volume` are
the regular session's so far, `close_volume` with the minutes in which the closing auction prints. Flat files have no
vwap: the shares of a bar are taken to have traded in equal parts at its open, high, low and close.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gapscan.backtesting.market_day import MarketDay
from gapscan.market.columns import Floats
from gapscan.market.observed import CLOSING_MS
from gapscan.market.sessions import MINUTE_MS

_PRICE: Final = ("price", "price_time", "minute_trades")
_RANGE: Final = ("high", "low", "high_time", "low_time")
_EARLY: Final = ("pre_high", "pre_low")
OBSERVED: Final = (*_PRICE, "open", "close", "volume", "turnover", "vwap", "close_volume", *_RANGE, *_EARLY)

Places = NDArray[np.int32]


def of_last_bar(price_time: Floats) -> dict[str, Floats]:
    """Further moments of the bars that the prices of these times are of."""
    after = price_time + 1.0
    return {"updated": price_time, "scanned": after, "minute_start": after - MINUTE_MS}


class MinuteState:
    """`columns` has what is wanted of OBSERVED as it stands after `minute` minutes of the day; NaN is unknown."""

    def __init__(self, day: MarketDay, wanted: Collection[str]) -> None:
        self.minute = 0
        wanted = set(wanted) | ({"turnover", "volume"} if "vwap" in wanted else set())
        wanted |= {"volume"} & wanted | ({"volume"} if "close_volume" in wanted else set())
        for together in (_RANGE, _EARLY):
            if wanted & set(together):
                wanted |= set(together)
        self.columns: dict[str, Floats] = {
            name: np.full(len(day.symbols), np.nan) for name in OBSERVED if name in wanted
        }
        self._day = day
        self._regular, self._post = day.first_of(day.times.regular), day.first_of(day.times.post)
        self._closing = day.first_of(day.times.post + CLOSING_MS)
        of_regular, of_range = (self._regular, self._post), (0, self._post)
        self._moving = dict.fromkeys(_RANGE, of_range) | dict.fromkeys(_EARLY, (0, self._regular))
        self._moving |= {"open": of_regular, "close": of_regular, "close_volume": (0, self._closing)}
        self._has_opened = np.zeros(len(day.symbols), np.bool_)
        self._steps: list[Callable[[slice, Places], None]] = []
        for names, step in (
            (_PRICE, self._price), (("volume", "turnover"), self._sums), (("open",), self._open),
            (("close",), self._close), (_RANGE, self._range), (_EARLY, self._early),
        ):  # fmt: skip
            if wanted & set(names):
                self._steps.append(step)

    def advance(self) -> Places:
        """Take in the next minute; the places of the symbols that traded in it."""
        bars = self._day.minutes.of(self.minute)
        at = self._day.minutes.symbol[bars]
        if len(at):
            for step in self._steps:
                step(bars, at)
        self.minute += 1
        return at

    def moves(self, name: str, begin: int, end: int) -> bool:
        """Whether a column can change in the minutes from `begin` to before `end`."""
        first, after = self._moving.get(name, (begin, end))
        return max(first, begin) < min(after, end)

    def _is_moving(self, name: str) -> bool:
        return self.moves(name, self.minute, self.minute + 1)

    def _price(self, bars: slice, at: Places) -> None:
        minutes, seen = self._day.minutes, float(self._day.moment(self.minute + 1) - 1)
        values: dict[str, Floats | NDArray[np.int32] | float] = {
            "price": minutes.close[bars], "price_time": seen, "minute_trades": minutes.trades[bars],
        }  # fmt: skip
        for name, value in values.items():
            if name in self.columns:
                self.columns[name][at] = value

    def _sums(self, bars: slice, at: Places) -> None:
        minutes, columns = self._day.minutes, self.columns
        if "volume" in columns:
            before = columns["volume"][at]
            columns["volume"][at] = volume = np.where(np.isnan(before), 0.0, before) + minutes.volume[bars]
            if "close_volume" in columns and self._is_moving("close_volume"):
                columns["close_volume"][at] = volume
        if "turnover" in columns:
            mean = (minutes.open[bars] + minutes.high[bars] + minutes.low[bars] + minutes.close[bars]) / 4
            before = columns["turnover"][at]
            turnover = np.where(np.isnan(before), 0.0, before) + minutes.volume[bars] * mean
            columns["turnover"][at] = turnover
            if "vwap" in columns:
                columns["vwap"][at] = turnover / volume

    def _open(self, bars: slice, at: Places) -> None:
        if self._is_moving("open"):
            opened = self.columns["open"]
            opened[at] = np.where(np.isnan(opened[at]), self._day.minutes.open[bars], opened[at])

    def _close(self, bars: slice, at: Places) -> None:
        if self._is_moving("close"):
            self.columns["close"][at] = self._day.minutes.close[bars]

    def _early(self, bars: slice, at: Places) -> None:
        """High and low of pre-market, which stay."""
        if self._is_moving("pre_high"):
            high, low = self.columns["pre_high"], self.columns["pre_low"]
            high[at] = np.fmax(high[at], self._day.minutes.high[bars])
            low[at] = np.fmin(low[at], self._day.minutes.low[bars])

    def _range(self, bars: slice, at: Places) -> None:
        if not self._is_moving("high"):
            return
        opening = np.zeros(len(at), np.bool_)
        if self.minute >= self._regular:
            opening = ~self._has_opened[at]
            self._has_opened[at] = True
        self._widen("high", at, self._day.minutes.high[bars], opening)
        self._widen("low", at, self._day.minutes.low[bars], opening)

    def _widen(self, name: str, at: Places, values: Floats, opening: NDArray[np.bool_]) -> None:
        """The first value of a session passes nothing, so that it has no time."""
        held, times = self.columns[name], self.columns[f"{name}_time"]
        before = np.where(opening, np.nan, held[at])
        passes = values > before if name == "high" else values < before
        held[at] = np.where(passes | np.isnan(before), values, before)
        seen = float(self._day.moment(self.minute + 1) - 1)
        times[at] = np.where(passes, seen, np.where(opening, np.nan, times[at]))
