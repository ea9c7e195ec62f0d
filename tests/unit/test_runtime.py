"""Waits between tries grow to their limit and stay there, however long something is away."""

from __future__ import annotations

from gapscan.runtime import Backoff


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
