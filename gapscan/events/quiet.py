"""Until when a list surely was as it is, where no delta says so: by its heartbeats."""

from __future__ import annotations

from collections import deque
from typing import Final

from gapscan.protocol.messages import Heartbeat

# A heartbeat may overtake a delta of an earlier time, which is stored first: by then, it has long come.
_BEHIND: Final = 2


class Quiet:
    """Looks at the heartbeats of a list whose sequence stays the same."""

    def __init__(self) -> None:
        self._place = ("", -1)
        self._beats: deque[int] = deque(maxlen=_BEHIND + 1)

    def until(self, beat: Heartbeat) -> int:
        """The market time, epoch ms, up to which no delta can come any more; 0: not known yet."""
        if self._place != (beat.epoch, beat.sequence):
            self._place = (beat.epoch, beat.sequence)
            self._beats.clear()
        if beat.shown != "stale":  # then nobody knows how the list is
            self._beats.append(beat.as_of)
        return min(self._beats) if len(self._beats) > _BEHIND else 0
