"""What the provider's bars say of a time in which a symbol did not come live: prices then, and pre-market's range.

All bars of a symbol from one moment to another come together. Between two of them nothing traded, so that the close of
one was the price until the next began. The present price is never theirs to set.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from gapscan.market.bars import AHEAD_MS
from gapscan.market.columns import Floats, Ints, as_floats
from gapscan.market.history import LIVE_MS
from gapscan.market.premarket import observe_early
from gapscan.market.sessions import session_times, trades_end, trading_date
from gapscan.market.universe import Universe
from gapscan.protocol.messages import PastBars

_A_SECOND_MS: Final = 1_000  # a price that changes within a second counts until the second is over, as in live bars


def merge_past_bars(universe: Universe, bars: PastBars) -> int:
    """Take in bars of one symbol; how many of them were of today. Nothing before the universe's first scan."""
    if universe.date is None or bars.symbol not in universe.index:
        return 0
    start = np.array(bars.start, np.float64)
    of_today = (start >= session_times(universe.date).night) & (start < trades_end(universe.date))
    today = np.flatnonzero(of_today & (start + bars.width <= universe.scanned_at + AHEAD_MS))
    if not len(today):
        return 0
    at = np.full(len(today), universe.index[bars.symbol], np.intp)
    _observe_range(
        universe, at, start[today], {name: as_floats(getattr(bars, name))[today] for name in ("high", "low")}
    )
    _observe_prices(universe, at, start[today], float(bars.width), as_floats(bars.close)[today])
    return len(today)


def _observe_range(universe: Universe, at: Ints, start: Floats, ranges: dict[str, Floats]) -> None:
    """High and low of pre-market, at a time that nobody saw; those of the regular session are the provider's."""
    day = session_times(universe.date or trading_date(universe.as_of))
    early = np.flatnonzero((start >= day.pre) & (start < day.regular))
    if not len(early):
        return
    unseen = np.zeros(len(early), np.bool_)
    for name, values in ranges.items():
        universe.widen(name, at[early], values[early], start[early], day.regular, unseen)
        observe_early(universe, name, at[early], values[early], start[early], day.regular)


def _observe_prices(universe: Universe, at: Ints, start: Floats, width: float, closes: Floats) -> None:
    """Prices of a few minutes ago, where nothing newer is held."""
    known = ~np.isnan(closes)
    start, closes = start[known], closes[known]
    if not len(start):
        return
    ends = start + width
    until = np.fmax(ends + LIVE_MS, np.append(start[1:] + _A_SECOND_MS, 0.0))
    if universe.prices.fill(int(at[0]), closes, ends, until):
        universe.mark_dirty(at[:1])
