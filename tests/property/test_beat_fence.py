"""A zombie's heartbeats among the leader's change nothing; several in a row that nobody contradicts are believed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gapscan.client.beat_fence import IN_A_ROW, BeatFence
from gapscan.lists.state import Copy
from gapscan.protocol.messages import Heartbeat
from gapscan.protocol.values import WireState

BEHIND = st.lists(st.tuples(st.booleans(), st.integers(1, 9), st.integers(0, 9999)), max_size=IN_A_ROW - 1)
STEPS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5000), BEHIND), min_size=1, max_size=40)


def beat(sequence: int, as_of: int, state: WireState = "live", epoch: str = "e") -> Heartbeat:
    return Heartbeat("movers", epoch, sequence, as_of, state, False)


def copy_at(sequence: int, as_of: int) -> Copy:
    copy = Copy()
    copy.epoch, copy.sequence, copy.as_of = "e", sequence, as_of
    return copy


@given(STEPS)
def test_nothing_goes_back_for_a_zombie(steps: list[tuple[int, int, list[tuple[bool, int, int]]]]) -> None:
    """It is behind in sequence, whatever its time, or in time; the leader is heard between any two or three of them."""
    fence, sequence, as_of = BeatFence(), 0, 0
    for deltas, time, of_zombie in steps:
        sequence, as_of = sequence + deltas, as_of + time
        copy = copy_at(sequence, as_of)
        assert fence.admits(beat(sequence, as_of), copy)
        for in_time, behind, ahead in of_zombie:
            late = beat(sequence, as_of - behind) if in_time else beat(sequence - behind, as_of + ahead)
            assert not fence.admits(late, copy)
            assert fence.as_of == as_of


@given(st.integers(1, 1000), st.integers(1, 1000), st.integers(0, 1000))
def test_what_nobody_contradicts_is_believed(sequence: int, behind: int, as_of: int) -> None:
    fence, copy = BeatFence(), copy_at(sequence, as_of)
    verdicts = [fence.admits(beat(sequence - behind, as_of + at), copy) for at in range(IN_A_ROW)]
    assert verdicts == [False] * (IN_A_ROW - 1) + [True]


def test_a_leader_without_data_yet_takes_no_market_time_back() -> None:
    fence, copy = BeatFence(), copy_at(5, 900)
    assert fence.admits(beat(5, 1000), copy)
    assert [fence.admits(beat(5, 900, "stale"), copy) for _ in range(IN_A_ROW)][-1]
    assert fence.as_of == 1000


def test_another_epoch_has_a_time_of_its_own() -> None:
    fence = BeatFence()
    assert fence.admits(beat(5, 1000), copy_at(5, 900))
    other = copy_at(0, 0)
    other.epoch = "f"
    assert fence.admits(beat(0, 10, epoch="f"), other)
    assert fence.as_of == 10
