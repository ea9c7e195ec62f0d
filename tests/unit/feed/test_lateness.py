"""How late data are, and whether they come: the provider's clock, delayed plans, and silence that is no quiet."""

from __future__ import annotations

import datetime as dt
import math
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapscan.config import FeedSection
from gapscan.feed.lateness import CHANCE, LATE_MS, BarSilence, DelayJudge, ProviderClock, silence_needed
from gapscan.feed.liveness import FAILING_SECONDS, SILENT_SECONDS, TICK_SECONDS, Ticks
from gapscan.feed.probe import PATIENCE_SECONDS
from gapscan.market.sessions import session_times
from gapscan.ranker.feed_watch import SILENCE_SECONDS

TIMES = session_times(dt.date(2026, 3, 10))
NOON = TIMES.regular + 150 * 60_000
QUARTER = 15 * 60_000
SYMBOLS = 5_000
SPEEDS = st.sampled_from([0.5, 1.0, 2.0, 60.0, 2000.0, 10_000.0])


def looked(speed: float, seconds: list[float]) -> ProviderClock:
    """A clock of that speed after looks at these moments: whole seconds, as the provider says them."""
    clock = ProviderClock()
    for second in seconds:
        clock.observe(int(NOON + second * 1000 * speed) // 1000 * 1000, 1e9 + second)
    return clock


@given(SPEEDS, st.lists(st.floats(2.0, 40.0), min_size=2, max_size=20))
def test_the_speed_of_a_clock_is_learned_from_looks_at_it(speed: float, pauses: list[float]) -> None:
    seconds = [sum(pauses[:number]) for number in range(len(pauses) + 1)]
    clock = looked(speed, seconds)
    span = min(seconds[-1], sum(sorted(pauses)[-7:]))
    assert clock.known
    assert not clock.stands
    assert clock.speed == pytest.approx(speed, abs=1.5 / min(pauses), rel=0.01), span
    told = clock.now(1e9 + seconds[-1] + 5)
    assert told == pytest.approx(NOON + (seconds[-1] + 5) * 1000 * speed, abs=1_100 + 15_000 / min(pauses), rel=0)


def test_a_clock_that_runs_as_ours_does_has_exactly_that_speed() -> None:
    assert looked(1.0, [0, 0.3, 1.1, 2.7, 30.2, 61.0]).speed == 1.0
    assert looked(1.0, [0]).speed == 1.0


def test_a_clock_that_stands_and_one_that_is_set() -> None:
    clock = looked(0.0, [0, 2, 4])
    assert clock.stands
    clock.observe(NOON + 3_600_000, 1e9 + 6)
    assert not clock.stands
    assert clock.now(1e9 + 7) == pytest.approx(NOON + 3_601_000, abs=1)
    clock.observe(NOON, 1e9 + 8)  # and back again
    assert clock.now(1e9 + 8) == NOON


def test_a_clock_that_goes_in_steps_has_the_speed_of_them_together() -> None:
    clock, wall = ProviderClock(), 1e9
    for step, pause in enumerate([5.0, 5.0, 1.5, 0.2, 1.5, 0.2, 0.9, 0.9, 1.5, 0.2, 0.9]):
        wall += pause
        clock.observe(NOON + max(0, step - 1) * 60_000, wall)
        if step > 7:
            assert 30 < clock.speed < 120


def scanned(delay: int, moments: list[int], judge: DelayJudge | None = None, speed: float = 1.0) -> DelayJudge:
    judge = judge or DelayJudge()
    for at in moments:
        judge.observe_scan(at, at - delay - 700, SYMBOLS, speed)
    return judge


@given(st.integers(5 * 60_000, 60 * 60_000), st.integers(1, 120), st.integers(0, 10))
def test_a_late_plan_is_delayed_from_its_first_scan_on(delay: int, interval: int, scans: int) -> None:
    moments = [NOON + number * interval * 1000 for number in range(scans + 1)]
    assert delay <= scanned(delay, moments).behind <= delay + 700


@given(st.integers(0, 45_000), st.integers(1, 120), st.integers(0, 30), SPEEDS)
def test_data_that_are_less_than_a_minute_late_are_not(delay: int, interval: int, scans: int, speed: float) -> None:
    moments = [round(NOON + number * interval * 1000 * speed) for number in range(scans + 1)]
    assert scanned(delay, moments, speed=speed).behind == 0


@given(st.lists(st.integers(1, 600), min_size=1, max_size=60), SPEEDS)
def test_a_quiet_market_is_not_delayed(pauses: list[int], speed: float) -> None:
    """Events are rare, but each is fresh when it comes: a scan every 30 s sees it within 30 s."""
    events = [TIMES.pre + 1000 * sum(pauses[: number + 1]) for number in range(len(pauses))]
    judge, every = DelayJudge(), round(30_000 * max(1.0, speed))
    for at in range(TIMES.pre, events[-1] + 2 * every, every):
        judge.observe_scan(at, max((event for event in events if event <= at), default=0), 3, speed)
    assert judge.behind == 0


def test_one_scan_alone_says_nothing_where_nothing_need_trade() -> None:
    for at, symbols in ((NOON, 99), (TIMES.pre + 1_800_000, SYMBOLS), (TIMES.post + 1_800_000, SYMBOLS),
                        (TIMES.regular + LATE_MS, SYMBOLS)):  # fmt: skip
        judge = DelayJudge()
        judge.observe_scan(at, at - QUARTER, symbols, 1.0)
        assert judge.behind == 0, at
    judge = DelayJudge()
    judge.observe_scan(NOON, NOON - QUARTER, 100, 1.0)
    assert judge.behind == QUARTER


def test_a_body_that_does_not_move_is_no_delay() -> None:
    judge = scanned(0, [NOON, NOON + 30_000])
    for number in range(20):
        judge.observe_scan(NOON + number * 30_000, NOON, SYMBOLS, 1.0)
    assert judge.behind == 0


def test_bars_tell_at_once_and_a_plan_may_change() -> None:
    judge = DelayJudge()
    for second in range(3):
        judge.observe_bars(NOON + second * 1000, NOON + second * 1000 - QUARTER, 1.0)
    assert judge.behind == QUARTER
    for second in range(10, 12):
        judge.observe_bars(NOON + second * 1000, NOON + second * 1000 - 2_000, 1.0)
    assert judge.behind == QUARTER
    judge.observe_bars(NOON + 13_000, NOON + 11_000, 1.0)
    assert judge.behind == 0


def test_a_single_late_bar_is_no_delay() -> None:
    judge = DelayJudge()
    for second in range(100):
        late = QUARTER if second % 3 == 2 else 2_000
        judge.observe_bars(NOON + second * 1000, NOON + second * 1000 - late, 1.0)
        assert judge.behind == 0


def test_a_fast_day_is_not_late_for_the_wall_time_that_a_request_takes() -> None:
    judge = DelayJudge()
    for number in range(20):  # at 5,000 market seconds a second, 20 ms on the way are 100 s of market time
        judge.observe_bars(NOON + number * 5_000_000, NOON + number * 5_000_000 - 100_000, 5_000.0)
    assert judge.behind == 0


def heard(pattern: list[bool], silence: BarSilence | None = None) -> BarSilence:
    """After seconds with and without bars, in quarters."""
    silence = silence or BarSilence()
    silence.tick(0.25, "regular")
    for bars in pattern:
        for quarter in range(4):
            if bars and quarter == 1:
                silence.hear()
            silence.tick(0.25, "regular")
    return silence


def seconds_until_silent(silence: BarSilence, limit: int = 400) -> float:
    for quarter in range(limit):
        if silence.silent:
            return quarter / 4
        silence.tick(0.25, "regular")
    return float("inf")


@given(st.integers(10, 300), st.sampled_from([TICK_SECONDS, 2 * TICK_SECONDS]))
def test_a_steady_stream_that_stops_is_silent_in_time(seconds: int, tick: float) -> None:
    """From when it is judged at all, and by ticks that are late; after three minutes in less than three seconds."""
    silence = heard([True] * seconds)
    assert not silence.silent
    while not silence.silent:
        silence.tick(tick, "regular")
    assert silence.seconds <= 4.75
    assert silence.seconds <= 3.5 or seconds < 180


@given(st.floats(0.5, 0.999))
def test_hardly_ever_is_a_stream_as_silent_by_itself(share: float) -> None:
    """In a silence of n seconds, n - 1 seconds in a row are without bars."""
    without = math.ceil(silence_needed(share)) - 1
    assert (1 - share) ** without * share <= CHANCE
    assert CHANCE * 23_400 < 1.2, "times a trading day"


def test_what_a_dead_feed_takes_to_be_stale_is_less_than_five_seconds() -> None:
    """The ranker hears of it at once: a change of state is no matter of the clock's second."""
    silent_bars = silence_needed(180 / 181) + 2 * TICK_SECONDS
    no_answer = FeedSection().probe_interval + max(SILENT_SECONDS, PATIENCE_SECONDS) + 2 * TICK_SECONDS
    refused = FeedSection().probe_interval + FAILING_SECONDS + 2 * TICK_SECONDS
    assert max(silent_bars, no_answer, refused, SILENCE_SECONDS + 2 * TICK_SECONDS) <= 4.0


@pytest.mark.parametrize(("share", "least"), [(1.0, 2.5), (0.5, 10.0), (0.1, float("inf"))])
def test_the_rarer_bars_are_the_longer_silence_must_be(share: float, least: float) -> None:
    every = round(1 / share)
    found = seconds_until_silent(heard([second % every == 0 for second in range(120)])) + every
    assert found >= least
    assert found < 2 * least + 5 or least == float("inf")


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.6, 0.9, 0.97, 0.99])
def test_bars_that_come_by_chance_are_hardly_ever_called_silent(share: float) -> None:
    rng, silence = random.Random(7), BarSilence()
    silence.tick(0.25, "regular")
    alarms = 0
    for _ in range(6_000):
        before = silence.silent
        heard([rng.random() < share], silence)
        alarms += silence.silent and not before
    assert alarms <= 1


def test_where_no_bars_ever_came_none_are_missed() -> None:
    assert seconds_until_silent(heard([False] * 60)) == float("inf")


def test_a_few_seconds_are_too_few_to_know() -> None:
    assert seconds_until_silent(heard([True] * 9)) == float("inf")


def test_a_bell_begins_anew() -> None:
    silence = heard([True] * 60)
    for _ in range(400):
        silence.tick(0.25, "post")
        assert not silence.silent
    silence = heard([True] * 60)
    for _ in range(400):
        silence.tick(0.25, None)
        assert not silence.silent


def test_a_bar_ends_the_silence() -> None:
    silence = heard([True] * 60)
    assert seconds_until_silent(silence) < 5
    silence.hear()
    assert not silence.silent


def test_silence_is_not_part_of_what_it_is_measured_by() -> None:
    silence = heard([True] * 60)
    seconds_until_silent(silence)
    for _ in range(2_000):
        silence.tick(0.25, "regular")
        assert silence.silent


async def test_a_process_that_was_held_up_has_heard_nothing() -> None:
    ticks = Ticks()
    assert TICK_SECONDS * 0.9 < await ticks.next() <= 2 * TICK_SECONDS
    time.sleep(1.0)  # noqa: ASYNC251  # that is what is meant
    assert await ticks.next() == 2 * TICK_SECONDS


@given(
    before=st.integers(1, 20), stood=st.integers(0, 600), scans=st.booleans(), after=st.integers(1, 20),
    speed=st.sampled_from([1.0, 20.0]),
)  # fmt: skip
def test_a_market_that_stood_is_not_late(before: int, stood: int, scans: bool, after: int, speed: float) -> None:
    """A simulated market stands while it is not ranked, be it that scans fail or that they go on; so its bars do."""
    clock, judge, wall, at, end = ProviderClock(), DelayJudge(), 1e9, NOON, 0

    def look() -> None:
        clock.observe(at // 1000 * 1000, wall)

    for number in range(before + after):
        if number == before:
            for second in range(0, stood, 5):
                wall += 5.0
                if scans or second + 5 >= stood:
                    look()
        look()
        for _ in range(5):
            wall, at = wall + 1.0, at + round(1000 * speed)
            end = at - 2_000
            judge.observe_bars(clock.now(wall), end, clock.speed)
        assert judge.behind == 0
    assert abs(clock.now(wall) - at) <= 1_000 + 5_000 * abs(clock.speed - speed)
