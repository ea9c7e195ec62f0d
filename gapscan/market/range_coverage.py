"""Until when the highs and lows that are held are known to be all that there was of the session.

After an outage they are not, until a scan has told them: a price that passes one is not a new high for that.
"""

from __future__ import annotations

import numpy as np

from gapscan.market.columns import Bools, Floats, Ints
from gapscan.market.history import LIVE_MS


class RangeCoverage:
    """Of all symbols, by position. Moments are market time, epoch ms."""

    def __init__(self) -> None:
        self._until: Floats = np.empty(0)
        # The stretch in which bars came without a break: who comes live and is silent in it has not traded.
        self._stream_since, self._stream_until = np.inf, -np.inf

    def grow(self, size: int) -> None:
        """Make room for `size` symbols."""
        self._until = np.concatenate([self._until, np.full(size - len(self._until), np.nan)])

    def clear(self) -> None:
        """Another day begins."""
        self._until[:] = np.nan

    def until(self, at: Ints) -> Floats:
        """Until when they are known of the symbols at positions `at`; NaN where they never were."""
        return self._until[at]

    def scanned(self, at: Ints, until: float) -> None:
        """A scan has told them."""
        self._until[at] = np.fmax(self._until[at], until)

    def known(self, at: Ints, moments: Floats, live: Bools) -> Bools:
        """Where they are known at the moments; `live` are symbols that were last heard of by a bar or a trade."""
        until = self._until[at]
        streamed = live & (until >= self._stream_since) & (moments <= self._stream_until + LIVE_MS)
        known: Bools = (until >= moments) | streamed
        return known

    def streamed(self, at: Ints, ends: Floats, live: Bools) -> Bools:
        """Bars came, of a symbol several perhaps: where they were known until then, they still are."""
        newest = float(ends.max())
        if newest > self._stream_until + LIVE_MS:
            newer = np.unique(ends[ends > self._stream_until])
            breaks = np.flatnonzero(np.diff(newer, prepend=self._stream_until) > LIVE_MS)
            self._stream_since = float(newer[breaks[-1]]) if len(breaks) else self._stream_since
        self._stream_until = max(self._stream_until, newest)
        known = self.known(at, ends, live)
        np.fmax.at(self._until, at[known], ends[known] + LIVE_MS)
        return known
