"""Wrong tokens, by the address that they came from: who has sent some waits before the next one is looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gapscan.bridge.limits import GUESS_SECONDS, GUESSES
from gapscan.runtime import TokenBucket

_ADDRESSES: Final = 10_000  # that are remembered


class Guesses:
    """How many tokens an address may still try. A right one costs nothing.

    Without the wait, a token is found by whoever can open connections for long enough. It is told before the token is
    looked at, so that the wait says nothing about it.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._wrong: dict[str, TokenBucket] = {}  # the oldest first

    def wait(self, peer: str) -> float:
        """Seconds until a token of `peer` is looked at again; 0: now."""
        bucket = self._wrong.get(peer)
        return bucket.wait(self._clock()) if bucket else 0.0

    def note_wrong(self, peer: str) -> None:
        """A token of `peer` was wrong."""
        now = self._clock()
        bucket = self._wrong.pop(peer, None) or TokenBucket(1 / GUESS_SECONDS, GUESSES)
        bucket.spend(now, 1)
        self._wrong[peer] = bucket
        while len(self._wrong) > _ADDRESSES:
            del self._wrong[next(iter(self._wrong))]
