"""What Polygon writes of splits and dividends, as the feed takes it."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapscan.polygon.corporate_actions import DividendRow, SplitRow, dividends_of, splits_of
from gapscan.provider import Dividend, Split

DAY = dt.date(2026, 11, 20)
few = st.integers(1, 100)


def row(old: float | None, new: float | None, kind: str | None = None, symbol: str = "A") -> SplitRow:
    return SplitRow(symbol, DAY, old, new, kind)


@given(few, few)
def test_a_few_shares_for_a_few_are_a_split(old: int, new: int) -> None:
    found = splits_of([row(old, new)])
    assert found == ([Split("A", DAY, new / old)] if old != new else [])


@pytest.mark.parametrize(("old", "new"), [(1000, 1281), (1000, 1253), (1000, 1196), (1000, 1046), (1, 1.281)])
def test_a_crooked_ratio_stands_for_a_spin_off(old: float, new: float) -> None:
    assert splits_of([row(old, new)]) == [Split("A", DAY, new / old, spin_off=True)]


@pytest.mark.parametrize(("old", "new"), [(1000, 1), (1281, 1000), (100, 103), (1, 1.05), (3, 1)])
def test_other_ratios_do_not(old: float, new: float) -> None:
    assert splits_of([row(old, new)]) == [Split("A", DAY, new / old)]


def test_a_spin_off_by_name() -> None:
    assert splits_of([row(4, 5, "Spin_Off")]) == [Split("A", DAY, 1.25, spin_off=True)]


@pytest.mark.parametrize(("old", "new"), [(0, 2), (2, 0), (None, 2), (-1, 2)])
def test_a_split_of_nothing_has_no_ratio(old: float | None, new: float | None) -> None:
    assert splits_of([row(old, new)]) == [Split("A", DAY, None)]


def test_one_that_is_told_twice() -> None:
    rows = [row(1, 4), row(1, 4), row(15, 1, symbol="B"), row(3, 1, symbol="B"), row(1, 1, symbol="B")]
    assert splits_of(rows) == [Split("A", DAY, 4.0), Split("B", DAY, None)]


def test_dividends() -> None:
    rows = [
        DividendRow("A", DAY, 0.5, "USD", "recurring"),
        DividendRow("B", DAY, 0.5, None),
        DividendRow("C", DAY, 50.0, "JPY"),
        DividendRow("D", DAY, 0.0, "USD"),
        DividendRow("E", DAY, None, "usd", "spin-off"),
    ]
    assert dividends_of(rows) == [
        Dividend("A", DAY, 0.5),
        Dividend("B", DAY, 0.5),
        Dividend("C", DAY, None),
        Dividend("D", DAY, None),
        Dividend("E", DAY, None, spin_off=True),
    ]
