import asyncio
import time

from gapscan.sim import ManualClock, MarketClock


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
