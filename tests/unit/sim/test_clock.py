import asyncio
import datetime as dt
import time

from hypothesis import given
from hypothesis import strategies as st

from gapscan.config.sim_section import STEPPING_SPEED
from gapscan.market.sessions import MarketSession, session_by_day, session_times, trading_date
from gapscan.sim import ManualClock, MarketClock
from gapscan.sim.clock import STEP_MS, FollowingClock, limit_after


def test_a_market_clock_runs_at_its_speed() -> None:
    before = time.monotonic()
    clock = MarketClock(1_000_000, speed=1000)
    time.sleep(0.01)
    shown = clock.now() - 1_000_000
    assert 10_000 <= shown <= (time.monotonic() - before) * 1_000_000


def test_changing_the_speed_keeps_the_time() -> None:
    clock = MarketClock(5_000, speed=0)
    clock.set_speed(10)
    assert clock.now() >= 5_000
    before = time.monotonic()
    clock.set(77_000)
    clock.set_speed(0)
    stopped = clock.now()
    assert 77_000 <= stopped <= 77_000 + (time.monotonic() - before) * 10_000
    assert clock.now() == stopped


def test_a_manual_clock_stands_still() -> None:
    clock = ManualClock(100)
    assert (clock.now(), clock.speed) == (100, 0)
    clock.advance(50)
    assert clock.now() == 150


async def test_sleep_until_ends_at_its_time() -> None:
    clock = MarketClock(0, speed=1000)
    await clock.sleep_until(20_000)
    assert clock.now() >= 20_000
    await clock.sleep_until(10)  # already past


async def test_sleepers_wake_when_the_clock_is_changed() -> None:
    for clock in (ManualClock(0), MarketClock(0, speed=0)):
        sleepers = [asyncio.create_task(clock.sleep_until(1_000_000)) for _ in range(3)]
        await asyncio.sleep(0)
        clock.set(500)
        await asyncio.wait_for(asyncio.gather(*sleepers), 5)


TIMES = session_times(dt.date(2026, 3, 10))
FAST = 10_000.0  # a minute of market time in 6 ms


async def test_a_following_clock_stops_at_each_minute_until_it_is_ranked() -> None:
    clock = FollowingClock(MarketClock(TIMES.regular - 50, STEPPING_SPEED - 1))
    await asyncio.sleep(0.05)
    assert clock.now() == TIMES.regular, "the end of the minute that nobody has ranked"
    clock.ranked(TIMES.regular - 1)
    await asyncio.sleep(0.02)
    assert clock.now() == TIMES.regular, "what is ranked is of the minute before"
    clock.ranked(TIMES.regular)
    assert TIMES.regular <= clock.now() < TIMES.regular + STEP_MS, "what it stood is not made up for"


async def test_a_fast_one_goes_from_minute_to_minute() -> None:
    clock = FollowingClock(MarketClock(TIMES.regular - 30_000, FAST))
    assert clock.stepping
    assert clock.now() == TIMES.regular - STEP_MS
    for step in range(4):
        await asyncio.sleep(0.05)
        assert clock.now() == TIMES.regular + step * STEP_MS
        clock.ranked(TIMES.regular + step * STEP_MS)
        assert clock.now() == TIMES.regular + step * STEP_MS
        clock.ranked(TIMES.regular)


async def test_who_sleeps_beyond_the_minute_wakes_when_it_goes_on() -> None:
    clock = FollowingClock(MarketClock(TIMES.regular, FAST))
    sleeper = asyncio.create_task(clock.sleep_until(TIMES.regular + 2 * STEP_MS))
    await asyncio.sleep(0.05)
    assert not sleeper.done()
    clock.ranked(TIMES.regular + STEP_MS)
    await asyncio.wait_for(sleeper, 5)


async def test_what_is_asked_for_waits_for_the_end_of_the_minute() -> None:
    clock = FollowingClock(MarketClock(TIMES.regular, 60.0))
    await asyncio.wait_for(clock.step_end(), 5)
    assert clock.now() == TIMES.regular + STEP_MS
    slow = FollowingClock(MarketClock(TIMES.regular, STEPPING_SPEED - 1))
    await asyncio.wait_for(slow.step_end(), 0.5)
    assert slow.now() < TIMES.regular + STEP_MS, "a slow clock lets nobody wait"


@given(st.integers(TIMES.clear - 20 * 3_600_000, TIMES.closed + 80 * 3_600_000))
def test_a_closed_market_is_one_step(ranked: int) -> None:
    limit = limit_after(ranked)
    assert limit > ranked
    assert session_by_day(limit) is not MarketSession.CLOSED or session_by_day(limit - 1) is not MarketSession.CLOSED
    if session_by_day(ranked) is MarketSession.CLOSED:
        assert limit == session_times(trading_date(limit)).pre
    else:
        assert limit - ranked <= STEP_MS
        assert limit % STEP_MS == 0


async def test_the_speed_that_is_reached_is_that_of_the_ranker() -> None:
    clock = FollowingClock(MarketClock(TIMES.regular, FAST))
    for step in range(1, 6):
        await asyncio.sleep(0.1)
        clock.ranked(TIMES.regular + step * STEP_MS)
    assert 60 < clock.reached() < 700, "a minute in a tenth of a second"
    assert clock.speed == FAST


@given(ranked=st.integers(-5 * STEP_MS, 5 * STEP_MS), speed=st.sampled_from([1.0, STEPPING_SPEED]))
def test_what_has_not_come_cannot_be_ranked(ranked: int, speed: float) -> None:
    """A ranker of a market whose data are late takes them for those of now, until it knows."""
    clock = FollowingClock(MarketClock(TIMES.regular, speed))
    clock.ranked(TIMES.regular + ranked)
    assert clock._limit == TIMES.regular + STEP_MS
