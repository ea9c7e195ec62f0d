"""The unit of a time is told by its magnitude."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gapscan.polygon.times import milliseconds, milliseconds_of

DAY = 86_400_000
moments = st.integers(4 * 365 * DAY, 130 * 365 * DAY)  # of 1974 to 2099, epoch ms


@given(moments, st.integers(0, 999), st.integers(0, 999))
def test_one_moment_in_three_units(ms: int, us: int, ns: int) -> None:
    assert milliseconds(ms) == milliseconds(ms * 1000 + us) == milliseconds((ms * 1000 + us) * 1000 + ns) == ms


@given(st.lists(moments.flatmap(lambda ms: st.sampled_from([ms, ms * 1000, ms * 1_000_000]))))
def test_a_column_is_read_as_each_of_its_times(times: list[int]) -> None:
    assert milliseconds_of(np.array(times, np.int64)).tolist() == [milliseconds(time) for time in times]


def test_what_is_no_time() -> None:
    assert [milliseconds(time) for time in (0, -1, 5)] == [0, -1, 5]
    assert milliseconds_of(np.array([0], np.int64)).tolist() == [0]
