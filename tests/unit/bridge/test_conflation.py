"""When a change is due: at once after quiet, else at the rate."""

from __future__ import annotations

import random

from gapscan.bridge.conflation import Conflation


def test_the_first_change_after_quiet_is_due_at_once() -> None:
    conflation = Conflation(0.1)
    for now in (5.0, 6.0, 7.05):
        conflation.changed("a", now)
        assert conflation.next_due() == now
        assert conflation.pop_due(now) == ["a"]
        assert conflation.next_due() is None


def test_a_steady_publisher_is_never_held_back() -> None:
    """The publisher's limit and this one must not add up, whatever the clocks and the scheduler do."""
    dice, conflation, waits = random.Random(3), Conflation(0.1), []
    for number in range(1000):
        came = number * 0.1 + dice.uniform(0, 0.03)
        conflation.changed("a", came)
        due = conflation.next_due()
        assert due is not None
        waits.append(due - came)
        assert conflation.pop_due(due + dice.uniform(0, 0.02)) == ["a"]
    assert max(waits) == 0


def test_a_hasty_publisher_is_held_to_the_rate() -> None:
    conflation, sent = Conflation(0.1), 0
    for number in range(10_000):
        conflation.changed("a", number / 1000)
        sent += len(conflation.pop_due(number / 1000))
    assert 100 <= sent <= 113


def test_keys_are_apart_and_in_the_order_of_their_times() -> None:
    conflation = Conflation(0.1)
    for now in (1.0, 1.0, 1.0):
        conflation.changed("a", now)
        conflation.pop_due(now)
    conflation.changed("a", 1.0)
    conflation.changed("b", 1.01)
    assert conflation.pop_due(1.01) == ["b"]
    assert conflation.pop_due(2.0) == ["a"]
    conflation.changed("a", 2.0)
    conflation.forget("a")
    assert conflation.next_due() is None
