"""When a list was at which sequence: what says how much of its stream is old enough to be dropped."""

from __future__ import annotations

import time
from collections import deque
from typing import Final

_STEPS: Final = 12  # in which what is old is dropped, within the time that deltas are kept


class History:
    """The sequences of a list's snapshots, with the moments at which they were stored."""

    def __init__(self) -> None:
        self._noted: deque[tuple[float, int]] = deque()  # oldest first; moments are monotonic
        self._dropped_at = 0.0

    def begin(self, sequence: int) -> None:
        """The list is continued at `sequence`. How old what comes before it is, nobody knows: it counts as new."""
        self._noted.clear()
        self._dropped_at = time.monotonic()
        self.note(sequence)

    def note(self, sequence: int) -> None:
        """The list is at `sequence` now."""
        self._noted.append((time.monotonic(), sequence))

    def expired(self, kept_from: int, seconds: float) -> int:
        """The last sequence that is older than `seconds`, and not behind `kept_from`; 0 when it is too soon to ask."""
        now = time.monotonic()
        if now - self._dropped_at < seconds / _STEPS:
            return 0
        self._dropped_at, upto = now, 0
        while self._noted and self._noted[0][0] < now - seconds:
            upto = self._noted.popleft()[1]
        return max(0, min(upto, kept_from))
