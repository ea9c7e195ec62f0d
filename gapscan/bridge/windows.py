"""When to send: windows of a fixed width that open at the leading edge."""

from __future__ import annotations


class Windows:
    """For each key, at most one sending per `width` seconds; the first change after a quiet window is due at once.

    A list's publisher has a limit of the same kind. Since every key has windows of its own, which begin when
    something is sent, a change that kept the publisher's distance to the one before finds its window closed: the
    two limits do not add up.
    """

    def __init__(self, width: float) -> None:
        self._width = width
        self._sent: dict[str, float] = {}
        self._due: dict[str, float] = {}

    def changed(self, key: str, now: float) -> None:
        """Something is to be sent."""
        if key not in self._due:
            self._due[key] = max(now, self._sent[key] + self._width) if key in self._sent else now

    def take_due(self, now: float) -> list[str]:
        """The keys that are due, in the order in which they became so; their next windows begin."""
        due = sorted((key for key, at in self._due.items() if at <= now), key=self._due.__getitem__)
        for key in due:
            del self._due[key]
            self._sent[key] = now
        return due

    def next_due(self) -> float | None:
        """When something is due next; None when nothing waits."""
        return min(self._due.values(), default=None)

    def forget(self, key: str) -> None:
        """Nothing will be sent for `key` any more."""
        self._due.pop(key, None)
        self._sent.pop(key, None)
