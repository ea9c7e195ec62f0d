"""What a price and a volume tell of a symbol, whoever saw them: scans, bars, trades, or what was saved of them."""

from __future__ import annotations

from typing import Final

import numpy as np

from gapscan.market.columns import Floats
from gapscan.market.sessions import SessionTimes

# The closing auction prints for a while after the close; what trades until then is of the regular session.
CLOSING_MS: Final = 120_000


def by_price(prices: Floats, times: Floats, from_bar: Floats | float) -> dict[str, Floats]:
    """What prices as of `times` tell (epoch ms); nothing where there is none. `from_bar` is 1.0 or 0.0."""
    times = np.where(np.isnan(prices), np.nan, times)
    return {"price": prices, "price_time": times, "from_bar": np.where(np.isnan(times), np.nan, from_bar)}


def by_volume(volumes: Floats, times: Floats, day: SessionTimes) -> dict[str, Floats]:
    """What the day's volumes so far tell, as of `times` (epoch ms): until the close, of the regular session too."""
    return {"volume": volumes, "close_volume": np.where(times < day.post + CLOSING_MS, volumes, np.nan)}
