from __future__ import annotations

import math

import numpy as np
import pytest

from gapscan.errors import SpecError
from gapscan.market.columns import Bools, Floats
from gapscan.ranking.language.expression import Filter, SortKey
from gapscan.ranking.language.syntax import MAX_LENGTH
from gapscan.ranking.spec import ROW_FIELDS

NAN = math.nan


class Columns:
    """Columns that are given by name."""

    found = None

    def __init__(self, **columns: list[float] | list[str | None]) -> None:
        self.columns = columns

    def number(self, name: str) -> Floats:
        return np.array(self.columns[name], np.float64)

    def matches(self, name: str, values: frozenset[str]) -> Bools:
        return np.array([text in values for text in self.columns[name]])

    def known(self, name: str) -> Bools:
        return np.array([text is not None for text in self.columns[name]])


def enters(text: str, **columns: list[float] | list[str | None]) -> list[bool]:
    return list(map(bool, Filter(text, ROW_FIELDS).entry(Columns(**columns))))


def stays(text: str, **columns: list[float] | list[str | None]) -> list[bool]:
    return list(map(bool, Filter(text, ROW_FIELDS).stay(Columns(**columns))))


def fault(text: str) -> SpecError:
    with pytest.raises(SpecError) as caught:
        Filter(text, ROW_FIELDS)
    return caught.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("price > 5", [False, False, True, False]),
        ("price >= 5", [False, True, True, False]),
        ("not price > 5", [True, True, False, False]),
        ("not not price > 5", [False, False, True, False]),
        ("price == 5", [False, True, False, False]),
        ("price != 5", [True, False, True, False]),
        ("not price != 5", [False, True, False, False]),
        ("4 < price < 6", [False, True, False, False]),
        ("not 4.5 < price < 5.5", [True, False, True, False]),
        ("price in (4, 5)", [True, True, False, False]),
        ("price not in (4, 5)", [False, False, True, False]),
        ("price > 5 or price < 5", [True, False, True, False]),
        ("not (price > 5 or price < 5)", [False, True, False, False]),
        ("abs(price - 5) >= 1", [True, False, True, False]),
        ("max(price, 5) * 2 - 1 > 10", [False, False, True, False]),
        ("min(price, 5) / 2 == 2.5", [False, True, True, False]),
        ("-price < -5", [False, False, True, False]),
        ("price / (price - 5) > 0", [False, False, True, False]),
        ("(1 if price > 5 else 2) == 2", [True, True, False, True]),
    ],
)
def test_numbers(text: str, expected: list[bool]) -> None:
    assert enters(text, price=[4.0, 5.0, 6.0, NAN]) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('type == "CS"', [True, False, False]),
        ('"CS" == type', [True, False, False]),
        ('type != "CS"', [False, True, False]),
        ('not type == "CS"', [False, True, False]),
        ('type in ("CS", "ADRC")', [True, False, False]),
        ('type not in ["CS"]', [False, True, False]),
        ('not type in {"CS"}', [False, True, False]),
    ],
)
def test_texts(text: str, expected: list[bool]) -> None:
    assert enters(text, type=["CS", "ETF", None]) == expected


def test_flags() -> None:
    assert enters("stale", stale=[1.0, 0.0, NAN]) == [True, False, False]
    assert enters("not stale", stale=[1.0, 0.0, NAN]) == [False, True, False]
    assert enters("stale + 1 == 2", stale=[1.0, 0.0, NAN]) == [True, False, False]


def test_an_expression_may_be_written_over_several_lines() -> None:
    assert enters("\n  price > 5\n  and price < 9\n", price=[5.0, 6.0, 9.0]) == [False, True, False]


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("price >= 5", [4.49, 4.5, 5.0], [False, True, True]),
        ("price <= -5", [-4.49, -4.5, -5.0], [False, True, True]),
        ("price >= -5", [-5.6, -5.55, -5.0], [False, True, True]),
        ("price <= 18", [20.01, 20.0, 18.0], [False, True, True]),
        ("5 <= price", [4.49, 4.5, 5.0], [False, True, True]),
        ("not price < 5", [4.49, 4.5, 5.0], [False, True, True]),
        ("9 < price < 18", [8.1, 8.2, 19.9], [False, True, True]),
        ("price > 0", [0.0, 1e-9, -1.0], [False, True, False]),
        ("price == 5", [4.9, 5.0, 5.1], [False, True, False]),
        ("price != 5", [4.9, 5.0, 5.1], [True, False, True]),
        ("price >= 2 * 5", [8.9, 9.0, 10.0], [False, True, True]),
        ("price >= (10 if price < 50 else 100)", [8.9, 9.0, 90.0], [False, True, True]),
    ],
)
def test_hysteresis(text: str, values: list[float], expected: list[bool]) -> None:
    assert stays(text, price=values) == expected


def test_the_test_of_a_choice_is_not_relaxed() -> None:
    """Relaxed, it would choose the threshold of 1,000 for a price of 4.6, and throw out a row that may enter."""
    text = "volume >= (1_000 if price > 5 else 10)"
    assert enters(text, price=[4.6], volume=[20.0]) == stays(text, price=[4.6], volume=[20.0]) == [True]


@pytest.mark.parametrize(
    ("text", "column", "message", "remedy"),
    [
        ("prise > 5", 0, "prise is not a field", "did you mean price?"),
        ("price > 5 and volum > 3", 14, "volum is not a field", "did you mean volume?"),
        ("price > gap_percentt", 8, "gap_percentt is not a field", "did you mean gap_percent?"),
        ("price > 5 and", 13, "invalid syntax", ""),
        ("price > (5", 8, "'(' was never closed", ""),
        ("  price >> 5  ", 0, "a condition is expected here", "compare a field, such as price > 5"),
        ("(price >> 5) > 1", 1, "a field, a number or arithmetic is expected here", ""),
        ("price", 0, "a condition is expected here", "compare a field, such as price > 5"),
        ("type > 'CS'", 0, "type is text", "use ==, != or in"),
        ("type + 1 > 5", 0, "type is text, and a number is expected here", ""),
        ("type == exchange", 8, "a text in quotes is expected here", ""),
        ("type in 'CS'", 8, "a list of values is expected here", 'such as ("CS", "ADRC")'),
        ("price in ()", 9, "a list of values is expected here", 'such as ("CS", "ADRC")'),
        ("round(price) > 5", 0, "round is not a function of this language", "one of abs, max, min, ramp"),
        ("abs(price, 2) > 5", 0, "abs takes 1 argument", ""),
        ("max(price) > 5", 0, "max takes 2 arguments", ""),
        ("price > 1e999", 8, "the number is too large", ""),
        ("price > None", 8, "None is not a number", ""),
        ("price is 5", 0, "Is is not an operator of this language", ""),
        ("type == 'é' and prise > 5", 16, "prise is not a field", "did you mean price?"),
        ("price > 5 # and so on", 10, "an expression has no comments", ""),
        ("type == '\\d'", 8, "invalid escape sequence", ""),
        ("price > 5\n  and prise > 5", 16, "prise is not a field", "did you mean price?"),
        ("", 0, "the expression is empty", "write a condition, such as price > 5"),
    ],
)
def test_faults(text: str, column: int, message: str, remedy: str) -> None:
    error = fault(text)
    assert error.column == column
    assert error.message.startswith(message)
    assert error.remedy == remedy


def test_a_caret_shows_the_place() -> None:
    assert fault("price > 5 and volum > 3").message == (
        "volum is not a field at column 15\n    price > 5 and volum > 3\n                  ^"
    )
    lines = fault("price > 5 and " * 30 + "volum > 3").message.splitlines()
    assert lines[1][lines[2].index("^") :].startswith("volum")
    assert len(lines[1]) < 100


@pytest.mark.parametrize(
    "text", ["price > 5" + " " * MAX_LENGTH + "x", "(" * 300 + "price" + ")" * 300, "-" * 50 + "1 > 2"]
)
def test_limits(text: str) -> None:
    assert "too" in fault(text).message


def test_sort_keys() -> None:
    columns = Columns(price=[1.0, 2.0, NAN], volume=[4.0, 0.0, 1.0])
    key = SortKey("-price / volume", ROW_FIELDS)
    assert key.value is not None
    np.testing.assert_array_equal(key.value(columns), [-0.25, NAN, NAN])
    assert SortKey("symbol", ROW_FIELDS).by_symbol
    assert [SortKey(text, ROW_FIELDS).descending for text in ("symbol", "- symbol")] == [False, True]
    with pytest.raises(SpecError, match="name is text, and a number is expected here"):
        SortKey("-name", ROW_FIELDS)
