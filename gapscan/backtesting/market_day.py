"""One past day as a backtest sees it: its minute bars, and what was known before it began."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gapscan.backtesting.day_minutes import Minutes
from gapscan.errors import DataError
from gapscan.flatfiles.day_bars import DayBars
from gapscan.market.baselines import Curves
from gapscan.market.columns import Bools, Floats, Ints
from gapscan.market.sessions import (
    MINUTE_MS,
    MarketSession,
    SessionTimes,
    previous_trading_day,
    session_at,
    session_times,
)
from gapscan.market.true_range import TrueRanges
from gapscan.protocol.messages import VolumeCurves

BASELINE_SESSIONS: Final = 20
_LONG_AGO: Final = 2 * BASELINE_SESSIONS  # sessions that are looked through for them
_NOTHING: Final = np.nan
_BEFORE: Final = ("close", "high", "low", "volume")  # what is known of the day before


@dataclass(frozen=True, slots=True)
class Reference:
    """What is known of each symbol before the day, NaN where nothing is; see `ReferenceFrame` for what is of several.

    `complete` says that they are over BASELINE_SESSIONS: then a symbol that is in none of them is new.
    """

    prev_close: Floats
    prev_high: Floats
    prev_low: Floats
    prev_volume: Floats
    average_volume: Floats
    average_trades: Floats
    trades_deviation: Floats
    sessions: Floats
    atr: Floats
    ssr_carried: Floats
    split: Bools
    complete: bool


@dataclass(frozen=True, slots=True)
class MarketDay:
    """A day: `symbols` that traded in it, in alphabetical order, their minutes, and what was known before.

    `next_open` is the next trading day's open for a share of this day, NaN where there is none. `curves` are of
    `curve_sessions` sessions before, empty where there are no minutes of any.
    """

    date: dt.date
    symbols: list[str]
    minutes: Minutes
    reference: Reference
    next_open: Floats
    lacks: tuple[str, ...] = ()
    curves: tuple[VolumeCurves, ...] = ()
    curve_sessions: int = 0
    _merged: list[Curves] = field(default_factory=list, compare=False, repr=False)

    @property
    def times(self) -> SessionTimes:
        """When the sessions begin."""
        return session_times(self.date)

    def own_curves(self) -> Curves | None:
        """The usual volumes of the symbols, by their places; None without any."""
        if self.curves and not self._merged:
            curves = Curves(self.symbols)
            for part in self.curves:
                curves.merge(part)
            self._merged.append(curves)
        return self._merged[0] if self._merged else None

    @property
    def length(self) -> int:
        """Minutes from the beginning of pre-market to the end of post-market."""
        return (self.times.closed - self.times.pre) // MINUTE_MS

    def moment(self, minute: int) -> int:
        """When `minute` begins, epoch ms."""
        return self.times.pre + minute * MINUTE_MS

    def session(self, minute: int) -> MarketSession:
        """The session of the moment at which `minute` begins."""
        return session_at(self.moment(minute))

    def first_of(self, ms: int) -> int:
        """The minute that begins at the moment `ms`."""
        return (ms - self.times.pre) // MINUTE_MS


def sessions_before(date: dt.date, days: Sequence[dt.date]) -> list[dt.date]:
    """The last BASELINE_SESSIONS of the trading days before `date` that there are daily bars of, the newest first."""
    there, found, day = set(days), list[dt.date](), date
    for _ in range(_LONG_AGO):
        day = previous_trading_day(day)
        if day in there and len(found) < BASELINE_SESSIONS:
            found.append(day)
    return found


def reference_of(
    symbols: Sequence[str], earlier: Sequence[DayBars], ratios: Sequence[Mapping[str, float]], split: frozenset[str]
) -> Reference:
    """What earlier days tell of the symbols: `earlier` are their daily bars, the newest first.

    `ratios` are, for each of those days, the present shares of a symbol for one of then, where that is not 1; `split`
    are the symbols that split today.
    """
    if not earlier:
        raise DataError("there are no daily bars before the day")
    place = {symbol: at for at, symbol in enumerate(symbols)}
    baseline, ranges = _Baseline(len(symbols)), TrueRanges(len(symbols))
    sessions = list[tuple[Ints, Floats, Floats, Floats]]()
    before = {name: np.full(len(symbols), np.nan) for name in _BEFORE}
    for age, (bars, ratio) in enumerate(zip(earlier, ratios, strict=True)):
        at, where = _places(bars, place)
        shares = np.array([ratio.get(symbol, 1.0) for symbol in bars.symbols])[bars.of][where] if ratio else 1.0
        if age == 0:
            for name, values in before.items():
                values[at] = getattr(bars, name)[where]
        traded = bars.volume[where] > 0
        baseline.add(at[traded], (bars.volume[where] * shares)[traded], bars.transactions[where][traded])
        high, low, close = ((getattr(bars, name)[where] / shares)[traded] for name in ("high", "low", "close"))
        sessions.append((at[traded], high, low, close))
    for session in reversed(sessions):
        ranges.add(*session)
    flags = np.array([symbol in split for symbol in symbols], np.bool_)
    return baseline.reference(before, ranges, flags, complete=len(earlier) >= BASELINE_SESSIONS)


def _places(bars: DayBars, place: Mapping[str, int]) -> tuple[Ints, Ints]:
    """The places of the bars' symbols, and which bars those are; of two bars of a symbol the last counts."""
    places = np.array([place.get(symbol, -1) for symbol in bars.symbols], np.intp)[bars.of]
    last = np.full(len(place), -1, np.intp)
    known = np.flatnonzero(places >= 0)
    last[places[known]] = known
    at = np.flatnonzero(last >= 0)
    return at, last[at]


class _Baseline:
    """Means over the sessions on which each symbol traded, as `gapscan.feed.reference_frames.Baseline` takes them."""

    def __init__(self, size: int) -> None:
        self._sessions, self._volume, self._counted, self._trades, self._squares = np.zeros((5, size))

    def add(self, at: Ints, volume: Floats, trades: NDArray[np.int32]) -> None:
        self._sessions[at] += 1
        self._volume[at] += volume
        at, trades = at[trades > 0], trades[trades > 0]
        self._counted[at] += 1
        off = trades - self._trades[at]
        self._trades[at] += off / self._counted[at]
        self._squares[at] += off * (trades - self._trades[at])

    def reference(self, before: Mapping[str, Floats], ranges: TrueRanges, split: Bools, *, complete: bool) -> Reference:
        with np.errstate(divide="ignore", invalid="ignore"):
            return Reference(
                before["close"],
                before["high"],
                before["low"],
                before["volume"],
                np.where(self._sessions > 0, self._volume / self._sessions, _NOTHING),
                np.where(self._counted > 0, self._trades, _NOTHING),
                np.where(self._counted > 1, np.sqrt(self._squares / (self._counted - 1)), _NOTHING),
                np.where(self._sessions > 0, self._sessions, _NOTHING),
                ranges.average(),
                ranges.restricted(),
                split,
                complete,
            )


def opens_of(bars: DayBars, symbols: Sequence[str], ratio: Mapping[str, float]) -> Floats:
    """The open of each symbol for one share of before the splits; `ratio` is the shares that one has become."""
    opens = np.full(len(symbols), np.nan)
    at, where = _places(bars, {symbol: place for place, symbol in enumerate(symbols)})
    opens[at] = bars.open[where]
    for_one: Floats = opens * np.array([ratio.get(symbol, 1.0) for symbol in symbols])
    return for_one
