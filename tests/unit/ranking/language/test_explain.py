"""Filters taken apart: the words, the values, the thresholds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from gapscan.market.columns import Bools, Floats
from gapscan.protocol.messages import Condition
from gapscan.ranking.language.explain import conditions
from gapscan.ranking.language.expression import Filter
from gapscan.ranking.spec import ROW_FIELDS


class One:
    """The columns of one symbol."""

    found = None

    def __init__(self, **fields: Any) -> None:
        self.fields = fields

    def number(self, name: str) -> Floats:
        return np.array([self.fields.get(name, math.nan)], np.float64)

    def matches(self, name: str, values: frozenset[str]) -> Bools:
        return np.array([self.fields.get(name) in values])

    def known(self, name: str) -> Bools:
        return np.array([self.fields.get(name) is not None])


def explained(text: str, **fields: Any) -> list[Condition]:
    columns = One(**fields)
    with np.errstate(all="ignore"):
        return conditions(Filter(text, ROW_FIELDS).outline, columns, columns.fields.get)


def only(text: str, **fields: Any) -> Condition:
    (found,) = explained(text, **fields)
    assert found.kind == "test"
    return found


@pytest.mark.parametrize(
    ("text", "fields", "value", "threshold", "passes", "stays"),
    [
        ("price >= 5", {"price": 6.0}, 6.0, 5.0, True, True),
        ("price >= 5", {"price": 4.6}, 4.6, 5.0, False, True),
        ("price >= 5", {"price": 4.4}, 4.4, 5.0, False, False),
        ("price >= 5", {}, None, 5.0, False, False),
        ("5 <= price", {"price": 6.0}, 6.0, 5.0, True, True),
        ("price > vwap", {"price": 6.0, "vwap": 7.0}, 6.0, 7.0, False, False),
        ("abs(price - 5) / 0 > 1", {"price": 6.0}, None, 1.0, False, False),
        ("price * 2 - 1 > 2 * 5", {"price": 6.0}, 11.0, 10.0, True, True),
        ("volume >= (1 if session == 'pre' else 9)", {"volume": 5, "session": "pre"}, 5.0, 1.0, True, True),
        ("volume >= (1 if session == 'pre' else 9)", {"volume": 5, "session": "post"}, 5.0, 9.0, False, False),
        ("price in (4, 5)", {"price": 5.0}, 5.0, "4, 5", True, True),
        ("price not in [4, 5,]", {"price": 5.0}, 5.0, "4, 5", False, False),
        ('type == "CS"', {"type": "ETF"}, "ETF", "CS", False, False),
        ('"CS" == type', {"type": "CS"}, "CS", "CS", True, True),
        ('type in ("CS", "ADRC")', {"type": "CS"}, "CS", "CS, ADRC", True, True),
        ('type != "CS"', {}, None, "CS", False, False),
        ('source == "bar"', {"from_bar": 1.0}, "bar", "bar", True, True),
        ('source == "bar"', {"from_bar": 0.0}, "snapshot", "bar", False, False),
        ('source != "bar"', {}, None, "bar", False, False),
        ("now - as_of <= 1_000", {"now": 5_000.0, "updated": 4_500.0}, 500.0, 1_000.0, True, True),
        ("stale", {"stale": 1.0}, True, True, True, True),
        ("not stale", {"stale": 1.0}, True, False, False, False),
        ("not stale", {}, None, False, False, False),
        ("True", {}, None, None, True, True),
        ("not True", {}, None, None, False, False),
    ],
)
def test_one_condition(
    text: str, fields: dict[str, Any], value: object, threshold: object, passes: bool, stays: bool
) -> None:
    found = only(text, **fields)
    assert (found.value, found.threshold, found.passes, found.stays) == (value, threshold, passes, stays)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("price   >=\n 5_000", "price >= 5_000"),
        ("not price > 5", "price <= 5"),
        ("not not price > 5", "price > 5"),
        ("not type in ('CS',)", "type not in ('CS',)"),
        ("price > (5 if stale + 0 > 0 else 6)", "price > (5 if stale + 0 > 0 else 6)"),
        ("type == 'Ω'", "type == 'Ω'"),
    ],
)
def test_the_words_are_the_users(text: str, shown: str) -> None:
    assert only(text).text == shown


@pytest.mark.parametrize(
    ("text", "name"),
    [("stale", "stale"), ("not test_symbol", "test_symbol"), ("price > 5", None), ("True", None)],
)
def test_flags_have_an_id(text: str, name: str | None) -> None:
    assert only(text).id == name


def shape(text: str) -> list[tuple[int, str, str]]:
    return [(found.depth, found.kind, found.text) for found in explained(text)]


def test_groups() -> None:
    assert shape("price > 1 and (volume > 2 and stale)") == [
        (0, "test", "price > 1"),
        (0, "test", "volume > 2"),
        (0, "test", "stale"),
    ]
    assert shape("price > 1 and (volume > 2 or stale and rvol > 3)") == [
        (0, "test", "price > 1"),
        (0, "any", "volume > 2 or stale and rvol > 3"),
        (1, "test", "volume > 2"),
        (1, "all", "stale and rvol > 3"),
        (2, "test", "stale"),
        (2, "test", "rvol > 3"),
    ]
    assert shape("not (price > 1 or 2 < volume < 3)") == [
        (0, "test", "price <= 1"),
        (0, "any", "not (2 < volume < 3)"),
        (1, "test", "2 >= volume"),
        (1, "test", "volume >= 3"),
    ]
