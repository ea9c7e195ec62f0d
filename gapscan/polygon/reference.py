"""What is known about symbols before they trade: listings, splits and how much they usually trade."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from msgspec import Struct

from gapscan.polygon.rest import GroupedBar, ReferenceTicker
from gapscan.protocol.feed import SYMBOLS_A_PART
from gapscan.protocol.messages import ReferenceFrame

# The exchanges publish quotes of symbols that exist to test systems; the listing's name says so.
_TEST_MARK: Final = "test stock"


class Baseline(Struct, gc=False):
    """How much one symbol trades a day, over the sessions on which it traded.

    Mean and squared deviation of the trades are kept as they grow (Welford, Technometrics 4, 1962): sums of squares
    would lose the deviation of a symbol with millions of trades.
    """

    sessions: int = 0
    volume: float = 0.0  # sum, in shares
    counted: int = 0  # sessions for which the number of trades is told
    trades: float = 0.0  # mean
    squares: float = 0.0  # sum of the squared deviations from it

    def add(self, volume: float, trades: float) -> None:
        """Take in one session; `trades` 0 means that their number is not told."""
        self.sessions += 1
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
        """Trades a day; None where they are not told."""
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

    def add(self, bars: Iterable[GroupedBar]) -> None:
        """Take in the daily bars of one session; those without volume say nothing, and a second one of a symbol
        takes the place of the first."""
        self.sessions += 1
        for symbol, bar in {bar.T: bar for bar in bars if bar.v > 0}.items():
            self._of.setdefault(symbol, Baseline()).add(bar.v, bar.n)

    def of(self, symbol: str) -> Baseline:
        """That of one symbol."""
        return self._of.get(symbol, _NEVER_TRADED)


def reference_parts(
    listings: Sequence[ReferenceTicker],
    splits: Collection[str],
    baselines: Baselines,
    date: dt.date,
    *,
    complete: bool,
) -> list[ReferenceFrame]:
    """The reference data of `date` as frames of at most SYMBOLS_A_PART symbols."""
    groups = [listings[at : at + SYMBOLS_A_PART] for at in range(0, len(listings), SYMBOLS_A_PART)] or [[]]
    return [
        _part(group, splits, [baselines.of(listing.ticker) for listing in group], (number, len(groups), date, complete))
        for number, group in enumerate(groups, 1)
    ]


def _part(
    listings: Sequence[ReferenceTicker],
    splits: Collection[str],
    baselines: Sequence[Baseline],
    head: tuple[int, int, dt.date, bool],
) -> ReferenceFrame:
    number, parts, date, complete = head
    return ReferenceFrame(
        part=number,
        parts=parts,
        date=date.isoformat(),
        complete=complete,
        symbols=[listing.ticker for listing in listings],
        name=[listing.name for listing in listings],
        exchange=[listing.primary_exchange for listing in listings],
        kind=[listing.type for listing in listings],
        test=[is_test(listing) for listing in listings],
        split=[listing.ticker in splits for listing in listings],
        average_volume=[baseline.average_volume for baseline in baselines],
        average_trades=[baseline.average_trades for baseline in baselines],
        trades_deviation=[baseline.trades_deviation for baseline in baselines],
        sessions=[baseline.sessions for baseline in baselines],
    )


def is_test(listing: ReferenceTicker) -> bool:
    """Whether the listing is no real stock but one to test systems with."""
    return _TEST_MARK in (listing.name or "").lower()
