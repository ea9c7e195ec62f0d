"""What is known about symbols before they trade: listings, splits and how much they usually trade."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from gapscan.polygon.frames import SYMBOLS_A_PART
from gapscan.polygon.rest import GroupedBar, ReferenceTicker
from gapscan.protocol.messages import ReferenceFrame

# The exchanges publish quotes of symbols that exist to test systems; the listing's name says so.
_TEST_MARK: Final = "test stock"


class Baselines:
    """Mean daily volume of each symbol over the sessions on which it traded."""

    def __init__(self) -> None:
        self.sessions = 0
        self._totals: dict[str, tuple[float, int]] = {}

    def add(self, bars: Iterable[GroupedBar]) -> None:
        """Take in the daily bars of one session."""
        self.sessions += 1
        totals = self._totals
        for bar in bars:
            volume, days = totals.get(bar.T, (0.0, 0))
            totals[bar.T] = (volume + bar.v, days + 1)

    def average(self, symbol: str) -> float | None:
        """Shares a day; None for a symbol that did not trade."""
        volume, days = self._totals.get(symbol, (0.0, 0))
        return volume / days if days else None


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
        ReferenceFrame(
            part=number,
            parts=len(groups),
            date=date.isoformat(),
            complete=complete,
            symbols=[listing.ticker for listing in group],
            name=[listing.name for listing in group],
            exchange=[listing.primary_exchange for listing in group],
            kind=[listing.type for listing in group],
            test=[is_test(listing) for listing in group],
            split=[listing.ticker in splits for listing in group],
            average_volume=[baselines.average(listing.ticker) for listing in group],
        )
        for number, group in enumerate(groups, 1)
    ]


def is_test(listing: ReferenceTicker) -> bool:
    """Whether the listing is no real stock but one to test systems with."""
    return _TEST_MARK in (listing.name or "").lower()
