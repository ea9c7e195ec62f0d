"""When to send: at the leading edge, and then at most once an interval."""

from __future__ import annotations

from typing import Final

_SLACK: Final = 0.9  # of the interval: clocks differ, and a list may come a little faster than its publisher means to


class Conflation:
    """For each key about one sending per `interval` seconds; what comes after a quiet interval is due at once.

    A list's publisher has a limit of the same kind, and the two must not add up: a list that comes once an interval,
    more or less, is passed on without any wait. Were each interval counted from the last sending, every delay would
    push all later sendings back until one was left out. So a sending uses up an interval from when it was due, not
    from when it was made, and up to one interval may be used in advance.
    """

    def __init__(self, interval: float) -> None:
        self._interval = interval * _SLACK
        self._used: dict[str, float] = {}  # until when each key's time is used up
        self._due: dict[str, float] = {}

    def set_interval(self, interval: float) -> None:
        """From the next sendings on."""
        self._interval = interval * _SLACK

    def changed(self, key: str, now: float) -> None:
        """Something is to be sent."""
        if key not in self._due:
            self._due[key] = max(now, self._used.get(key, 0.0) - self._interval)

    def pop_due(self, now: float) -> list[str]:
        """The keys that are due, in the order in which they became so."""
        due = sorted((key for key, at in self._due.items() if at <= now), key=self._due.__getitem__)
        for key in due:
            at = self._due.pop(key)
            self._used[key] = max(at, self._used.get(key, 0.0)) + self._interval
        return due

    def next_due(self) -> float | None:
        """When something is due next; None when nothing waits."""
        return min(self._due.values(), default=None)

    def forget(self, key: str) -> None:
        """Nothing will be sent for `key` any more."""
        self._due.pop(key, None)
        self._used.pop(key, None)
