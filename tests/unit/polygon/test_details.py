"""SIC codes to sectors, and the provider's answers to a detail."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest

from gapscan.polygon.details import FloatBody, FloatRow, OverviewBody, TickerOverview, details_of, sector_of
from gapscan.provider import CompanyDetails


@pytest.mark.parametrize(
    ("code", "sector"),
    [
        ("0100", "Agriculture"),
        ("1000", "Mining"),
        ("1040", "Mining"),
        ("1311", "Energy"),
        ("1400", "Mining"),
        ("1531", "Construction"),
        ("2000", "Manufacturing"),
        ("2834", "Health Care"),
        ("2911", "Energy"),
        ("3571", "Technology"),
        ("3674", "Technology"),
        ("3711", "Manufacturing"),
        ("3841", "Health Care"),
        ("4412", "Transport"),
        ("4813", "Communications"),
        ("4911", "Utilities"),
        ("5047", "Wholesale"),
        ("5311", "Retail"),
        ("6022", "Finance"),
        ("6500", "Real Estate"),
        ("6770", "Finance"),
        ("6798", "Real Estate"),
        ("7011", "Services"),
        ("7372", "Technology"),
        ("8071", "Health Care"),
        ("8742", "Services"),
        ("9721", "Government"),
        (3571, "Technology"),
        ("0", None),
        ("9995", None),
        ("", None),
        ("n/a", None),
        ("²", None),
        (None, None),
    ],
)
def test_sectors(code: str | int | None, sector: str | None) -> None:
    assert sector_of(code) == sector


def overview(**fields: Any) -> TickerOverview:
    body = msgspec.json.encode({"results": {"ticker": "A", **fields}})
    found = msgspec.json.decode(body, type=OverviewBody).results
    assert found is not None
    return found


def test_a_class_of_shares_comes_before_all_classes() -> None:
    full = overview(share_class_shares_outstanding=10, weighted_shares_outstanding=30, market_cap=5.5, sic_code="3571")
    details = details_of(full)
    assert (details.market_cap, details.shares_outstanding, details.sector) == (5.5, 10, "Technology")
    assert details_of(overview(weighted_shares_outstanding=30)).shares_outstanding == 30


def test_zero_and_absent_are_not_known() -> None:
    nothing = details_of(overview(market_cap=0, share_class_shares_outstanding=0))
    assert nothing == details_of(TickerOverview("A")) == CompanyDetails()
    assert FloatBody([FloatRow("A", 0)]).of("A") is None


@pytest.mark.parametrize(
    ("text", "listed"), [("2015-01-02", dt.date(2015, 1, 2)), ("soon", None), ("", None), (None, None)]
)
def test_since_when_it_is_listed(text: str | None, listed: dt.date | None) -> None:
    assert details_of(TickerOverview("A", list_date=text)).listed == listed


def test_the_float_of_another_symbol_is_not_taken() -> None:
    body = msgspec.json.decode(
        b'{"results":[{"ticker":"B","free_float":9},{"ticker":"A","free_float":5}]}', type=FloatBody
    )
    assert (body.of("A"), body.of("B"), body.of("a")) == (5, 9, None)
    assert msgspec.json.decode(b'{"status":"OK"}', type=FloatBody).of("A") is None
