"""Random numbers that are the same on every machine and with every library: a hash of what they are for.

SplitMix64: Steele, Lea, Flood, Fast splittable pseudorandom number generators, OOPSLA 2014.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gapscan.market.columns import Floats

Words = NDArray[np.uint64]

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)
_30, _27, _31, _11 = (np.uint64(bits) for bits in (30, 27, 31, 11))


def mixed(words: Words) -> Words:
    """Each word, thoroughly mixed; arrays wrap around without a warning."""
    words = words + _GOLDEN
    words = (words ^ (words >> _30)) * _FIRST
    words = (words ^ (words >> _27)) * _SECOND
    return words ^ (words >> _31)


def uniform(*keys: NDArray[np.integer] | int) -> Floats:
    """Numbers from 0 to below 1, one for each combination of the keys, which are broadcast."""
    words = np.zeros(1, np.uint64)
    for key in keys:
        words = mixed(words ^ np.atleast_1d(np.asarray(key, np.uint64)))
    return (words >> _11).astype(np.float64) * 2.0**-53


def chosen(number: int | NDArray[np.integer], *keys: NDArray[np.integer] | int) -> NDArray[np.intp]:
    """Numbers from 0 to below `number`, all equally likely, one for each combination of the keys."""
    found: NDArray[np.intp] = np.floor(uniform(*keys) * number).astype(np.intp)
    return found
