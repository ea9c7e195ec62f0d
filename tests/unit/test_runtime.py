"""Waits between tries grow to their limit and stay there; no more goes than is allowed, whoever asks and whenever."""

from __future__ import annotations

import asyncio
import itertools
import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapscan.runtime import Backoff, TokenBucket, end, run_together

RATES = st.floats(0.5, 50)
BURSTS = st.integers(1, 40)


def test_waits_double_up_to_the_limit() -> None:
    backoff = Backoff(0.1, 2.0)
    for step in (0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0):
        assert step / 2 <= backoff.next() <= step
    backoff.reset()
    assert backoff.next() <= 0.1


def test_a_first_step_above_the_limit() -> None:
    assert Backoff(5.0, 2.0).next() <= 2.0


def test_away_for_a_day() -> None:
    """A try every two seconds for a day: more doublings than a float can hold."""
    backoff = Backoff(0.1, 2.0)
    for _ in range(43_200):
        last = backoff.next()
    assert 1.0 <= last <= 2.0


@given(st.lists(st.floats(0, 2), max_size=200), RATES, BURSTS)
def test_never_more_than_a_burst_and_the_rate(pauses: list[float], rate: float, burst: int) -> None:
    bucket, now, went = TokenBucket(rate, burst), 0.0, []
    for pause in pauses:
        now += pause
        wait = bucket.acquire(now)
        assert 0 <= wait <= 1 / rate + 1e-9
        if wait == 0:
            went.append(now)
    for first, last in itertools.combinations(range(len(went)), 2):
        assert last - first + 1 <= burst + (went[last] - went[first]) * rate + 1e-6


@given(RATES, BURSTS, st.floats(0, 1e6))
def test_who_waits_as_said_goes_at_the_full_rate(rate: float, burst: int, begin: float) -> None:
    bucket, now = TokenBucket(rate, burst), begin
    for _ in range(burst + 19):
        while wait := bucket.acquire(now):
            now += wait
    assert now - begin == pytest.approx(19 / rate, abs=1e-6)


@given(RATES, BURSTS)
def test_a_burst_goes_at_once_and_fills_up_again(rate: float, burst: int) -> None:
    bucket = TokenBucket(rate, burst)
    for now in (0.0, 1000.0):
        assert [bucket.acquire(now) == 0 for _ in range(burst + 1)] == [True] * burst + [False]


def test_a_burst_of_one_saves_nothing_up() -> None:
    bucket = TokenBucket(1)
    assert bucket.acquire(0) == 0
    assert bucket.acquire(100) == 0
    assert bucket.acquire(100) == 1


@pytest.mark.parametrize("burst", [1, 5])
def test_held_up(burst: int) -> None:
    bucket = TokenBucket(10, burst)
    bucket.hold(5, 2)
    assert bucket.acquire(6) == pytest.approx(1)
    bucket.hold(6, 0.1)  # a shorter one does not shorten it
    assert bucket.acquire(6.5) == pytest.approx(0.5)
    assert bucket.acquire(7) == 0
    assert bucket.acquire(7) == pytest.approx(0.1), "nothing was saved up meanwhile"


@pytest.mark.parametrize("burst", [1, 5])
def test_a_rate_of_nothing(burst: int) -> None:
    bucket = TokenBucket(0, burst)
    bucket.hold(0, 1)
    assert bucket.acquire(0) == math.inf


async def fails() -> None:
    raise OSError("lost")


class Slow:
    """A job that takes its time to end."""

    def __init__(self) -> None:
        self.ending, self.may_end = asyncio.Event(), asyncio.Event()
        self.ended = False

    async def run(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.ending.set()
            await self.may_end.wait()
            self.ended = True


async def test_jobs_end_with_the_first_and_its_failure_is_raised() -> None:
    slow = Slow()
    slow.may_end.set()
    with pytest.raises(OSError, match="lost"):
        await run_together(slow.run(), fails())
    assert slow.ended


async def test_a_cancel_while_a_failed_jobs_companions_end_is_not_lost() -> None:
    slow = Slow()

    async def for_ever() -> None:
        while True:
            with suppress(OSError):
                await run_together(slow.run(), fails())

    task = asyncio.create_task(for_ever())
    await slow.ending.wait()
    task.cancel()
    await asyncio.sleep(0)
    slow.may_end.set()
    await asyncio.wait((task,), timeout=10)
    assert task.cancelled()


async def test_whoever_is_cancelled_while_ending_tasks_leaves_none_behind() -> None:
    slow = Slow()
    task = asyncio.create_task(slow.run())
    await asyncio.sleep(0)
    ending = asyncio.create_task(end(task))
    await slow.ending.wait()
    ending.cancel()
    await asyncio.sleep(0)
    assert not ending.done()
    slow.may_end.set()
    await asyncio.wait((ending,), timeout=10)
    assert ending.cancelled()
    assert task.done()
