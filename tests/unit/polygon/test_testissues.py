"""Test issues are known by symbol and by name, and no real listing is taken for one."""

from __future__ import annotations

import csv
import gzip

import pytest

from gapscan.polygon.bodies import ListedTicker
from gapscan.polygon.provider import listing_of
from gapscan.polygon.testissues import is_test_issue
from tests.support.realdata import real_data


@pytest.fixture(scope="module")
def directory() -> list[dict[str, str]]:
    """The listings of the public symbol directory, each with its flag."""
    with gzip.open(real_data() / "us_listed_reference_20260512.csv.gz", "rt") as file:
        return list(csv.DictReader(file))


@pytest.mark.realdata
def test_all_of_the_directory_and_no_others(directory: list[dict[str, str]]) -> None:
    flagged = {row["symbol"] for row in directory if row["test_issue"] == "Y"}
    assert len(flagged) > 30
    assert {row["symbol"] for row in directory if is_test_issue(row["symbol"], row["name"])} == flagged


@pytest.mark.realdata
def test_each_way_of_knowing_suffices(directory: list[dict[str, str]]) -> None:
    """The name is the provider's, and a new test issue has no published symbol yet."""
    flagged = [row for row in directory if row["test_issue"] == "Y"]
    assert [row["symbol"] for row in flagged if not is_test_issue(row["symbol"], None)] == []
    assert [row["name"] for row in flagged if not is_test_issue("AAPL", row["name"])] == []


@pytest.mark.parametrize(
    "symbol", ["ZVZZT", "ZXYZ.A", "ZIEXT", "ZXIET", "ZBZX", "ATEST", "PTEST", "NTEST.A", "CTEST.E"]
)
def test_published_symbols(symbol: str) -> None:
    assert listing_of(ListedTicker(symbol, type="CS")).test


@pytest.mark.parametrize(
    ("symbol", "name"),
    [("AEHR", "Aehr Test Systems - Common Stock"), ("CBOE", "Cboe Global Markets, Inc."), ("TEST", "Testa Corp.")],
)
def test_real_ones(symbol: str, name: str) -> None:
    assert not listing_of(ListedTicker(symbol, name, "CS")).test
