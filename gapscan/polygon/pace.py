"""How fast the provider may be asked."""

from __future__ import annotations

import math


class Pace:
    """Lets `rate` requests a second go, one at a time; none at a rate of 0.

    A bucket of one token. Pure: `now` is seconds of any clock that does not go back.
    """

    __slots__ = ("_next", "_step")

    def __init__(self, rate: float) -> None:
        self._step = 1 / rate if rate > 0 else math.inf
        self._next = -math.inf if rate > 0 else math.inf

    def take(self, now: float) -> float:
        """Use the token up; 0, or the seconds after which to try again."""
        if now < self._next:
            return self._next - now
        self._next = now + self._step
        return 0.0

    def hold(self, now: float, seconds: float) -> None:
        """Let nothing go for so long."""
        self._next = max(self._next, now + seconds)
