"""The language of list filters and sort keys: a small part of Python's expressions, run on whole columns.

    price < 20 and change_percent > 5 and type in ("CS", "ADRC")
    volume >= (50_000 if session == "pre" else 100_000)

Parsed once with Python's own parser, checked against a white list, and turned into numpy closures; nothing is
ever evaluated as Python. A comparison with a missing value is false, also under `not`: negation is pushed down
to the comparisons, so `not price > 5` means `price <= 5`.
"""

from __future__ import annotations

import ast
import difflib
import math
from collections.abc import Callable, Collection, Mapping
from typing import Final, Protocol, cast

import numpy as np

from gapscan.errors import SpecError
from gapscan.market.universe import Bools, Floats

MAX_LENGTH: Final = 2_000
MAX_DEPTH: Final = 40

# A row that is in a list leaves it only when it falls behind this share of its entry threshold.
HYSTERESIS: Final = 0.9

NumberColumn = Floats | float


class Columns(Protocol):
    """What an expression is run on."""

    def number(self, name: str) -> Floats:
        """The numeric column `name`; NaN where missing."""

    def matches(self, name: str, values: frozenset[str]) -> Bools:
        """Where the text column `name` is one of `values`."""

    def known(self, name: str) -> Bools:
        """Where the text column `name` has a value."""


class Fields(Protocol):
    """Which names an expression may use."""

    @property
    def numbers(self) -> Collection[str]: ...
    @property
    def flags(self) -> Collection[str]: ...
    @property
    def texts(self) -> Collection[str]: ...


Test = Callable[[Columns], Bools]
Value = Callable[[Columns], NumberColumn]

_Arithmetic = Callable[[NumberColumn, NumberColumn], NumberColumn]
_Ordering = Callable[[NumberColumn, NumberColumn], Bools]


def _divide(left: NumberColumn, right: NumberColumn) -> NumberColumn:
    """Division whose result is missing where the divisor is zero."""
    return np.divide(left, np.where(np.equal(right, 0), np.nan, right))


def _differs(left: NumberColumn, right: NumberColumn) -> Bools:
    """Not equal, and neither is missing."""
    return (left < right) | (left > right)


_ARITHMETIC: Final[Mapping[type[ast.operator], _Arithmetic]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: _divide,
}
_COMPARE: Final[Mapping[type[ast.cmpop], _Ordering]] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: _differs,
}
_OPPOSITE: Final[Mapping[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_FUNCTIONS: Final[Mapping[str, tuple[int, Callable[..., NumberColumn]]]] = {
    "abs": (1, np.abs),
    "min": (2, np.minimum),
    "max": (2, np.maximum),
}


class Filter:
    """A parsed filter: `entry` says which symbols may enter a list, `stay` which of its rows may stay.

    The two differ by hysteresis: in `stay`, the constant of every ordering comparison is relaxed to HYSTERESIS.
    """

    def __init__(self, text: str, fields: Fields) -> None:
        tree = _parse(text)
        self.text = text
        self.entry: Test = _Compiler(text, fields, relaxed=False).test(tree, negated=False)
        self.stay: Test = _Compiler(text, fields, relaxed=True).test(tree, negated=False)


class SortKey:
    """A parsed sort key. Rows are sorted by ascending value; a leading minus therefore means descending."""

    def __init__(self, text: str, fields: Fields) -> None:
        self.text = text
        self.by_symbol = text.strip().removeprefix("-").strip() == "symbol"
        self.descending = text.strip().startswith("-")
        self.value: Value | None = None
        if not self.by_symbol:
            self.value = _Compiler(text, fields, relaxed=False).value(_parse(text))


def _parse(text: str) -> ast.expr:
    if len(text) > MAX_LENGTH:
        raise SpecError(f"an expression of {len(text)} characters is too long", remedy=f"at most {MAX_LENGTH}")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise _fault(text, (error.offset or 1) - 1, error.msg) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise SpecError(f"the expression cannot be read: {error}") from None
    if _depth(tree) > MAX_DEPTH:
        raise SpecError("the expression is nested too deeply", remedy=f"at most {MAX_DEPTH} levels")
    return tree


def _depth(tree: ast.AST) -> int:
    """How deep the tree is, found without recursion: the input may be hostile."""
    depth, level = 0, [tree]
    while level:
        depth += 1
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return depth


def _fault(text: str, column: int, message: str, remedy: str = "") -> SpecError:
    text = text.strip()
    column = max(0, min(column, len(text)))
    begin = max(0, column - 40)
    shown, mark = text[begin : column + 40], " " * (column - begin) + "^"
    return SpecError(f"{message} at column {column + 1}\n    {shown}\n    {mark}", column=column, remedy=remedy)


class _Compiler:
    """Turns one checked tree into closures."""

    def __init__(self, text: str, fields: Fields, *, relaxed: bool) -> None:
        self._text = text
        self._fields = fields
        self._relaxed = relaxed

    def _refuse(self, node: ast.expr, message: str, remedy: str = "") -> SpecError:
        # col_offset counts UTF-8 bytes; the reader counts characters.
        raw = self._text.strip().encode()[: node.col_offset]
        return _fault(self._text, len(raw.decode(errors="ignore")), message, remedy)

    def test(self, node: ast.expr, *, negated: bool) -> Test:
        """A condition, or its opposite."""
        match node:
            case ast.BoolOp():
                return self._all_or_any(node, negated)
            case ast.UnaryOp(op=ast.Not()):
                return self.test(node.operand, negated=not negated)
            case ast.Compare():
                return self._chain(node, negated)
            case ast.Name() if node.id in self._fields.flags:
                return _is_flag(node.id, 0.0 if negated else 1.0)
            case ast.Constant(value=bool()):
                return _constant_test(bool(node.value) != negated)
        raise self._refuse(node, "a condition is expected here", "compare a field, such as price > 5")

    def _all_or_any(self, node: ast.BoolOp, negated: bool) -> Test:
        tests = [self.test(value, negated=negated) for value in node.values]
        return _every(tests) if isinstance(node.op, ast.And) != negated else _some(tests)

    def _chain(self, node: ast.Compare, negated: bool) -> Test:
        sides = [node.left, *node.comparators]
        tests = [
            self._compare(left, op, right, negated)
            for left, op, right in zip(sides, node.ops, sides[1:], strict=False)
        ]
        return _some(tests) if negated else _every(tests)

    def _compare(self, left: ast.expr, op: ast.cmpop, right: ast.expr, negated: bool) -> Test:
        kind = _OPPOSITE.get(type(op)) if negated else type(op)
        if kind not in _OPPOSITE:
            raise self._refuse(left, f"{type(op).__name__} is not an operator of this language")
        kind = cast(type[ast.cmpop], kind)
        if self._is_text(left) or self._is_text(right):
            return self._compare_text(left, kind, right)
        if kind in (ast.In, ast.NotIn):
            return self._among(left, kind, right)
        return self._compare_numbers(left, kind, right)

    def _is_text(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Constant):
            return isinstance(node.value, str)
        return isinstance(node, ast.Name) and node.id in self._fields.texts

    def _compare_text(self, left: ast.expr, kind: type[ast.cmpop], right: ast.expr) -> Test:
        if isinstance(left, ast.Constant) and kind in (ast.Eq, ast.NotEq):
            left, right = right, left
        if not isinstance(left, ast.Name) or left.id not in self._fields.texts:
            raise self._refuse(left, "text is compared with a text field", _one_of(self._fields.texts))
        if kind in (ast.Eq, ast.NotEq):
            return _text_test(left.id, frozenset([self._string(right)]), kind is ast.Eq)
        if kind in (ast.In, ast.NotIn):
            members = frozenset(self._string(item) for item in self._items(right))
            return _text_test(left.id, members, kind is ast.In)
        raise self._refuse(left, f"{left.id} is text", "use ==, != or in")

    def _string(self, node: ast.expr) -> str:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        raise self._refuse(node, "a text in quotes is expected here")

    def _items(self, node: ast.expr) -> list[ast.expr]:
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            return node.elts
        raise self._refuse(node, "a list of values is expected here", 'such as ("CS", "ADRC")')

    def _among(self, left: ast.expr, kind: type[ast.cmpop], right: ast.expr) -> Test:
        equal = ast.Eq if kind is ast.In else ast.NotEq
        tests = [self._compare_numbers(left, equal, item) for item in self._items(right)]
        return _some(tests) if kind is ast.In else _every(tests)

    def _compare_numbers(self, left: ast.expr, kind: type[ast.cmpop], right: ast.expr) -> Test:
        low, high = self.value(left), self.value(right)
        if self._relaxed and kind not in (ast.Eq, ast.NotEq):
            upward = kind in (ast.Gt, ast.GtE)
            low, high = _relax(low, upward=not upward), _relax(high, upward=upward)
        return _ordering(_COMPARE[kind], low, high)

    def value(self, node: ast.expr) -> Value:
        """A number for each symbol."""
        match node:
            case ast.Constant():
                return _Constant(self._number(node))
            case ast.Name():
                return self._field(node)
            case ast.UnaryOp(op=ast.USub()):
                return _apply(np.negative, self.value(node.operand))
            case ast.BinOp() if type(node.op) in _ARITHMETIC:
                return _apply(_ARITHMETIC[type(node.op)], self.value(node.left), self.value(node.right))
            case ast.Call(func=ast.Name()):
                return self._call(node)
            case ast.IfExp():
                test = self.test(node.test, negated=False)
                return _choice(test, self.value(node.body), self.value(node.orelse))
        raise self._refuse(node, "a field, a number or arithmetic is expected here")

    def _number(self, node: ast.Constant) -> float:
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            raise self._refuse(node, f"{node.value!r} is not a number")
        try:
            number = float(node.value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self._refuse(node, "the number is too large")
        return number

    def _field(self, node: ast.Name) -> Value:
        name = node.id
        if name in self._fields.numbers or name in self._fields.flags:
            return lambda columns: columns.number(name)
        raise self._refuse(node, f"{name} is not a numeric field", self._suggest(name))

    def _suggest(self, name: str) -> str:
        known = [*self._fields.numbers, *self._fields.flags, *self._fields.texts]
        close = difflib.get_close_matches(name, known, n=1)
        return f"did you mean {close[0]}?" if close else _one_of(known)

    def _call(self, node: ast.Call) -> Value:
        name = cast(ast.Name, node.func).id
        if name not in _FUNCTIONS:
            raise self._refuse(node, f"{name} is not a function of this language", _one_of(_FUNCTIONS))
        count, function = _FUNCTIONS[name]
        if len(node.args) != count or node.keywords:
            raise self._refuse(node, f"{name} takes {count} argument{'s' * (count > 1)}")
        return _apply(function, *(self.value(argument) for argument in node.args))


def _one_of(names: Collection[str]) -> str:
    return "one of " + ", ".join(sorted(names))


class _Constant:
    """A value that is the same for all symbols, so that it can be folded and relaxed."""

    def __init__(self, number: float) -> None:
        self.number = number

    def __call__(self, columns: Columns) -> float:
        return self.number


def _apply(function: Callable[..., NumberColumn], *values: Value) -> Value:
    if all(isinstance(value, _Constant) for value in values):
        with np.errstate(all="ignore"):
            return _Constant(float(function(*(cast(_Constant, value).number for value in values))))
    if len(values) == 1:
        only = values[0]
        return lambda columns: function(only(columns))
    left, right = values
    return lambda columns: function(left(columns), right(columns))


def _relax(value: Value, *, upward: bool) -> Value:
    """Move a threshold so that the comparison holds more easily; `upward`: values above it pass.

    A choice between constants is relaxed in both branches.
    """
    if isinstance(value, _Choice):
        return _Choice(value.test, _relax(value.yes, upward=upward), _relax(value.no, upward=upward))
    if not isinstance(value, _Constant):
        return value
    easier = (value.number >= 0) == upward
    return _Constant(value.number * HYSTERESIS if easier else value.number / HYSTERESIS)


class _Choice:
    """`yes if test else no`."""

    def __init__(self, test: Test, yes: Value, no: Value) -> None:
        self.test, self.yes, self.no = test, yes, no

    def __call__(self, columns: Columns) -> NumberColumn:
        return np.where(self.test(columns), self.yes(columns), self.no(columns))


def _choice(test: Test, yes: Value, no: Value) -> Value:
    return _Choice(test, yes, no)


def _ordering(compare: _Ordering, left: Value, right: Value) -> Test:
    return lambda columns: compare(left(columns), right(columns))


def _every(tests: list[Test]) -> Test:
    return _combine(np.logical_and, tests)


def _some(tests: list[Test]) -> Test:
    return _combine(np.logical_or, tests)


def _combine(function: Callable[[Bools, Bools], Bools], tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]

    def run(columns: Columns) -> Bools:
        result = tests[0](columns)
        for test in tests[1:]:
            result = function(result, test(columns))
        return result

    return run


def _is_flag(name: str, value: float) -> Test:
    return lambda columns: columns.number(name) == value


def _constant_test(value: bool) -> Test:
    return lambda columns: np.bool_(value)  # type: ignore[return-value]  # broadcast by the caller


def _text_test(name: str, values: frozenset[str], wanted: bool) -> Test:
    if wanted:
        return lambda columns: columns.matches(name, values)
    return lambda columns: columns.known(name) & ~columns.matches(name, values)
