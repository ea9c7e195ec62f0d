"""Market clocks: wall time mapped to market time, or time that only moves when it is told to."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Market time in epoch ms, and a way to wait for it."""

    @property
    def speed(self) -> float:
        """Market seconds per wall second; 0 for a clock that stands still."""
        ...

    def now(self) -> int: ...

    def set(self, moment: int) -> None:
        """Make it `moment` now."""
        ...

    def set_speed(self, speed: float) -> None: ...

    async def sleep_until(self, moment: int) -> None:
        """Wait until `moment`, or until somebody changes the clock, whichever comes first."""
        ...


class _Changes:
    """Wakes everybody who sleeps when the clock is changed."""

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[None]] = set()

    def notify(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self, seconds: float | None) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await asyncio.wait((waiter,), timeout=seconds)
        finally:
            self._waiters.discard(waiter)


class MarketClock:
    """Runs from `start_ms` at `speed` market seconds per wall second."""

    def __init__(self, start_ms: int, speed: float = 1.0) -> None:
        self._changes = _Changes()
        self._base = start_ms
        self._since = time.monotonic()
        self._speed = speed

    @property
    def speed(self) -> float:
        return self._speed

    def now(self) -> int:
        return int(self._base + (time.monotonic() - self._since) * 1000 * self._speed)

    def set(self, moment: int) -> None:
        self._base, self._since = moment, time.monotonic()
        self._changes.notify()

    def set_speed(self, speed: float) -> None:
        self.set(self.now())
        self._speed = speed

    async def sleep_until(self, moment: int) -> None:
        wait = (moment - self.now()) / 1000
        if wait > 0:
            await self._changes.wait(wait / self._speed if self._speed else None)


class ManualClock:
    """Stands still until it is set or advanced."""

    def __init__(self, start_ms: int) -> None:
        self._changes = _Changes()
        self._now = start_ms

    @property
    def speed(self) -> float:
        return 0.0

    def now(self) -> int:
        return self._now

    def set(self, moment: int) -> None:
        self._now = moment
        self._changes.notify()

    def advance(self, milliseconds: int) -> None:
        """Move on by `milliseconds`."""
        self.set(self._now + milliseconds)

    def set_speed(self, speed: float) -> None:
        """Has no effect: a manual clock has no speed."""

    async def sleep_until(self, moment: int) -> None:
        if moment > self._now:
            await self._changes.wait(None)


class DelayedClock:
    """What a clock showed `delay_ms` of market time ago: the time that the data of a delayed plan are of."""

    def __init__(self, clock: Clock, delay_ms: int) -> None:
        self._clock = clock
        self._delay_ms = delay_ms

    @property
    def speed(self) -> float:
        return self._clock.speed

    def now(self) -> int:
        return self._clock.now() - self._delay_ms

    def set(self, moment: int) -> None:
        self._clock.set(moment + self._delay_ms)

    def set_speed(self, speed: float) -> None:
        self._clock.set_speed(speed)

    async def sleep_until(self, moment: int) -> None:
        await self._clock.sleep_until(moment + self._delay_ms)
