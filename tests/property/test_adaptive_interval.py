"""How often a process works: as its budget allows, whatever a round costs and whatever else it does."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from gapscan.runtime import AdaptiveInterval

LONGEST = 0.25
SHORTEST = 0.01
budgets = st.floats(0.05, 0.5)
costs = st.floats(0.0001, 0.02)  # CPU seconds of a round
others = st.floats(0.0, 0.6)  # of a core, for all else


def rounds(
    pace: AdaptiveInterval, cost: float, other: float, start: float, seconds: float, cpu: float = 0.0
) -> Iterator[float]:
    """The intervals of a process that works for so long without a pause; it has used `cpu` seconds before."""
    now = start
    while now < start + seconds:
        pace.observe(now, cpu)
        yield pace.seconds
        now += pace.seconds
        cpu += cost + other * pace.seconds


@given(budgets, costs, others, st.floats(0.0, 1e6))
def test_the_budget_is_used_wherever_the_bounds_allow(budget: float, cost: float, other: float, start: float) -> None:
    late = list(rounds(AdaptiveInterval(LONGEST, budget), cost, other, start, 40.0))[-1]
    used = cost / late + other

    assert used < budget * 1.1 or late == LONGEST
    assert used > budget * 0.9 or late == SHORTEST


@given(budgets, st.lists(st.tuples(costs, others, st.floats(0.1, 5.0)), max_size=8))
def test_the_interval_stays_within_its_bounds(budget: float, phases: list[tuple[float, float, float]]) -> None:
    pace, start = AdaptiveInterval(LONGEST, budget), 0.0
    for cost, other, seconds in phases:
        phase = rounds(pace, cost, other, start, seconds, cpu=3 * start)  # a phase uses less than three cores
        assert all(SHORTEST <= interval <= LONGEST for interval in phase)
        start += seconds + LONGEST


@given(budgets, costs)
def test_what_was_used_is_forgotten_in_a_quiet_while(budget: float, cost: float) -> None:
    pace = AdaptiveInterval(LONGEST, budget)
    pace.observe(0.0, 0.0)
    pace.observe(1.0, 1.0)  # a whole core
    busy = pace.seconds

    pace.observe(31.0, 1.0 + cost)

    assert pace.seconds < busy
    assert pace.used < 0.01


def test_an_upper_bound_below_the_lower_one_is_both() -> None:
    pace = AdaptiveInterval(0.005, 0.5)
    assert set(rounds(pace, 0.001, 0.0, 0.0, 2.0)) == {0.005}
