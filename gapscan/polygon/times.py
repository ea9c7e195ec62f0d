"""The provider's times: documented in ns in one place and ms in another, and sent as either. The magnitude tells."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gapscan.market.columns import Floats
from gapscan.market.sessions import NS_PER_MS

US_PER_MS: Final = 1000
_LEAST_NS: Final = 10**17  # of 1973; as microseconds it would be of the year 5138
_LEAST_US: Final = 10**14  # likewise


def milliseconds(time: int) -> int:
    """Epoch ms of a time in ns, microseconds or ms."""
    if time >= _LEAST_NS:
        return time // NS_PER_MS
    return time // US_PER_MS if time >= _LEAST_US else time


def milliseconds_each(times: list[int]) -> list[int]:
    """The same of many times, which are in ms but for the provider's whim."""
    return times if max(times, default=0) < _LEAST_US else [milliseconds(time) for time in times]


def milliseconds_of(times: NDArray[np.int64]) -> Floats:
    """The same of a column. Divided as integers: floats have no room for today's nanoseconds."""
    divisors = np.where(times >= _LEAST_NS, NS_PER_MS, np.where(times >= _LEAST_US, US_PER_MS, 1))
    return (times // divisors).astype(np.float64)
