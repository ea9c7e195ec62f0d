"""Market clocks: wall time mapped to market time, or time that only moves when it is told to."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
import time
from collections import deque
from typing import Final, Protocol

from gapscan.config.sim_section import STEP_SECONDS, STEPPING_SPEED
from gapscan.market.sessions import (
    MarketSession,
    is_trading_day,
    new_york,
    next_trading_day,
    session_at,
    session_by_day,
    session_times,
)

STEP_MS: Final = round(STEP_SECONDS * 1000)
_MARKS: Final = 32


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
            # A loop may round a time to the nearest millisecond: rounded up here, nobody wakes too early.
            await asyncio.wait((waiter,), timeout=None if seconds is None else math.ceil(seconds * 1000) / 1000)
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


class FollowingClock:
    """Runs as `clock` does, but never further than a step ahead of what is ranked: a slow set slows the market down.

    It stops at the end of each step (whole minutes, and while the market is closed the next pre-market) until that has
    been ranked; with `night`, a night is no time in which it is closed. What it stood is not made up for. A fast one is
    `stepping`: it goes from minute to minute, so that what is seen of the market is of the same moments at each speed.
    """

    def __init__(self, clock: MarketClock, *, night: bool = False) -> None:
        self._changes = _Changes()
        self._clock = clock
        self._night = night
        self._limit = limit_after(clock.now(), night=night)
        self._marks: deque[tuple[float, int]] = deque(maxlen=_MARKS)
        self._mark()

    @property
    def speed(self) -> float:
        return self._clock.speed

    def reached(self) -> float:
        """Market seconds per wall second, lately: the speed, less what the clock stood."""
        began, moment = self._marks[0]
        return (self.now() - moment) / 1000 / max(time.monotonic() - began, 1e-3)

    @property
    def stepping(self) -> bool:
        """Whether it is so fast that it goes from minute to minute."""
        return self.speed >= STEPPING_SPEED

    def now(self) -> int:
        now = min(self._clock.now(), self._limit)
        return now // STEP_MS * STEP_MS if self.stepping else now

    def set(self, moment: int) -> None:
        self._clock.set(moment)
        self._limit = limit_after(moment, night=self._night)
        self._marks.clear()
        self._mark()
        self._changes.notify()

    def set_speed(self, speed: float) -> None:
        self._clock.set(self.now())
        self._clock.set_speed(speed)

    def ranked(self, moment: int) -> None:
        """What the market showed at `moment` is ranked and published; of moments to come, it has shown nothing."""
        limit = limit_after(min(moment, self.now()), night=self._night)
        if limit <= self._limit:
            return
        if self._clock.now() > self._limit:
            self._clock.set(self._limit)
        self._limit = limit
        self._mark()
        self._changes.notify()

    def _mark(self) -> None:
        self._marks.append((time.monotonic(), self.now()))

    async def sleep_until(self, moment: int) -> None:
        if self.stepping:
            moment = -(-moment // STEP_MS) * STEP_MS
        if moment > self._limit:
            await self._changes.wait(None)
        else:
            await self._clock.sleep_until(moment)

    async def step_end(self) -> None:
        """Wait for the end of the step of a stepping clock: what is asked for then is what is ranked next."""
        while self.stepping and 0 < self._limit - self.now() <= STEP_MS:
            await self.sleep_until(self._limit)


def limit_after(ranked: int, *, night: bool = False) -> int:
    """How far a market may go whose moment `ranked` is ranked, epoch ms; with `night` it trades in the nights too."""
    if (session_at if night else session_by_day)(ranked) is not MarketSession.CLOSED:
        return ranked // STEP_MS * STEP_MS + STEP_MS
    date = new_york(ranked).date()
    if is_trading_day(date) and ranked < (begin := _begin(date, night)):
        return begin
    return _begin(next_trading_day(date), night)


def _begin(date: dt.date, night: bool) -> int:
    """When trading begins of `date`."""
    times = session_times(date)
    return times.night if night and session_at(times.night) is MarketSession.NIGHT else times.pre
