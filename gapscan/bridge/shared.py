"""Answers that are made once for all who ask for the same within a moment."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, Generic, NamedTuple, TypeVar

from gapscan.bridge.fanout import Clock
from gapscan.bridge.problems import ProblemError
from gapscan.errors import GapscanError

T = TypeVar("T")

KEPT: Final = 64  # answers
WAITING: Final = 64  # who may wait for answers at once
_TOGETHER: Final = 4  # answers that are made at a time


class _Made(NamedTuple, Generic[T]):
    at: float
    answer: T


class Shared(Generic[T]):
    """Answers by their keys, each as old as `seconds` at most. `ask` raises GapscanError when there is none."""

    def __init__(self, what: str, ask: Callable[[str], Awaitable[T]], seconds: float, clock: Clock) -> None:
        self._what = what
        self._ask = ask
        self._seconds = seconds
        self._clock = clock
        self._made: OrderedDict[str, _Made[T]] = OrderedDict()  # the oldest first
        self._together = asyncio.Semaphore(_TOGETHER)
        self._waiting = 0

    async def get(self, key: str) -> T:
        """The answer to `key`. Raises ProblemError when there is none, or too many wait."""
        made = self._fresh(key)
        return (made or await self._wait(key)).answer

    def _fresh(self, key: str) -> _Made[T] | None:
        made = self._made.get(key)
        return made if made is not None and self._clock() - made.at < self._seconds else None

    async def _wait(self, key: str) -> _Made[T]:
        if self._waiting >= WAITING:
            raise ProblemError("unavailable", f"too many requests wait for {self._what}", Retry_After="1")
        self._waiting += 1
        try:
            async with self._together:
                return self._fresh(key) or self._keep(key, await self._ask(key))
        except ProblemError:
            raise
        except GapscanError as error:
            raise ProblemError("unavailable", error.message, Retry_After="1") from None
        finally:
            self._waiting -= 1

    def _keep(self, key: str, answer: T) -> _Made[T]:
        self._made.pop(key, None)
        made = self._made[key] = _Made(self._clock(), answer)
        while len(self._made) > KEPT:
            self._made.popitem(last=False)
        return made
