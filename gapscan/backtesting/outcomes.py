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
from numpy.typing import NDArray

from gapscan.backtesting.market_day import MarketDay
from gapscan.market.columns import Floats, Ints

HORIZONS: Final = (1, 5, 15, 30, 60)  # minutes
RETURNS: Final = (*(f"return_{minutes}m" for minutes in HORIZONS), "return_close", "return_next_open")
EXTREMES: Final = (
    *(f"best_{minutes}m" for minutes in HORIZONS), "best_close", *(f"worst_{minutes}m" for minutes in HORIZONS),
    "worst_close",
)  # fmt: skip
Keys = NDArray[np.int32]  # symbol and minute in one number
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
    """A day's bars by symbol and time."""

    def __init__(self, day: MarketDay) -> None:
        minutes = day.minutes
        order = np.argsort(minutes.symbol.astype(np.int16 if len(day.symbols) < 1 << 15 else np.int32), kind="stable")
        self._keys: Keys = minutes.symbol[order] * np.int32(_span(day)) + minutes.minute[order]
        self._order = order
        self._minutes = minutes
        self._columns: dict[str, Floats] = {}
        self._day = day
        self._post = day.first_of(day.times.post)

    def follow(self, minutes: Ints, places: Ints, prices: Floats, buying: Buying, *, extremes: bool = True) -> Outcomes:
        """What followed the entries of the symbols at `places` after `minutes`, when lists showed `prices`.

        Without `extremes`, RETURNS only.
        """
        # Entries of one symbol at one minute have one future; in the order of the bars they are found much faster.
        keys, one, of = np.unique(self._key(places, minutes), return_index=True, return_inverse=True)
        at, when = (each.astype(np.intp) for each in np.divmod(keys, np.int32(_span(self._day))))
        first = np.searchsorted(self._keys, keys)
        bought, opens = self._next_bars(first, at)
        if buying.rule == "price":
            bought, opens = when, prices[one]
        price = opens * (1.0 + buying.slippage_bps / 10_000.0)
        reached: dict[str, Floats] = {}
        held = self._held(first, at)
        for name, ends in self._ends(bought).items():
            reached |= self._within(name, first, at, ends, held, extremes=extremes)
        reached["return_next_open"] = self._day.next_open[at]
        of_bought = np.where(bought >= 0, price, np.nan)
        names = (*RETURNS, *(EXTREMES if extremes else ()))
        # Without a bar in it, and none before it, nothing moved.
        moved = (_percent(np.where(np.isinf(reached[name]), price, reached[name]), of_bought) for name in names)
        return Outcomes(bought[of], price[of], {name: each[of] for name, each in zip(names, moved, strict=True)})

    def _by_symbol(self, name: str) -> Floats:
        if name not in self._columns:
            self._columns[name] = getattr(self._minutes, name)[self._order]
        return self._columns[name]

    def _key(self, places: Ints, minutes: Ints) -> Keys:
        return (places * _span(self._day) + minutes).astype(np.int32)

    def _next_bars(self, first: Ints, places: Ints) -> tuple[Ints, Floats]:
        """When the first bars begin, and their opens; -1 and NaN where there is no more bar of the symbol."""
        at = np.minimum(first, max(len(self._keys) - 1, 0))
        there = (first < len(self._keys)) & (self._keys[at] // _span(self._day) == places)
        return np.where(there, self._keys[at] % _span(self._day), -1).astype(np.intp), np.where(
            there, self._minutes.open[self._order[at]], np.nan
        )

    def _ends(self, bought: Ints) -> dict[str, Ints]:
        """When each horizon ends; one that is unknown has ended before it began."""
        ends = {f"{minutes}m": bought + minutes for minutes in HORIZONS}
        ends = {name: np.where(end <= self._day.length, end, -1) for name, end in ends.items()}
        return ends | {"close": np.where(bought < self._post, self._post, -1)}

    def _within(
        self, name: str, first: Ints, places: Ints, ends: Ints, held: Floats, *, extremes: bool
    ) -> dict[str, Floats]:
        """The last price, the highest and the lowest until the `ends`; `held` where there is no bar until then."""
        last = np.searchsorted(self._keys, self._key(places, ends))
        known = (ends >= 0) & (last > first)
        values = np.where(ends >= 0, held, np.nan)
        begin, end = first[known], last[known]
        found = {"return": values} | ({"best": values.copy(), "worst": values.copy()} if extremes else {})
        found["return"][known] = self._minutes.close[self._order[end - 1]]
        if extremes and len(begin):
            found["best"][known] = _reduced(np.maximum, self._by_symbol("high"), begin, end)
            found["worst"][known] = _reduced(np.minimum, self._by_symbol("low"), begin, end)
        return {f"{kind}_{name}": each for kind, each in found.items()}

    def _held(self, first: Ints, places: Ints) -> Floats:
        """The last close before the entry; infinite where there is none."""
        at = np.maximum(first - 1, 0)
        return np.where(
            (first > 0) & (self._keys[at] // _span(self._day) == places), self._minutes.close[self._order[at]], np.inf
        )


def _span(day: MarketDay) -> int:
    return 2 * day.length


def _percent(now: Floats, before: Floats) -> Floats:
    return (now - before) / before * 100.0


def _reduced(function: np.ufunc, values: Floats, begin: Ints, end: Ints) -> Floats:
    """The function over values[begin:end] of each pair; none is empty, and the begins ascend."""
    found = np.empty(len(begin))
    within = end < len(values)  # reduceat takes no index after the last value
    pairs = np.column_stack([begin[within], end[within]]).ravel()
    if len(pairs):
        found[within] = function.reduceat(values, pairs)[::2]
    if not within.all():
        start = begin[~within][0]
        until_the_end = function.accumulate(values[start:][::-1])[::-1]
        found[~within] = until_the_end[begin[~within] - start]
    return found
