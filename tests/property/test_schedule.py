"""Turns of the lists: never too often, never put off for long, and apart from one another while changes keep coming."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gapscan.ranking.schedule import GROUPS, LATE, PUT_OFF, Schedule

INTERVAL = 0.1
EVERYONE = set(range(GROUPS))


def follow(turns: Schedule, moments: list[float]) -> dict[int, list[float]]:
    """When each group had its turns, if something changes all the time and somebody looks at these moments."""
    had: dict[int, list[float]] = {group: [] for group in EVERYONE}
    for now in moments:
        due = turns.due(now)
        for group in due:
            had[group].append(now)
        turns.mark_ranked(due, now)
    return had


moments = st.lists(st.floats(0.0, 0.3), min_size=1, max_size=200).map(
    lambda steps: [sum(steps[:at], 100.0) for at in range(len(steps))]
)


@given(moments)
def test_at_most_one_turn_an_interval(times: list[float]) -> None:
    """Over any stretch of time; but for one that came late, after which the next comes when it would have."""
    for turns in follow(Schedule(INTERVAL), times).values():
        assert turns[0] == times[0], "the first change is ranked at once"
        for number, turn in enumerate(turns):
            assert all(
                later - turn >= (number_later - number - LATE * 1.001) * INTERVAL
                for number_later, later in enumerate(turns[number + 1 :], number + 1)
            )


@given(moments)
def test_no_turn_is_put_off_for_long(times: list[float]) -> None:
    """Whoever looks when an interval and a little have passed finds a turn due."""
    for turns in follow(Schedule(INTERVAL), times).values():
        for earlier, later in pairwise(turns):
            passed_over = [now for now in times if earlier < now < later]
            assert all(now - earlier <= INTERVAL * (1 + PUT_OFF) * 1.001 for now in passed_over)


@given(moments, st.floats(INTERVAL * 1.2, 10.0))
def test_after_a_quiet_while_all_have_their_turn_at_once(times: list[float], pause: float) -> None:
    turns = Schedule(INTERVAL)
    follow(turns, times)
    assert turns.due(times[-1] + pause) == EVERYONE


@given(st.floats(0.0, 1e6), st.floats(0.0, 0.002))
def test_turns_part_while_changes_keep_coming(start: float, delay: float) -> None:
    """`delay` is by how much every look is late."""
    turns, now = Schedule(INTERVAL), start
    recent: list[tuple[float, int]] = []
    for _ in range(20 * GROUPS):
        due = turns.due(now)
        recent += [(now, group) for group in due]
        turns.mark_ranked(due, now)
        now = turns.next_of(EVERYONE) + delay
    spread = [later - earlier for (earlier, _), (later, _) in pairwise(recent[-2 * GROUPS :])]
    assert min(spread) >= INTERVAL / GROUPS * 0.8
