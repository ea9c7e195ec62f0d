"""What the daily prices of the last sessions say: the average true range, and whether short sales are restricted."""

from __future__ import annotations

from typing import Final

import numpy as np

from gapscan.market.columns import Bools, Floats, Ints

SESSIONS: Final = 14
SSR_FALL: Final = 0.9
_ROUNDING: Final = 1 + 1e-9  # 0.9 is no binary fraction


def restricts(low: Floats, close: Floats) -> Bools:
    """Where the low is 10 % below the close before: by Rule 201 of Regulation SHO, for the rest of the day and the
    next."""
    fell: Bools = low <= SSR_FALL * close * _ROUNDING
    return fell


class TrueRanges:
    """The true ranges of symbols, session by session, the oldest first.

    Wilder's average (New Concepts in Technical Trading Systems, 1978), USD: the mean of the first SESSIONS true ranges,
    then each session (SESSIONS - 1) parts of what it was and one of the session's.
    """

    def __init__(self, symbols: int) -> None:
        self._close = np.full(symbols, np.nan)
        self._mean = np.zeros(symbols)
        self._number = np.zeros(symbols)
        self._restricted = np.full(symbols, np.nan)

    def add(self, at: Ints, high: Floats, low: Floats, close: Floats) -> None:
        """The prices of the session, of the symbols at these places that traded in it."""
        before, self._close[at] = self._close[at], close
        known = ~np.isnan(before)
        at, high, low, before = at[known], high[known], low[known], before[known]
        self._number[at] += 1
        ranges = np.maximum(high, before) - np.minimum(low, before)
        self._mean[at] += (ranges - self._mean[at]) / np.minimum(self._number[at], SESSIONS)
        self._restricted[at] = restricts(low, before)

    def average(self) -> Floats:
        """The average true range; NaN with fewer of them than SESSIONS."""
        return np.where(self._number >= SESSIONS, self._mean, np.nan)

    def restricted(self) -> Floats:
        """1 where the last session restricts short sales for another day, else 0; NaN without a close before it."""
        return self._restricted.copy()
