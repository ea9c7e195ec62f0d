"""Columns of bars in four bytes a number where that loses nothing: times in minutes, prices in hundredths of a cent."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gapscan.flatfiles.day_bars import PRICES
from gapscan.market.sessions import MINUTE_MS, NS_PER_MS

_MINUTE_NS: Final = MINUTE_MS * NS_PER_MS
_PARTS: Final = dict.fromkeys(PRICES, 10_000.0) | {"volume": 1.0}  # of a dollar, of a share

Numbers = NDArray[Any]


def fits(name: str, values: Numbers) -> bool:
    """Whether a column of that name (one of COLUMNS, but for the ticker) is the same after it was narrow."""
    return bool((widened(name, narrowed(name, values)) == values).all())


def narrowed(name: str, values: Numbers) -> NDArray[np.int32]:
    """The values as numbers of four bytes."""
    if name == "window_start":
        values = values // _MINUTE_NS
    elif name in _PARTS:
        values = np.rint(values * _PARTS[name])
    with np.errstate(invalid="ignore"):  # what is too large does not fit
        return values.astype(np.int32)


def widened(name: str, numbers: NDArray[np.int32]) -> Numbers:
    """The values that were narrowed."""
    if name in _PARTS:
        return numbers / _PARTS[name]
    whole = numbers.astype(np.int64)
    return whole * _MINUTE_NS if name == "window_start" else whole
