"""When which lists are ranked: at most once an interval each, and not all of them at the same moment.

Lists that are ranked together wait for one another: for the ranking of all, and for the disk that takes all their
deltas. So they are ranked in groups, and while changes keep coming, the groups' turns part until they are spread over
the interval. After a quiet interval, all have their turn at once.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

GROUPS: Final = 4
# Shares of the interval: by how much a turn is put off at most, so that turns part; and how late one may be without
# putting off those that follow, or timers that are always a little late would make turns rarer than they may be.
PUT_OFF: Final = 0.05
LATE: Final = 0.1


class Schedule:
    """The turns of GROUPS groups. Times are seconds on any clock that never goes back."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._next = [0.0] * GROUPS  # from when on each may have its turn
        self._latest = -interval  # the newest turn of any

    def due(self, now: float) -> set[int]:
        """The groups that may have their turn."""
        return {group for group, at in enumerate(self._next) if at <= now}

    def next_of(self, groups: Collection[int]) -> float:
        """When the first of the groups may have its turn."""
        return min(self._next[group] for group in groups)

    def mark_ranked(self, groups: Collection[int], now: float) -> None:
        """The groups had their turn. Of several at once, the next turn of all but one comes a little later."""
        for group in sorted(groups, key=self._next.__getitem__):
            due = self._next[group]
            had = due if now - due <= self._interval * LATE else now
            lacking = self._interval / GROUPS - (had - self._latest)
            self._next[group] = had + self._interval + min(max(0.0, lacking), self._interval * PUT_OFF)
            self._latest = had
