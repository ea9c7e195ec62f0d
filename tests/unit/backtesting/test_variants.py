"""Variants of lists: which number takes whose place, and what is refused."""

from __future__ import annotations

import pytest

from gapscan.backtesting.variants import parse_vary, variants_of
from gapscan.errors import ConfigError, SpecError
from gapscan.protocol.messages import ListDefinition


def definition(where: str, name: str = "mine") -> ListDefinition:
    return ListDefinition(name, "", where, ["-price"], 200, [])


def wheres(where: str, vary: str) -> list[str]:
    found = variants_of([definition(where)], [parse_vary(vary)])
    return [one.definition.where for one in found if one.label != one.base]


@pytest.mark.parametrize(
    ("where", "vary", "expected"),
    [
        ("gap_percent >= 2 and price > 5", "gap_percent=1,3.5", ["gap_percent >= 1.0 and price > 5",
                                                                   "gap_percent >= 3.5 and price > 5"]),
        ("gap_percent <= -2", "gap_percent=3", ["gap_percent <= -3.0"]),
        ("2 <= price <= 20", "price=7", ["7.0 <= price <= 7.0"]),
        ("volume >= (50_000 if session == 'pre' else 100_000)", "volume=1", ["volume >= 1.0"]),
        ("not rvol < 2 or price > volume", "rvol=-1", ["not rvol < -1.0 or price > volume"]),
    ],
)  # fmt: skip
def test_a_number_takes_the_place_of_what_the_field_is_compared_with(
    where: str, vary: str, expected: list[str]
) -> None:
    assert wheres(where, vary) == expected


def test_labels_tell_what_is_varied() -> None:
    found = variants_of(
        [definition("price > 5"), definition("volume > 1", "other")], [parse_vary("price=6")], ["rvol > 2"]
    )
    assert [(one.label, one.base) for one in found] == [
        ("mine", "mine"), ("other", "other"), ("mine[price=6]", "mine"), ("mine[rvol > 2]", "mine"),
        ("other[rvol > 2]", "other"),
    ]  # fmt: skip


def test_a_condition_stands_for_itself() -> None:
    (_, found) = variants_of([definition("price > 5 or volume > 1")], wheres=["rvol > 2 or rvol < 1"])
    assert found.definition.where == "(price > 5 or volume > 1) and (rvol > 2 or rvol < 1)"
    with pytest.raises(SpecError):
        variants_of([definition("price > 5")], wheres=["price > 1) or (price > 2"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gap_percent",
        "gap_percent=",
        "=2",
        "gap_percent=1,x",
        "gap_percent=1;2",
        "gap_percent=nan",
        "gap_percent=1,inf",
    ],
)
def test_what_is_no_variation(text: str) -> None:
    with pytest.raises(ConfigError, match="--vary"):
        parse_vary(text)


def test_a_field_that_no_list_compares_is_refused() -> None:
    with pytest.raises(ConfigError, match="none of mine compares rvol"):
        variants_of([definition("price > 5")], [parse_vary("rvol=2")])


def test_too_many_variants() -> None:
    with pytest.raises(ConfigError, match="at most 64"):
        variants_of([definition("price > 5")], [parse_vary("price=" + ",".join(map(str, range(64))))])
