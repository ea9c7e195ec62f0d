"""No more requests than are allowed, whoever asks and whenever."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapscan.polygon.pace import Pace


@given(st.lists(st.floats(0, 2), max_size=200), st.floats(0.5, 50))
def test_never_faster_than_the_rate(pauses, rate):
    pace, now, went = Pace(rate), 0.0, []
    for pause in pauses:
        now += pause
        wait = pace.take(now)
        assert 0 <= wait <= 1 / rate + 1e-9
        if wait == 0:
            went.append(now)
    assert all(later - earlier >= 1 / rate - 1e-9 for earlier, later in itertools.pairwise(went))


@given(st.floats(0.5, 50))
def test_who_waits_as_told_goes_at_the_full_rate(rate):
    pace, now = Pace(rate), 10.0
    for _ in range(20):
        while wait := pace.take(now):
            now += wait
    assert now - 10 == pytest.approx(19 / rate)


def test_a_pause_saves_nothing_up():
    pace = Pace(1)
    assert pace.take(0) == 0
    assert pace.take(100) == 0
    assert pace.take(100) == 1


def test_held_up():
    pace = Pace(10)
    pace.hold(5, 2)
    assert pace.take(6) == 1
    pace.hold(6, 0.1)  # a shorter one does not shorten it
    assert pace.take(6.5) == 0.5
    assert pace.take(7) == 0


def test_a_rate_of_nothing():
    assert Pace(0).take(0) == math.inf
