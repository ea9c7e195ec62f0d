"""Where NATS does not store what it is given: what `gapscan status` says when a disk is full."""

from __future__ import annotations

import time
from typing import Any, Final

_SAID_AFTER: Final = 3.0  # seconds: a link that was interrupted takes less
_FORGOTTEN_AFTER: Final = 30.0  # since the last try: such as of a list that was removed
_BUCKET: Final = "$KV."


class Unstored:
    """The subjects and buckets in which the latest message was not stored, since when, and why."""

    def __init__(self) -> None:
        self._failing: dict[str, tuple[float, float, str]] = {}  # first and last failure, monotonic; why

    def note(self, subject: str, why: str) -> None:
        """A message was not stored, as far as is known."""
        now, place = time.monotonic(), _place(subject)
        self._failing[place] = (self._failing.get(place, (now,))[0], now, why)

    def clear(self, subject: str) -> None:
        """A message was stored, or refused for a reason of its own."""
        if self._failing:
            self._failing.pop(_place(subject), None)

    def report(self) -> dict[str, dict[str, Any]]:
        """By place, for how many `seconds` nothing was stored, and `why`."""
        now = time.monotonic()
        self._failing = {at: one for at, one in self._failing.items() if now - one[1] < _FORGOTTEN_AFTER}
        return {
            place: {"seconds": round(now - first, 1), "why": why}
            for place, (first, _, why) in self._failing.items()
            if now - first > _SAID_AFTER
        }


def _place(subject: str) -> str:
    """A bucket by its name, whatever the key; a stream by its subject."""
    _, is_bucket, key = subject.partition(_BUCKET)
    return f"bucket {key.split('.')[0]}" if is_bucket else subject
