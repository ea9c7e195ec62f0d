"""Figures as the report shows them."""

from __future__ import annotations

import pytest

from gapscan.backtesting.report import interval, percent


@pytest.mark.parametrize(
    ("value", "shown"), [(None, ""), (-0.004, "+0.00"), (0.0, "+0.00"), (-0.005, "-0.01"), (12.346, "+12.35")]
)
def test_returns_have_a_sign_and_no_minus_zero(value: float | None, shown: str) -> None:
    assert percent(value) == shown


def test_intervals() -> None:
    assert interval(None) == ""
    assert interval((-0.001, 1.5)) == "+0.00 .. +1.50"
