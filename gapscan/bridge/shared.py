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
MAKING: Final = 64  # answers that are made, or wait for it, at once
TOGETHER: Final = 4  # answers that are made at a time
WAITED: Final = 5.0  # seconds until who asks is told that there is none


class _Made(NamedTuple, Generic[T]):
    at: float
    answer: T


class Shared(Generic[T]):
    """Answers by their keys, each as old as `seconds` at most. `ask` raises GapscanError when there is none.

    Who asks while an answer is made gets that one, or why there is none. `together` are made at a time, and within
    `waited` seconds, in which it may have to wait for others.
    """

    def __init__(
        self,
        what: str,
        ask: Callable[[str], Awaitable[T]],
        seconds: float,
        clock: Clock,
        *,
        together: int = TOGETHER,
        waited: float = WAITED,
    ) -> None:
        self._what = what
        self._ask = ask
        self._seconds = seconds
        self._clock = clock
        self._waited = waited
        self._made: OrderedDict[str, _Made[T]] = OrderedDict()  # the oldest first
        self._making: dict[str, asyncio.Future[_Made[T] | ProblemError]] = {}
        self._together = asyncio.Semaphore(together)

    async def get(self, key: str) -> T:
        """The answer to `key`. Raises ProblemError when there is none, or too many are made."""
        made = self._fresh(key) or await self._outcome(key)
        if isinstance(made, ProblemError):
            raise ProblemError(made.code, made.message, **made.headers)  # one for each: who raises it writes on it
        return made.answer

    def _fresh(self, key: str) -> _Made[T] | None:
        made = self._made.get(key)
        return made if made is not None and self._clock() - made.at < self._seconds else None

    async def _outcome(self, key: str) -> _Made[T] | ProblemError:
        """Made for the first who asks; the others wait for it, each until it goes."""
        if (making := self._making.get(key)) is not None:
            return await asyncio.shield(making)
        if len(self._making) >= MAKING:
            return self._unavailable(f"too many requests wait for {self._what}")
        making = self._making[key] = asyncio.get_running_loop().create_future()
        outcome: _Made[T] | ProblemError = self._unavailable(f"{self._what}: who asked first went before there was any")
        try:
            outcome = await self._make(key)
        finally:
            del self._making[key]
            making.set_result(outcome)
        return outcome

    async def _make(self, key: str) -> _Made[T] | ProblemError:
        try:
            async with asyncio.timeout(self._waited), self._together:
                return self._keep(key, await self._ask(key))
        except ProblemError as problem:
            return problem
        except GapscanError as error:
            return self._unavailable(error.message)
        except TimeoutError:
            return self._unavailable(f"{self._what} could not be had within {self._waited:g} s")

    def _unavailable(self, detail: str) -> ProblemError:
        return ProblemError("unavailable", detail, Retry_After="1")

    def _keep(self, key: str, answer: T) -> _Made[T]:
        self._made.pop(key, None)
        made = self._made[key] = _Made(self._clock(), answer)
        while len(self._made) > KEPT:
            self._made.popitem(last=False)
        return made
