"""Which heartbeats count: not those of a ranker that stood still, and believes that it still leads."""

from __future__ import annotations

from typing import Final

from gapscan.lists.state import Copy
from gapscan.protocol.messages import Heartbeat

IN_A_ROW: Final = 3  # so many heartbeats that are behind, and none between that is not, are to be believed


class BeatFence:
    """Compares heartbeats with what is known of the same epoch. `as_of` is the newest that was admitted."""

    def __init__(self) -> None:
        self.as_of = 0
        self._epoch = ""
        self._behind = 0

    def admits(self, beat: Heartbeat, copy: Copy) -> bool:
        """Whether `beat`, of the copy's epoch, says how the list stands.

        One that is behind the copy, or behind an earlier one in market time, does so only as the last of several.
        """
        if beat.epoch != self._epoch:
            self._epoch, self.as_of = beat.epoch, 0
        known = max(self.as_of, copy.as_of)
        is_behind = beat.sequence < copy.sequence or beat.as_of < known
        self._behind = self._behind + 1 if is_behind else 0
        if 0 < self._behind < IN_A_ROW:
            return False
        self._behind = 0
        # A new leader that has no market data yet calls the list stale; that the market went back, it cannot know.
        self.as_of = max(known, beat.as_of) if beat.state == "stale" else beat.as_of
        return True
