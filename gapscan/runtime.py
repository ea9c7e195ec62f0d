"""How a process of gapscan lives: event loop, signals, one task group, an end on request."""

from __future__ import annotations

import asyncio
import gc
import math
import os
import random
import signal
import sys
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final, TypeVar

T = TypeVar("T")

_CANCEL_AGAIN: Final = 0.2  # seconds
_COLLECTOR: Final = (20_000, 20, 50)
_ROUNDING: Final = 1e-9  # seconds, by which sums of floats may be off
_LOOK_SECONDS: Final = 0.25  # between two looks at what a process uses
_MEMORY_SECONDS: Final = 1.0  # over which what it uses is averaged
# By which power of used/allowed an interval changes at each look. With the two above, the interval settles within
# seconds, and hardly overshoots (a damping ratio of one half).
_GAIN: Final = 0.25
_SHORTEST_SECONDS: Final = 0.01

# Set by a supervisor that holds the other end of this process's stdin: its end means that the supervisor died.
SUPERVISED_VARIABLE: Final = "GAPSCAN_SUPERVISED"


def run(main: Callable[[asyncio.Event], Coroutine[Any, Any, T]]) -> T:
    """Run `main` to its end. It gets an event that is set when the process is asked to stop."""
    calm_collector()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_with_signals(main))


def calm_collector() -> None:
    """Look for reference cycles rarely: rows and messages are many and make none, and each look goes over them all."""
    gc.freeze()
    gc.set_threshold(*_COLLECTOR)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """What makes the event loop of a process: uvloop's where there is one."""
    try:
        import uvloop
    except ImportError:  # Windows
        return asyncio.new_event_loop
    return uvloop.new_event_loop


async def _with_signals(main: Callable[[asyncio.Event], Coroutine[Any, Any, T]]) -> T:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # the terminal is closed, and it is not under nohup
        loop.add_signal_handler(signal.SIGHUP, stop.set)
    if os.environ.get(SUPERVISED_VARIABLE):
        await loop.connect_read_pipe(lambda: _Leash(stop), sys.stdin)
    return await main(stop)


class _Leash(asyncio.Protocol):
    """Stops the process when its supervisor is gone."""

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop

    def eof_received(self) -> None:
        self._stop.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop.set()


async def until_stopped(stop: asyncio.Event, *jobs: Coroutine[Any, Any, None]) -> None:
    """Run `jobs` together until `stop` is set, then cancel them. The failure of one ends all and is raised."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(job) for job in jobs]
        await stop.wait()
        await end(*tasks)


async def side_by_side(jobs: Iterable[Coroutine[Any, Any, None]], at_once: int = 8) -> None:
    """Run all jobs to their end, a few at a time, whatever fails; then raise what failed first."""
    room = asyncio.Semaphore(at_once)

    async def one(job: Coroutine[Any, Any, None]) -> None:
        async with room:
            await job

    ended = await asyncio.gather(*map(one, jobs), return_exceptions=True)
    if failures := [error for error in ended if error is not None]:
        raise failures[0]


async def run_together(*jobs: Coroutine[Any, Any, None]) -> None:
    """Run `jobs` until the first of them ends, and end the others. Raises what that one raised; of several, the first.

    In place of a task group where its failure is handled: up to Python 3.12 a group that is cancelled from outside
    while it waits for the children of one that failed raises the failure alone, and the cancel is lost.
    """
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        try:
            await end(*tasks)
        finally:
            failures = {task: error for task in tasks if not task.cancelled() and (error := task.exception())}
    for task, error in failures.items():
        if task in ended:
            raise error


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel `tasks` and wait until they are gone; their results and errors are left with them.

    One cancel is not always enough: up to Python 3.11 `asyncio.wait_for`, which libraries use, swallows a cancel that
    arrives together with what it waits for. Who is cancelled meanwhile still leaves none of them behind.
    """
    cancelled: asyncio.CancelledError | None = None
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        try:
            await asyncio.wait(pending, timeout=_CANCEL_AGAIN)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


class Backoff:
    """Growing waits with jitter: up to `first`, twice that, ... never above `limit` seconds."""

    def __init__(self, first: float, limit: float) -> None:
        self._first, self._limit = first, limit
        self._step = min(first, limit)

    def next(self) -> float:
        """How long to wait now: at least half of the present step, so that a crowd spreads out."""
        step, self._step = self._step, min(self._limit, self._step * 2.0)
        return step * random.uniform(0.5, 1.0)  # not a secret

    def reset(self) -> None:
        """Begin with the first step again."""
        self._step = min(self._first, self._limit)


class TokenBucket:
    """Lets `rate` actions a second go, up to `burst` of them (1 at least) at once; none at a rate of 0.

    It begins full. Pure: `now` is seconds of any clock that does not go back. Kept as the time at which the bucket
    will be full again, which needs no filling up (the generic cell rate algorithm of ATM networks, ITU-T I.371).
    """

    __slots__ = ("_ahead", "_full_at", "_step")

    def __init__(self, rate: float, burst: float = 1.0) -> None:
        self._step = 1 / rate if rate > 0 else math.inf
        self._ahead = (burst - 1) * self._step if rate > 0 else 0.0
        self._full_at = -math.inf if rate > 0 else math.inf

    def acquire(self, now: float) -> float:
        """Use a token up; 0, or the seconds after which to try again."""
        wait = self.wait(now)
        if not wait:
            self.spend(now, 1)
        return wait

    def wait(self, now: float) -> float:
        """Seconds until there is a token; 0 while there is one."""
        wait = self._full_at - self._ahead - now
        return wait if wait > _ROUNDING else 0.0

    def spend(self, now: float, tokens: float) -> None:
        """Use up so many, more than there are if need be: what something costs is often known only when it is done."""
        self._full_at = max(self._full_at, now) + tokens * self._step

    def hold(self, now: float, seconds: float) -> None:
        """Let nothing go for so long, and save nothing up meanwhile."""
        self._full_at = max(self._full_at, now + seconds + self._ahead)


class AdaptiveInterval:
    """The seconds between two rounds of work: as few as a share of a core allows, from 10 ms up to `longest`.

    It begins with `longest`. A round's cost need not be known: what the whole process used of a core lately is held
    against `budget` (0 to 1), and the interval grows or shrinks by it. A process that does little else but wait so
    works often; one that has more to do in each round, or beside them, works less often. Pure.
    """

    def __init__(self, longest: float, budget: float) -> None:
        self.seconds = longest
        self.used = 0.0  # of a core, lately
        self._shortest, self._longest, self._budget = min(_SHORTEST_SECONDS, longest), longest, budget
        self._seen: tuple[float, float] | None = None

    def observe(self, now: float, cpu: float) -> None:
        """After a round: `now` is of any clock that does not go back, `cpu` all seconds that the process has used."""
        if self._seen is None:
            self._seen = now, cpu
            return
        passed = now - self._seen[0]
        if passed < _LOOK_SECONDS:
            return
        used = (cpu - self._seen[1]) / passed
        self._seen = now, cpu
        self.used += (used - self.used) * -math.expm1(-passed / _MEMORY_SECONDS)
        change = (self.used / self._budget) ** _GAIN
        self.seconds = min(max(self.seconds * change, self._shortest), self._longest)
