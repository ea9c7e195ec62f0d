from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gapscan.sim.names import PREFIXES, invent_listings


@pytest.fixture(scope="module")
def listings() -> Any:
    return invent_listings(np.random.default_rng(1), 11_000)


def test_sorted_and_distinct(listings: Any) -> None:
    symbols = [listing.symbol for listing in listings]
    assert len(set(symbols)) == 11_000
    assert symbols == sorted(symbols)


def test_kinds(listings: Any) -> None:
    types = {listing.type for listing in listings}
    assert types == {"CS", "ADRC", "ETF", "PFD", "WARRANT", "UNIT", "FUND"}
    assert sum(listing.type == "CS" for listing in listings) == pytest.approx(5500, rel=0.05)
    assert {listing.exchange for listing in listings if not listing.otc} == {"XNAS", "XNYS", "XASE", "ARCX", "BATS"}


def test_oddities(listings: Any) -> None:
    symbols = {listing.symbol for listing in listings}
    preferred = [symbol for symbol in symbols if "p" in symbol]
    assert preferred
    assert any(symbol.endswith(".A") for symbol in symbols)
    assert any(symbol.endswith(".WS") for symbol in symbols)
    assert sum(listing.name.endswith("Test Stock") for listing in listings) == 4
    assert any(listing.otc for listing in listings)


@pytest.mark.realdata
def test_no_real_ticker(real_days: Path, listings: Any) -> None:
    with gzip.open(real_days / "us_listed_reference_20260512.csv.gz", "rt") as file:
        real = {row["symbol"] for row in csv.DictReader(file)}
    assert not real & {listing.symbol for listing in listings}
    assert not [symbol for symbol in real if symbol[:2] in PREFIXES]
