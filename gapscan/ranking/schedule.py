"""When which lists are ranked: at most once an interval each, and not all of them at the same moment.

Lists that are ranked together wait for one another: for the ranking of all, and for the disk that takes all their
deltas. So they are ranked in groups, and while changes keep coming, the groups' times part until they are spread over
the interval. After a quiet interval, all are ranked at once.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

GROUPS: Final = 4
# Shares of the interval: by how much a ranking is put off at most, so that the groups part; and how late one may be
# without putting off those that follow, or timers that are always a little late would make rankings rarer.
PUT_OFF: Final = 0.05
LATE: Final = 0.1


class Schedule:
    """When each of GROUPS groups may be ranked. Times are seconds on any clock that never goes back."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._next = [0.0] * GROUPS  # from when on each may be ranked
        self._latest = -interval  # the newest ranking of any

    def due(self, now: float) -> set[int]:
        """The groups that may be ranked."""
        return {group for group, at in enumerate(self._next) if at <= now}

    def next_of(self, groups: Collection[int]) -> float:
        """When the first of the groups may be ranked."""
        return min(self._next[group] for group in groups)

    def mark_ranked(self, groups: Collection[int], now: float) -> None:
        """The groups were ranked. Of several at once, the next ranking of all but one comes a little later."""
        for group in sorted(groups, key=self._next.__getitem__):
            due = self._next[group]
            had = due if now - due <= self._interval * LATE else now
            lacking = self._interval / GROUPS - (had - self._latest)
            self._next[group] = had + self._interval + min(max(0.0, lacking), self._interval * PUT_OFF)
            self._latest = had
