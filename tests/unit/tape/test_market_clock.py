"""Up to which market time a recorder has read: of lists that move, rest, are removed, and of another day."""

from __future__ import annotations

import pytest

from gapscan.lists.state import Copy
from gapscan.protocol.messages import Heartbeat
from gapscan.tape.market_clock import REST_SECONDS, MarketClock

DAY = 86_400_000
NOON = 1_795_798_800_000


def beat(name: str, as_of: int, sequence: int = 5) -> Heartbeat:
    return Heartbeat(name, "e", sequence, as_of, "live", simulated=True)


def copy(as_of: int, sequence: int = 5) -> Copy:
    made = Copy()
    made.epoch, made.sequence, made.as_of = "e", sequence, as_of
    return made


@pytest.fixture
def clock() -> MarketClock:
    return MarketClock()


def test_it_is_the_newest_delta_of_all_lists(clock: MarketClock) -> None:
    for name in ("winners", "halted", "losers"):
        clock.observe(beat(name, NOON + 900))
    clock.move({"winners": copy(NOON), "halted": copy(NOON - DAY), "losers": copy(NOON + 300)}, 0.0)
    assert clock.time == NOON + 300


def test_a_list_counts_no_further_than_it_was_heard(clock: MarketClock) -> None:
    clock.observe(beat("winners", NOON))
    clock.move({"winners": copy(NOON + 4000, sequence=9), "gone": copy(NOON + DAY)}, 0.0)
    assert clock.time == NOON


def test_where_no_list_changes_heartbeats_tell_the_time(clock: MarketClock) -> None:
    for second in (0.0, REST_SECONDS, REST_SECONDS + 1):
        assert clock.time == (NOON if second else 0)
        clock.observe(beat("winners", NOON + 500))
        clock.move({"winners": copy(NOON)}, second)
    assert clock.time == NOON + 500


def test_of_another_day_only_those_count_that_are_heard_in_it(clock: MarketClock) -> None:
    tapes = {"winners": copy(NOON), "halted": copy(NOON - 60), "gone": copy(NOON)}
    for name in tapes:
        clock.observe(beat(name, NOON))
    clock.move(tapes, 0.0)
    early = NOON - DAY
    clock.go_back(NOON, early)
    assert clock.time == early
    tapes["winners"] = copy(early, sequence=6)
    clock.observe(beat("halted", NOON + 10))  # sent before
    clock.move(tapes, 1.0)
    assert clock.time == 0
    for name in ("winners", "halted"):
        clock.observe(beat(name, early + 1000, sequence=6))
    assert clock.is_of_another_day(beat("halted", early + 1000))
    clock.move(tapes, 2.0)
    assert clock.time == early, "the list that rests has the time of the other day"


def test_the_other_day_is_over_when_this_one_has_come_as_far(clock: MarketClock) -> None:
    clock.observe(beat("winners", NOON))
    clock.go_back(NOON, NOON - DAY)
    clock.observe(beat("winners", NOON - 30_000))
    clock.move({"winners": copy(NOON - 30_000)}, 0.0)
    assert not clock.is_of_another_day(beat("winners", NOON - 30_000))
    clock.observe(beat("winners", NOON + 5000))
    clock.move({"winners": copy(NOON + 5000)}, 1.0)
    assert clock.time == NOON + 5000
