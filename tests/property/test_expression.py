"""The language of filters: compiled to columns, against the plain ranker row by row, and against hostile input."""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gapscan.errors import SpecError
from gapscan.market.columns import Bools, Floats
from gapscan.ranking.language.expression import Filter, SortKey
from gapscan.ranking.language.syntax import MAX_LENGTH, parse
from gapscan.ranking.plain import holds, value
from gapscan.ranking.spec import ROW_FIELDS

NUMBERS = ["price", "volume", "rvol"]
FLAGS = ["stale", "split_today"]
TEXTS = ["type", "session"]
WORDS = ["CS", "ETF", "pre"]
VALUES = [math.nan, 0.0, -0.0, 1.0, -1.0, 0.9, 1 / 0.9, 4.5, 5.0, 5.5, -4.5, -5.0, -5.5, 1e308, -1e308, 5e-324, 100.0]

ORDER = ["<", "<=", ">", ">=", "==", "!="]

Row = dict[str, Any]


class Table:
    """Some rows as the columns that an expression runs on."""

    found = None

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows

    def number(self, name: str) -> Floats:
        return np.array([row.get(name, math.nan) for row in self.rows], np.float64)

    def matches(self, name: str, values: frozenset[str]) -> Bools:
        return np.array([row.get(name) in values for row in self.rows], np.bool_)

    def known(self, name: str) -> Bools:
        return np.array([row.get(name) is not None for row in self.rows], np.bool_)


class Grower:
    """Grows random expressions, no deeper than `depth`."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice

    def number(self, depth: int) -> str:
        kind = self.dice.randrange(6) if depth else self.dice.randrange(2)
        grow = (self._constant, self._field, self._arithmetic, self._function, self._negative, self._choice)
        return grow[kind](depth - 1)

    def _constant(self, depth: int) -> str:
        return repr(abs(self.dice.choice(VALUES[1:])))

    def _field(self, depth: int) -> str:
        return self.dice.choice(NUMBERS + FLAGS[:1])

    def _arithmetic(self, depth: int) -> str:
        return f"({self.number(depth)} {self.dice.choice('+-*/')} {self.number(depth)})"

    def _function(self, depth: int) -> str:
        return f"{self.dice.choice(['min', 'max', 'ramp'])}({self.number(depth)}, {self.number(depth)})"

    def _negative(self, depth: int) -> str:
        inner = self.number(depth)
        return f"abs({inner})" if self.dice.random() < 0.5 else f"(-{inner})"

    def _choice(self, depth: int) -> str:
        return f"({self.number(depth)} if {self.test(depth)} else {self.number(depth)})"

    def test(self, depth: int) -> str:
        kind = self.dice.randrange(8) if depth > 0 else self.dice.randrange(4)
        grow = (self._compare, self._among, self._flag, self._text, self._compare, self._chain, self._logic, self._not)
        return grow[kind](depth - 1)

    def _compare(self, depth: int) -> str:
        left, right = self.number(max(depth, 0)), self.number(max(depth, 0))
        if self.dice.random() < 0.5:
            left, right = self.dice.sample([self._field(0), self._threshold()], 2)
        return f"{left} {self.dice.choice(ORDER)} {right}"

    def _threshold(self) -> str:
        """A constant, one of two, or one that moves: what hysteresis relaxes."""
        kind = self.dice.random()
        if kind < 0.4:
            return self._constant(0)
        if kind < 0.6:
            return f"ramp({self._constant(0)}, {self._constant(0)})"
        test = f"{self._field(0)} {self.dice.choice(ORDER)} {self._constant(0)}"
        return f"({self._constant(0)} if {test} else {self._constant(0)})"

    def _chain(self, depth: int) -> str:
        first, second, third = (self.number(depth) for _ in range(3))
        return f"({first} {self.dice.choice(ORDER)} {second} {self.dice.choice(ORDER)} {third})"

    def _among(self, depth: int) -> str:
        items = "".join(f"{self.number(0)}, " for _ in range(self.dice.randint(1, 3)))
        return f"{self.number(0)} {self.dice.choice(['in', 'not in'])} ({items})"

    def _flag(self, depth: int) -> str:
        return self.dice.choice(["True", "False"] if self.dice.random() < 0.2 else FLAGS)

    def _text(self, depth: int) -> str:
        name, word = self.dice.choice(TEXTS), self.dice.choice(WORDS)
        return self.dice.choice(
            [f'{name} == "{word}"', f'"{word}" != {name}', f'{name} in ["{word}"]', f'{name} not in ("{word}", "x")']
        )

    def _logic(self, depth: int) -> str:
        parts = [f"({self.test(depth)})" for _ in range(self.dice.randint(2, 3))]
        return f"({self.dice.choice([' and ', ' or ']).join(parts)})"

    def _not(self, depth: int) -> str:
        return f"not ({self.test(depth)})"


def random_rows(dice: random.Random) -> list[Row]:
    return [
        {name: dice.choice(VALUES) for name in NUMBERS}
        | {name: dice.choice([math.nan, 0.0, 1.0]) for name in FLAGS}
        | {"type": dice.choice([None, *WORDS]), "session": dice.choice(WORDS)}
        | {"open_ramp": dice.choice([0.0, 0.25, 1.0])}
        for _ in range(6)
    ]


def run(test: Callable[[Any], Any], rows: list[Row]) -> list[Any]:
    with np.errstate(all="ignore"):
        found: list[Any] = np.broadcast_to(test(Table(rows)), len(rows)).tolist()
        return found


@given(st.integers(0, 2**63), st.integers(0, 4))
def test_columns_agree_with_rows(seed: int, depth: int) -> None:
    dice = random.Random(seed)
    text, rows = Grower(dice).test(depth), random_rows(dice)
    assume(len(text) <= MAX_LENGTH)
    compiled, tree = Filter(text, ROW_FIELDS), parse(text)
    may_enter, may_stay = run(compiled.entry, rows), run(compiled.stay, rows)
    assert may_enter == [holds(tree, row) for row in rows], text
    assert may_stay == [holds(tree, row, relaxed=True) for row in rows], text
    assert all(stays for enters, stays in zip(may_enter, may_stay, strict=True) if enters), text


@given(st.integers(0, 2**63), st.integers(0, 4))
def test_sort_keys_agree_with_rows(seed: int, depth: int) -> None:
    dice = random.Random(seed)
    text, rows = Grower(dice).number(depth), random_rows(dice)
    assume(len(text) <= MAX_LENGTH)
    key, tree = SortKey(text, ROW_FIELDS), parse(text)
    assert key.value is not None
    found = [None if math.isnan(number) else number for number in run(key.value, rows)]
    assert found == [value(tree, row) for row in rows], text


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
    text = Grower(dice).test(3)
    begin, end = sorted((dice.randint(0, len(text)), dice.randint(0, len(text))))
    check_refused_or_computed(text[:begin] + noise + text[begin if dice.random() < 0.5 else end :])


@given(st.text(max_size=40))
def test_any_text_is_refused_or_computed(text: str) -> None:
    check_refused_or_computed(text)
