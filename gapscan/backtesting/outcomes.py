"""What followed an entry: returns after some minutes, at the close and at the next open, and how far it went meanwhile.

An entry that a list shows after minute m is bought at the open of the symbol's first bar from then on, or at the price
that the list showed. Its price is that of the buyer: slippage is added. Horizons count from the beginning of the bar
it is bought in, or from the entry; the price at the end of one is the close of the last bar that began before it.
The close is that of the last bar of the regular session. Best and worst are the highest high and the lowest low of the
bars within the horizon. What lies beyond the end of post-market is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from gapscan.backtesting.extremes import extremes as extremes_of
from gapscan.backtesting.horizons import HORIZONS, HorizonEnds
from gapscan.backtesting.market_day import MarketDay
from gapscan.market.columns import Floats, Ints

RETURNS: Final = (*(f"return_{minutes}m" for minutes in HORIZONS), "return_close", "return_next_open")
EXTREMES: Final = (
    *(f"best_{minutes}m" for minutes in HORIZONS), "best_close", *(f"worst_{minutes}m" for minutes in HORIZONS),
    "worst_close",
)  # fmt: skip
EntryRule = Literal["next_open", "price"]


@dataclass(frozen=True, slots=True)
class Buying:
    """How an entry is bought: by which price, and how much worse than that, in hundredths of a percent."""

    rule: EntryRule = "next_open"
    slippage_bps: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcomes:
    """For each entry: `bought` after which minute (-1: never), `price`, and RETURNS and EXTREMES in percent of it."""

    bought: Ints
    price: Floats
    columns: dict[str, Floats]


class DayBook:
    """A day's bars, gone through minute by minute: what is held of every symbol then is small, and found at once."""

    def __init__(self, day: MarketDay) -> None:
        self._day = day
        self._minutes = day.minutes

    def follow(self, minutes: Ints, places: Ints, prices: Floats, buying: Buying, *, extremes: bool = True) -> Outcomes:
        """What followed the entries of the symbols at `places` after `minutes`, when lists showed `prices`.

        Minutes ascend. Without `extremes`, RETURNS only.
        """
        bought, price = (minutes, prices) if buying.rule == "price" else self._next_bars(minutes, places)
        price = price * (1.0 + buying.slippage_bps / 10_000.0)
        of_bought = np.where(bought >= 0, price, np.nan)
        moved = {"return_next_open": self._day.next_open[places]} | self._reached(bought, places, extremes=extremes)
        if buying.rule == "price":  # without a bar in it, and none before it, nothing moved
            for values in moved.values():
                np.copyto(values, price, where=np.isinf(values))
        names = (*RETURNS, *(EXTREMES if extremes else ()))
        return Outcomes(bought, price, {name: _in_percent(moved[name], of_bought) for name in names})

    def _next_bars(self, minutes: Ints, places: Ints) -> tuple[Ints, Floats]:
        """When the symbols' first bars from then on begin, and their opens; -1 and NaN where there is none."""
        bars, length = self._minutes, self._day.length
        first, found = np.full(len(self._day.symbols), -1), np.empty(len(minutes), np.intp)
        bounds = np.searchsorted(minutes, np.arange(length + 2)).tolist()
        for minute in range(length, -1, -1):
            if minute < length:
                here = bars.of(minute)
                first[bars.symbol[here]] = np.arange(here.start, here.stop)
            asked = slice(bounds[minute], bounds[minute + 1])
            found[asked] = first[places[asked]]
        there = found >= 0
        return np.where(there, bars.minute[found].astype(np.intp), -1), np.where(there, bars.open[found], np.nan)

    def _reached(self, bought: Ints, places: Ints, *, extremes: bool) -> dict[str, Floats]:
        """The last price at the end of each horizon, and the highest and lowest until then.

        NaN where the end is unknown, infinite where there was no bar until then.
        """
        ends = HorizonEnds(self._day, bought, places, counted=extremes)
        ends.go_through()
        reached = {f"return_{name}": prices for name, prices in ends.prices.items()}
        if extremes:
            reached |= extremes_of(self._day, ends)
        return reached


def _in_percent(now: Floats, before: Floats) -> Floats:
    """How far it is from before to `now`, which is used up: as many entries as there are take long to make room for."""
    now -= before
    now /= before
    now *= 100.0
    return now
