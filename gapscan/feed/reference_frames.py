"""What is known about symbols before they trade, as frames: listings, events of shares, how much they usually trade."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

import numpy as np
from msgspec import UNSET, Struct, UnsetType

from gapscan.feed.corporate_actions import NO_ACTION, Action
from gapscan.market.columns import Floats
from gapscan.market.true_range import TrueRanges
from gapscan.protocol.feed import SYMBOLS_A_PART
from gapscan.protocol.messages import ReferenceFrame
from gapscan.provider import DailyBar, Listing

T = TypeVar("T")


class Day(NamedTuple):
    """Prices of one session."""

    high: float
    low: float
    close: float


class Baseline(Struct, gc=False):
    """How much one symbol trades a day, over the sessions on which it traded.

    Mean and squared deviation of the trades are kept as they grow (Welford, Technometrics 4, 1962): sums of squares
    would lose the deviation of a symbol with millions of trades.
    """

    sessions: int = 0
    volume: float = 0.0  # sum, in shares
    counted: int = 0  # sessions for which the number of trades is known
    trades: float = 0.0  # mean
    squares: float = 0.0  # sum of the squared deviations from it
    days: list[Day] = []  # newest first, where prices are known

    def add(self, volume: float, trades: float, day: Day | None = None) -> None:
        """Add one session, the newest first; `trades` 0 means that their number is not known."""
        self.sessions += 1
        if day is not None:
            self.days.append(day)
        self.volume += volume
        if trades > 0:
            self.counted += 1
            off = trades - self.trades
            self.trades += off / self.counted
            self.squares += off * (trades - self.trades)

    @property
    def average_volume(self) -> float | None:
        """Shares a day; None for a symbol that did not trade."""
        return self.volume / self.sessions if self.sessions else None

    @property
    def average_trades(self) -> float | None:
        """Trades a day; None where they are not known."""
        return self.trades if self.counted else None

    @property
    def trades_deviation(self) -> float | None:
        """Sample standard deviation of the daily number of trades; None below two sessions."""
        return math.sqrt(self.squares / (self.counted - 1)) if self.counted > 1 else None


_NEVER_TRADED: Final = Baseline()


class Baselines:
    """How much each symbol trades a day, from the daily bars of some sessions."""

    def __init__(self) -> None:
        self.sessions = 0
        self._of: dict[str, Baseline] = {}

    def add(self, bars: Iterable[DailyBar]) -> None:
        """Add the daily bars of one session; those without volume say nothing, and a second one of a symbol
        takes the place of the first."""
        self.sessions += 1
        for symbol, bar in {bar.symbol: bar for bar in bars if bar.volume > 0}.items():
            self._of.setdefault(symbol, Baseline()).add(bar.volume, bar.trades, _day_of(bar))

    def of(self, symbol: str) -> Baseline:
        """That of one symbol."""
        return self._of.get(symbol, _NEVER_TRADED)


def reference_frames(
    listings: Sequence[Listing],
    actions: Mapping[str, Action],
    baselines: Baselines,
    date: dt.date,
    *,
    complete: bool,
    size: int = SYMBOLS_A_PART,
) -> list[ReferenceFrame]:
    """The reference data of `date` as frames of at most `size` symbols."""
    groups = [listings[at : at + size] for at in range(0, len(listings), size)] or [[]]
    return [
        _part(
            group, actions, [baselines.of(listing.symbol) for listing in group], (number, len(groups), date, complete)
        )
        for number, group in enumerate(groups, 1)
    ]


def _part(
    listings: Sequence[Listing],
    actions: Mapping[str, Action],
    baselines: Sequence[Baseline],
    head: tuple[int, int, dt.date, bool],
) -> ReferenceFrame:
    number, parts, date, complete = head
    acted = [actions.get(listing.symbol, NO_ACTION) for listing in listings]
    return ReferenceFrame(
        part=number,
        parts=parts,
        date=date.isoformat(),
        complete=complete,
        symbols=[listing.symbol for listing in listings],
        name=[listing.name for listing in listings],
        exchange=[listing.exchange for listing in listings],
        kind=[listing.kind for listing in listings],
        test=[listing.test for listing in listings],
        split=[action.split for action in acted],
        average_volume=[baseline.average_volume for baseline in baselines],
        average_trades=[baseline.average_trades for baseline in baselines],
        trades_deviation=[baseline.trades_deviation for baseline in baselines],
        sessions=[baseline.sessions for baseline in baselines],
        split_ratio=_sent([action.ratio for action in acted]),
        prev_close=_sent([action.prev_close for action in acted]),
        ex_today=_sent([action.ex for action in acted]),
        ex_amount=_sent([action.amount for action in acted]),
        **_of_prices(acted, baselines),
    )


def _of_prices(actions: Sequence[Action], baselines: Sequence[Baseline]) -> dict[str, list[float | None] | UnsetType]:
    """What comes of the daily prices: the range in shares of today, as the close before is; without it, it is not
    known on the day of a split."""
    known = _true_ranges([baseline.days for baseline in baselines])
    ranges = [
        _range(action, baseline.days, found)
        for action, baseline, found in zip(actions, baselines, _numbers(known.average()), strict=True)
    ]
    return {"atr": _sent(ranges), "ssr_carried": _sent(_numbers(known.restricted()))}


def _true_ranges(days: Sequence[Sequence[Day]]) -> TrueRanges:
    """Of some symbols, whose days are the newest first."""
    ranges = TrueRanges(len(days))
    for age in reversed(range(max(map(len, days), default=0))):
        at = [place for place, of_symbol in enumerate(days) if len(of_symbol) > age]
        ranges.add(np.array(at, np.intp), *np.array([days[place][age] for place in at]).T)
    return ranges


def _numbers(column: Floats) -> list[float | None]:
    return [None if math.isnan(value) else value for value in column.tolist()]


def _range(action: Action, days: Sequence[Day], found: float | None) -> float | None:
    if found is None or not action.split:
        return found
    # The provider may not have brought earlier days to today's shares when they were loaded.
    return found * action.prev_close / days[0].close if action.prev_close else None


def _day_of(bar: DailyBar) -> Day | None:
    """The bar's prices, where it has them all."""
    return Day(bar.high, bar.low, bar.close) if bar.high and bar.low and bar.close else None


def _sent(column: list[T | None]) -> list[T | None] | UnsetType:
    """A column that says nothing is left out: on most days it has a few values, in few parts."""
    return UNSET if all(value is None for value in column) else column
