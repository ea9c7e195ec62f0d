"""What the daily prices of the last sessions say: the average true range, and whether short sales are restricted."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from gapscan.provider import DailyBar

SESSIONS: Final = 14
SSR_FALL: Final = 0.9
_ROUNDING: Final = 1 + 1e-9


class Day(NamedTuple):
    """Prices of one session."""

    high: float
    low: float
    close: float


def day_of(bar: DailyBar) -> Day | None:
    """The bar's prices, where it has them all."""
    return Day(bar.high, bar.low, bar.close) if bar.high and bar.low and bar.close else None


def average_true_range(days: Sequence[Day]) -> float | None:
    """Wilder's average (New Concepts in Technical Trading Systems, 1978), USD; `days` are the newest first.

    The mean of the first SESSIONS true ranges, then each day (SESSIONS - 1) parts of what it was and one of the day's;
    None with fewer.
    """
    ranges = [max(day.high, before.close) - min(day.low, before.close) for before, day in pairwise(reversed(days))]
    if len(ranges) < SESSIONS:
        return None
    average = sum(ranges[:SESSIONS]) / SESSIONS
    for true_range in ranges[SESSIONS:]:
        average += (true_range - average) / SESSIONS
    return average


def is_restricted(days: Sequence[Day]) -> bool | None:
    """Whether the last session fell 10 % below the close before it: short sales are restricted for another day."""
    return None if len(days) < 2 else days[0].low <= SSR_FALL * days[1].close * _ROUNDING
