"""What is observed of a symbol by a price and a volume, whatever they are of: scans, bars, trades, or a checkpoint."""

from __future__ import annotations

from typing import Final

import numpy as np

from gapscan.market.columns import Floats
from gapscan.market.sessions import SessionTimes

# The closing auction prints for a while after the close; what trades until then is of the regular session.
CLOSING_MS: Final = 120_000


def by_price(prices: Floats, times: Floats, from_bar: Floats | float) -> dict[str, Floats]:
    """The fields that prices as of `times` set (epoch ms); nothing where there is none. `from_bar` is 1.0 or 0.0."""
    times = np.where(np.isnan(prices), np.nan, times)
    return {"price": prices, "price_time": times, "from_bar": np.where(np.isnan(times), np.nan, from_bar)}


def by_volume(volumes: Floats, times: Floats, day: SessionTimes) -> dict[str, Floats]:
    """The fields that the day's volumes so far set, as of `times`: until the close, the regular session's too."""
    return {"volume": volumes, "close_volume": np.where(times < day.post + CLOSING_MS, volumes, np.nan)}
