"""Intervals for what was measured over days: days are drawn again and again, since entries of one day hang together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gapscan.backtesting import dice
from gapscan.market.columns import Floats

DRAWS: Final = 1_000
_LOW, _HIGH = 0.025, 0.975
_FEWEST: Final = 2  # days; of one, nothing can be said


def interval(sums: Floats, counts: Floats, seed: int) -> tuple[float, float] | None:
    """Where 95 % of the means lie of as many days drawn with replacement; `sums` and `counts` are those of each day."""
    means = drawn_means(sums, counts, seed)
    return None if means is None else ends(means)


def drawn_means(sums: Floats, counts: Floats, seed: int) -> Floats | None:
    """The mean of each draw, NaN for one without entries; None where there are too few days."""
    days = len(counts)
    if np.count_nonzero(counts) < _FEWEST:
        return None
    picked = dice.chosen(days, seed, np.arange(DRAWS)[:, None], np.arange(days)[None, :])
    with np.errstate(invalid="ignore", divide="ignore"):
        means: Floats = _added(sums[picked]) / _added(counts[picked])
    return means


def ends(means: Floats) -> tuple[float, float] | None:
    """The interval that the means' middle 95 % lie in."""
    known = np.sort(means[~np.isnan(means)]).tolist()
    return (quantile(known, _LOW), quantile(known, _HIGH)) if known else None


def _added(values: Floats) -> Floats:
    # One after the other: sums in another order differ in their last digits, from machine to machine.
    added: Floats = np.cumsum(values, axis=1)[:, -1]
    return added


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which that share of the ordered values lie, interpolated."""
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def of_days(values: Floats, days: NDArray[np.intp], number: int) -> tuple[Floats, Floats]:
    """Sum and number of the values that are known, by day."""
    known = ~np.isnan(values)
    sums = np.array([math.fsum(values[known & (days == day)].tolist()) for day in range(number)])
    return sums, np.bincount(days[known], minlength=number).astype(np.float64)
