"""What the newest scan said of each symbol. Most of the next says the same, and to merge that again changes nothing."""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from gapscan.market.columns import Ints, PackedRows
from gapscan.market.sessions import MINUTE_MS
from gapscan.protocol.feed import SCAN_COLUMNS

_MINUTE_START: Final = SCAN_COLUMNS.index("minute_start")
_MOST: Final = 1024  # parts that are remembered; later ones take each other's place
_OTHERS: Final = 0  # is no part


class _Part(Struct, frozen=True):
    at: Ints
    said: PackedRows
    as_of: int


class LastScan:
    """The parts of the newest scan, as they were packed, and of each symbol which of them was the last to be stored."""

    def __init__(self) -> None:
        self._parts: dict[int, _Part] = {}
        self._by: NDArray[np.int32] = np.zeros(0, np.int32)

    def grow(self, size: int) -> None:
        """Make room for `size` symbols."""
        self._by = np.concatenate([self._by, np.full(size - len(self._by), _OTHERS, np.int32)])

    def mark(self, at: Ints) -> None:
        """Something was stored of the symbols at positions `at`: the next scan is merged, whatever it says."""
        self._by[at] = _OTHERS

    def news(self, number: int, at: Ints, said: PackedRows, as_of: int) -> Ints:
        """Places in `at` of the symbols that are to be merged, of part `number` of the scan of `as_of`.

        One of which it says what it said before is not, if nothing else was stored since, and its newest minute was
        over by then: of one that was still running, more is known now.
        """
        number = min(number, _MOST)
        before = self._parts.get(number)
        if before is None or not (before.at is at or np.array_equal(before.at, at)):
            return np.arange(len(at))
        news = (said != before.said).any(axis=0) | (self._by[at] != number)
        news |= said[_MINUTE_START].view("<f8") + MINUTE_MS > min(before.as_of, as_of)
        return np.flatnonzero(news)

    def merged(self, number: int, at: Ints, said: PackedRows, as_of: int) -> None:
        """The part is merged: what was news of it, and so all."""
        number = min(number, _MOST)
        self._parts[number] = _Part(at, said, as_of)
        self._by[at] = number
