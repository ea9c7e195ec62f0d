"""The language of filters, against a plain evaluation row by row, and against hostile input.

The reference works in three values: true, false, and unknown (None), which a comparison with something missing
is. A row passes when the whole is true. Numbers that are missing are None.
"""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gapscan.errors import SpecError
from gapscan.market.columns import Bools, Floats
from gapscan.ranking.language.expression import Filter, SortKey
from gapscan.ranking.language.syntax import MAX_LENGTH
from gapscan.ranking.spec import ROW_FIELDS

NUMBERS = ["price", "volume", "rvol"]
FLAGS = ["stale", "split_today"]
TEXTS = ["type", "session"]
WORDS = ["CS", "ETF", "pre"]
VALUES = [math.nan, 0.0, -0.0, 1.0, -1.0, 0.9, 1 / 0.9, 4.5, 5.0, 5.5, -4.5, -5.0, -5.5, 1e308, -1e308, 5e-324, 100.0]

Row = dict[str, Any]
Maybe = float | None
Truth = bool | None


class Table:
    """Some rows as the columns that an expression runs on."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows

    def number(self, name: str) -> Floats:
        return np.array([row.get(name, math.nan) for row in self.rows], np.float64)

    def matches(self, name: str, values: frozenset[str]) -> Bools:
        return np.array([row.get(name) in values for row in self.rows], np.bool_)

    def known(self, name: str) -> Bools:
        return np.array([row.get(name) is not None for row in self.rows], np.bool_)


@dataclass
class Node:
    """A part of a random expression: its text, and its value for one row."""

    text: str
    value: Callable[[Row], Any]


def known(number: float) -> Maybe:
    return None if math.isnan(number) else number


ARITHMETIC: dict[str, Callable[[float, float], Maybe]] = {
    "+": lambda a, b: known(a + b),
    "-": lambda a, b: known(a - b),
    "*": lambda a, b: known(a * b),
    "/": lambda a, b: None if b == 0 else known(a / b),
}
FUNCTIONS: dict[str, Callable[[float, float], float]] = {"min": min, "max": max}
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


def both(function: Callable[[Any, Any], Any], left: Node, right: Node) -> Callable[[Row], Any]:
    """`function` of two values, unknown when one of them is."""

    def value(row: Row) -> Any:
        a, b = left.value(row), right.value(row)
        return None if a is None or b is None else function(a, b)

    return value


def all_of(truths: list[Truth]) -> Truth:
    return False if False in truths else None if None in truths else True


def opposite(truth: Truth) -> Truth:
    return None if truth is None else not truth


class Grower:
    """Grows random expressions, no deeper than `depth`."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice

    def number(self, depth: int) -> Node:
        kind = self.dice.randrange(6) if depth else self.dice.randrange(2)
        grow = (self._constant, self._field, self._arithmetic, self._function, self._negative, self._choice)
        return grow[kind](depth - 1)

    def _constant(self, depth: int) -> Node:
        number = abs(self.dice.choice(VALUES[1:]))
        return Node(repr(number), lambda row: number)

    def _field(self, depth: int) -> Node:
        name = self.dice.choice(NUMBERS + FLAGS[:1])
        return Node(name, lambda row: known(row[name]))

    def _arithmetic(self, depth: int) -> Node:
        symbol = self.dice.choice(list(ARITHMETIC))
        left, right = self.number(depth), self.number(depth)
        return Node(f"({left.text} {symbol} {right.text})", both(ARITHMETIC[symbol], left, right))

    def _function(self, depth: int) -> Node:
        name = self.dice.choice(list(FUNCTIONS))
        left, right = self.number(depth), self.number(depth)
        return Node(f"{name}({left.text}, {right.text})", both(FUNCTIONS[name], left, right))

    def _negative(self, depth: int) -> Node:
        inner = self.number(depth)
        if self.dice.random() < 0.5:
            return Node(f"abs({inner.text})", lambda row: None if (v := inner.value(row)) is None else abs(v))
        return Node(f"(-{inner.text})", lambda row: None if (v := inner.value(row)) is None else -v)

    def _choice(self, depth: int) -> Node:
        test, yes, no = self.test(depth), self.number(depth), self.number(depth)
        return Node(
            f"({yes.text} if {test.text} else {no.text})",
            lambda row: yes.value(row) if test.value(row) is True else no.value(row),
        )

    def test(self, depth: int) -> Node:
        kind = self.dice.randrange(8) if depth > 0 else self.dice.randrange(4)
        grow = (self._compare, self._among, self._flag, self._text, self._compare, self._chain, self._logic, self._not)
        return grow[kind](depth - 1)

    def _compare(self, depth: int) -> Node:
        symbol = self.dice.choice(list(COMPARE))
        left, right = self.number(max(depth, 0)), self.number(max(depth, 0))
        if self.dice.random() < 0.5:
            left, right = self._field(0), self._threshold()
        return Node(f"{left.text} {symbol} {right.text}", both(COMPARE[symbol], left, right))

    def _threshold(self) -> Node:
        """A constant, or one of two: what hysteresis relaxes."""
        if self.dice.random() < 0.5:
            return self._constant(0)
        yes, no, side, limit = self._constant(0), self._constant(0), self._field(0), self._constant(0)
        symbol = self.dice.choice(list(COMPARE))
        test = both(COMPARE[symbol], side, limit)
        text = f"({yes.text} if {side.text} {symbol} {limit.text} else {no.text})"
        return Node(text, lambda row: yes.value(row) if test(row) is True else no.value(row))

    def _chain(self, depth: int) -> Node:
        sides = [self.number(depth) for _ in range(3)]
        symbols = [self.dice.choice(list(COMPARE)) for _ in range(2)]
        parts = [both(COMPARE[s], a, b) for a, s, b in zip(sides, symbols, sides[1:], strict=False)]
        text = f"({sides[0].text} {symbols[0]} {sides[1].text} {symbols[1]} {sides[2].text})"
        return Node(text, lambda row: all_of([part(row) for part in parts]))

    def _among(self, depth: int) -> Node:
        side, items = self.number(0), [self.number(0) for _ in range(self.dice.randint(1, 3))]
        tests = [both(COMPARE["!="], side, item) for item in items]
        text = f"{side.text} in ({''.join(item.text + ', ' for item in items)})"
        return Node(text, lambda row: opposite(all_of([test(row) for test in tests])))

    def _flag(self, depth: int) -> Node:
        if self.dice.random() < 0.2:
            return Node("True", lambda row: True) if self.dice.random() < 0.5 else Node("False", lambda row: False)
        name = self.dice.choice(FLAGS)
        return Node(name, lambda row: None if math.isnan(row[name]) else row[name] == 1.0)

    def _text(self, depth: int) -> Node:
        name, word = self.dice.choice(TEXTS), self.dice.choice(WORDS)
        wanted = self.dice.random() < 0.5
        text = f'{name} {"==" if wanted else "!="} "{word}"'
        if self.dice.random() < 0.5:
            text = f'{name} {"in" if wanted else "not in"} ["{word}"]'
        return Node(text, lambda row: None if row[name] is None else (row[name] == word) == wanted)

    def _logic(self, depth: int) -> Node:
        parts = [self.test(depth) for _ in range(self.dice.randint(2, 3))]
        if self.dice.random() < 0.5:
            text = " and ".join(f"({part.text})" for part in parts)
            return Node(f"({text})", lambda row: all_of([part.value(row) for part in parts]))
        text = " or ".join(f"({part.text})" for part in parts)
        return Node(f"({text})", lambda row: opposite(all_of([opposite(part.value(row)) for part in parts])))

    def _not(self, depth: int) -> Node:
        inner = self.test(depth)
        return Node(f"not ({inner.text})", lambda row: opposite(inner.value(row)))


def random_rows(dice: random.Random) -> list[Row]:
    return [
        {name: dice.choice(VALUES) for name in NUMBERS}
        | {name: dice.choice([math.nan, 0.0, 1.0]) for name in FLAGS}
        | {"type": dice.choice([None, *WORDS]), "session": dice.choice(WORDS)}
        for _ in range(6)
    ]


def run(test: Callable[[Any], Any], rows: list[Row]) -> list[Any]:
    with np.errstate(all="ignore"):
        found: list[Any] = np.broadcast_to(test(Table(rows)), len(rows)).tolist()
        return found


@given(st.integers(0, 2**63), st.integers(0, 4))
def test_columns_agree_with_rows(seed: int, depth: int) -> None:
    dice = random.Random(seed)
    node, rows = Grower(dice).test(depth), random_rows(dice)
    assume(len(node.text) <= MAX_LENGTH)
    compiled = Filter(node.text, ROW_FIELDS)
    may_enter, may_stay = run(compiled.entry, rows), run(compiled.stay, rows)
    assert may_enter == [node.value(row) is True for row in rows], node.text
    assert all(stays for enters, stays in zip(may_enter, may_stay, strict=True) if enters), node.text


@given(st.integers(0, 2**63), st.integers(0, 4))
def test_sort_keys_agree_with_rows(seed: int, depth: int) -> None:
    dice = random.Random(seed)
    node, rows = Grower(dice).number(depth), random_rows(dice)
    assume(len(node.text) <= MAX_LENGTH)
    key = SortKey(node.text, ROW_FIELDS)
    assert key.value is not None
    assert [known(value) for value in run(key.value, rows)] == [node.value(row) for row in rows], node.text


HOSTILE = [
    "", " ", "\n", "#", "price > 1 # x", "(" * 500, "not " * 400 + "stale", "-" * 1500 + "price > 1",
    "price" + " + price" * 200 + " > 1", "[" * 150 + "]" * 150, "1 < " * 300 + "2", "price > 1" * 200_000,
    "price > " + "9" * 400, "price > 1e400", "price > 0x" + "f" * 1500, "price > " + "9" * 1900,
    "1e308 * 1e308 > 1", "1 / 0 > 1", "0 / 0 == 0 / 0", "price > 1j", "price > None", "price > ...", 'price > b"x"',
    "price.real > 1", "price.__class__", "().__class__.__bases__[0].__subclasses__()", "__import__('os').system('x')",
    "open('/etc/passwd')", "eval('1')", "abs(price, x=1) > 1", "abs(*price) > 1", "abs() > 1", "min(price) > 1",
    "abs(**price) > 1", "(lambda: 1)() > 1", "lambda: price > 1", "(x := price) > 1", "price[0] > 1", "price[:] > 1",
    "[price for price in (1, 2)] > 1", "any(price > 1 for x in (1,))", "{price: 1}", "{price}", "{**price}", "*price",
    "price > *price", "price in (*price,)", "price in ()", "type in ()", "price in price", "price in (1, 'x')",
    "f'{price}' == type", 'type == f"{price}"', "price is 1", "price is not None", "price ** 99 > 1", "price // 2 > 1",
    "price % 2 > 1", "price << 9 > 1", "price @ price > 1", "~price > 1", "+price > 1", "price", "1", "'CS'", "None",
    "price > 'x'", "'x' < type", "type < 'x'", "type == exchange", "type", "not type", "name", "Price > 1", "ρrice > 1",
    "price > 1", "Ω > 1", "type == 'Ω' and x > 1", "price > 1\0", "\0", "price\ud800 > 1", "type == '\\ud800'",
    "type == '\\d'", "type == '\\", "price > 1;", "price = 1", "import os", "price > 1\nimport os", "yield price",
    "await price", "price > 1 if stale", "stale if stale else stale", "price >= 1if stale else 2", "0777 > 1",
    "price > 1_0__0", "gone", "updated > 1", "test_symbol and gone == 1", "\ufeffprice > 1", "price > １", "a" * 1900,
]  # fmt: skip

PIECES = [
    "price", "volume", "stale", "type", "session", "x", "1", "0.5", "1e999", "'CS'", '"', "'", "(", ")", "[", "]",
    "{", "}", ",", ".", ":", ":=", "=", "==", "!=", "<", ">", "<=", ">=", "+", "-", "*", "**", "/", "//", "%", "@", "~",
    "^", "|", "&", "and", "or", "not", "in", "is", "if", "else", "for", "lambda", "await", "yield", "abs", "min", "f'",
    "b'", "\\", "\0", "\n", "\r", "\t", "\f", " ", "#", ";", "é", "Ω", "\u2028", "\ud800", "😀", "None", "True", "...",
]  # fmt: skip


def compile_or_fault(kind: type[Filter] | type[SortKey], text: str) -> Filter | SortKey | SpecError:
    try:
        return kind(text, ROW_FIELDS)
    except SpecError as fault:
        return fault


def check_refused_or_computed(text: str) -> None:
    """Nothing but a SpecError comes of compiling `text`, or what is compiled runs."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in (Filter, SortKey):
            _check(kind, text)


def _check(kind: type[Filter] | type[SortKey], text: str) -> None:
    rows = random_rows(random.Random(1))
    match compile_or_fault(kind, text):
        case SpecError() as fault:
            assert fault.message
            assert fault.column is not None
            assert 0 <= fault.column <= len(text)
        case Filter() as compiled:
            assert len(run(compiled.entry, rows)) == len(run(compiled.stay, rows)) == len(rows)
        case SortKey() as key:
            assert key.by_symbol or (key.value and len(run(key.value, rows)) == len(rows))


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text(text: str) -> None:
    check_refused_or_computed(text)


@given(st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join))
@example("x" * 1_000_000)
def test_any_sequence_of_tokens_is_refused_or_computed(text: str) -> None:
    check_refused_or_computed(text)


@given(st.integers(0, 2**63), st.text(max_size=3))
def test_a_damaged_expression_is_refused_or_computed(seed: int, noise: str) -> None:
    dice = random.Random(seed)
    text = Grower(dice).test(3).text
    begin, end = sorted((dice.randint(0, len(text)), dice.randint(0, len(text))))
    check_refused_or_computed(text[:begin] + noise + text[begin if dice.random() < 0.5 else end :])


@given(st.text(max_size=40))
def test_any_text_is_refused_or_computed(text: str) -> None:
    check_refused_or_computed(text)
