"""The market time up to which everything is read, of all lists together; and how it goes back for another day. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gapscan.lists.state import Copy
from gapscan.protocol.messages import Heartbeat

# Without a delta of any list for so long, heartbeats tell the time: in a market that rests.
REST_SECONDS: Final = 120.0
_NEAR_MS: Final = 60_000  # market time that is as near to where the other day ended is not told apart from it


class MarketClock:
    """By the newest delta of all lists; a list's deltas count as far as its heartbeats have come.

    A list that rests, or is removed, has the time of its last delta, which may be of another day that was played
    before. So a list counts only once it was heard since the day began, and by a heartbeat of this day.
    """

    def __init__(self) -> None:
        self.time = 0  # at the end of the cycle before, epoch ms; 0 while nothing is known
        self._heard: dict[str, Heartbeat] = {}
        self._ceiling: int | None = None  # where another day ended that was played until now, until this one is there
        self._newest = 0  # the same as `time`, without heartbeats
        self._moved_at: float | None = None  # when that last went on, monotonic

    def observe(self, beat: Heartbeat) -> None:
        """The latest heartbeat of its list."""
        self._heard[beat.list] = beat

    def go_back(self, old: int, new: int) -> None:
        """A list's time went back from `old` to `new`, another day's: only those count that are heard from now on."""
        self._ceiling = max(old, self._ceiling or 0)
        self._heard.clear()
        self.time = new

    def is_of_another_day(self, beat: Heartbeat) -> bool:
        """Whether the heartbeat is of the day that is played now, and another one was played before it."""
        return self._ceiling is not None and beat.as_of < self._ceiling

    def move(self, read: Mapping[str, Copy], now: float) -> None:
        """A cycle is over, in which each list was read so far; `now` is monotonic, seconds."""
        ceiling = self._ceiling
        heard = {name: beat for name, beat in self._heard.items() if ceiling is None or beat.as_of < ceiling}
        newest = max((_counted(read[name], beat) for name, beat in heard.items() if name in read), default=0)
        if newest != self._newest or self._moved_at is None:
            self._newest, self._moved_at = newest, now
        rests = now - self._moved_at > REST_SECONDS
        self.time = max([newest, *(beat.as_of for beat in heard.values())]) if rests else newest
        if ceiling is not None and self.time >= ceiling - _NEAR_MS:
            self._ceiling = None


def _counted(copy: Copy, beat: Heartbeat) -> int:
    """Of when the newest delta is that counts. What was heard of a list is never older than what it rests at."""
    if copy.as_of <= beat.as_of:
        return copy.as_of
    return beat.as_of if copy.sequence > beat.sequence else 0
