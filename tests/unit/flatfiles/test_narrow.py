"""What is kept in four bytes a number comes back as it was; what does not fit is known before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapscan.flatfiles.narrow import fits, narrowed, widened

MINUTE = 60_000_000_000


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("open", [0.0001, 10.1, 199_999.99], [0.00005, 300_000.0, 0.1 + 0.2]),
        ("volume", [0.0, 5.0, 2_147_483_647.0], [0.5, 2_147_483_648.0]),
        ("window_start", [0, 28_186_000 * MINUTE], [1, 28_186_000 * MINUTE + 1, -1]),
        ("transactions", [0, 7], [2**31, 2**40]),
    ],
)
def test_which_numbers_fit(name: str, good: list[float], bad: list[float]) -> None:
    assert fits(name, np.array(good))
    for number in bad:
        assert not fits(name, np.array([*good, number])), number


@given(
    name=st.sampled_from(["high", "volume"]),
    numbers=st.lists(st.floats(0, 1e9) | st.integers(0, 10**8).map(lambda n: n / 10_000)),
)
def test_what_fits_comes_back_exactly(name: str, numbers: list[float]) -> None:
    values = np.array(numbers)
    if fits(name, values):
        assert widened(name, narrowed(name, values)).tolist() == numbers
