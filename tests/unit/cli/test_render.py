"""Values to text, and which columns fit."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from gapscan.protocol.fields import FIELDS, USUAL_COLUMNS, shown_fields
from gapscan.ranking.spec import shipped_lists
from gapscan_cli import render


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        (0.1234, "0.1234"),
        (0.00005, "0.0001"),
        (1.0, "1.00"),
        (178.5, "178.50"),
        (612345.678, "612,345.68"),
    ],
)
def test_price(value: float | None, shown: str) -> None:
    assert render.price(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), (0.0, "+0.00"), (5.0, "+5.00"), (-12.345, "-12.35"), (1234.5, "+1,234.50"), (123456.7, "+123,457")],
)
def test_percent(value: float | None, shown: str) -> None:
    assert render.percent(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), (0, "0"), (950, "950"), (1_000, "1.00K"), (12_345, "12.3K"), (4_560_000, "4.56M"),
     (987_654_321, "987.7M"), (3_100_000_000, "3.10B"), (2.5e12, "2.50T"), (-12_345, "-12.3K")],
)  # fmt: skip
def test_amount(value: float | None, shown: str) -> None:
    assert render.amount(value) == shown
    assert len(shown) <= 7


@pytest.mark.parametrize(("value", "shown"), [(None, "-"), (1.5, "1.5"), (38378.0, "38,378")])
def test_ratio(value: float | None, shown: str) -> None:
    assert render.ratio(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-0.1, "0.0 s"), (0.42, "0.4 s"), (59.4, "59 s"), (119, "119 s"), (600, "10 min"), (7200, "2 h")],
)
def test_span(seconds: float, shown: str) -> None:
    assert render.span(seconds) == shown


def test_times_are_new_york_times() -> None:
    winter, summer = 1_795_357_800_000, 1_720_000_000_000
    assert render.clock(winter) == "09:30:00"
    assert render.moment(winter) == "Sun 2026-11-22 09:30:00 ET"
    assert render.moment(summer) == "Wed 2024-07-03 05:46:40 ET"
    assert render.clock(None) == render.clock(0) == "-"
    assert render.moment(0) == "no market time yet"


def test_text_cannot_steer_the_terminal() -> None:
    assert render.text("Evil\x1b[2J\x07\nInc. Ünïcode 株") == "Evil?[2J??Inc. Ünïcode 株"
    assert render.text(None) == "-"


@pytest.mark.parametrize(
    ("name", "row", "shown"),
    [
        ("gap_percent", {"gap_percent": 4.2, "gap_indicative": True}, "~+4.20"),
        ("gap_percent", {"gap_percent": 4.2, "gap_indicative": False}, "+4.20"),
        ("gap_percent", {"gap_percent": None, "gap_indicative": True}, "-"),
        ("gap_percent", {}, "-"),
        ("rvol", {"rvol": 2.5, "thin_baseline": True}, "≈2.5"),
        ("stale", {"stale": True}, "yes"),
        ("stale", {"stale": False}, "-"),
    ],
)
def test_cells(name: str, row: dict[str, Any], shown: str) -> None:
    assert render.COLUMNS[name].cell(row) == shown


def test_flags() -> None:
    assert render.flags({"stale": True, "split_today": True}) == "split stale"
    assert render.flags({"stale": None}) == ""


LISTS = {spec.name: spec.definition for spec in shipped_lists().specs}


@pytest.mark.parametrize("name", ["", "price_spikes", "winners"])
@pytest.mark.parametrize("width", range(1, 260, 3))
def test_columns_fit(width: int, name: str) -> None:
    columns = render.columns_for(width, shown_fields(LISTS[name].columns, LISTS[name].sort) if name else ())
    taken = sum(column.width for column in columns) + render.GAP * (len(columns) - 1)
    assert columns[0] is render.SYMBOL
    assert taken <= max(width, render.SYMBOL.width)


def test_a_list_shows_what_it_is_about() -> None:
    shown = {name: shown_fields(LISTS[name].columns, LISTS[name].sort) for name in ("new_highs", "winners")}
    titles = {name: [column.title for column in render.columns_for(80, fields)] for name, fields in shown.items()}
    assert titles["new_highs"] == ["symbol", "price", "high at", "chg %", "high", "name"]
    assert "high at" not in titles["winners"]


def test_what_a_list_wants_stands_in_its_order_and_the_last_give_way() -> None:
    fields = ["price", "vwap", "sector", "low", "open", "high", "volume", "rvol"]
    titles = [[column.title for column in render.columns_for(width, fields)] for width in (30, 50, 200)]
    assert titles == [
        ["symbol", "price"],
        ["symbol", "price", "vwap", "sector"],
        ["symbol", *fields, "flags", "name"],
    ]


def test_an_own_list_without_columns_shows_what_it_is_sorted_by_and_the_usual_ones() -> None:
    assert shown_fields([], ["-abs(vwap - open)"]) == ["price", "vwap", "open", *USUAL_COLUMNS]


def test_fields_of_a_later_version_are_left_out() -> None:
    assert shown_fields(["made_later", "volume", "name", "price"], ["-also_later"]) == ["price", "volume"]


def test_a_halted_row_says_so() -> None:
    assert render.flags({"halt": "halted", "stale": True}) == "halted stale"
    assert render.flags({"halt": None}) == ""


def test_wider_never_shows_less() -> None:
    titles = [{column.title for column in render.columns_for(width)} for width in range(1, 260)]
    assert all(narrow <= wide for narrow, wide in pairwise(titles))
    usual = {FIELDS[field].title.lower() for field in USUAL_COLUMNS}
    assert titles[-1] == {"symbol", "price", *usual, "flags", "name"}


def test_the_name_takes_what_is_left() -> None:
    at = {width: render.columns_for(width)[-1] for width in (70, 75, 200)}
    assert all(column.title == "name" for column in at.values())
    assert at[70].width < at[75].width < at[200].width


def test_every_cell_copes_with_an_empty_row() -> None:
    assert {column.cell({"symbol": "A"}) for column in (*render.COLUMNS.values(), render.FLAGS)} == {"-", ""}


def test_plain_line_is_aligned() -> None:
    columns = render.columns_for(80)
    title = render.plain_line("#", None, columns)
    line = render.plain_line(7, {"symbol": "BCpC", "price": 2.5, "volume": 1234, "name": "N" * 90}, columns)
    assert line.startswith("   7  BCpC ")
    assert title.index("price") + len("price") == line.index("2.50") + len("2.50")
    assert line.endswith("…")
    assert len(line) <= 80 + 6
