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
import operator
import warnings
from collections.abc import Collection, Mapping
from typing import Final, Protocol, cast

from gapscan.errors import SpecError
from gapscan.ranking.columns import (
    ARITHMETIC,
    FUNCTIONS,
    Choice,
    Constant,
    Test,
    Value,
    always,
    applied,
    compared,
    every,
    field,
    flag,
    some,
    text_among,
)

MAX_LENGTH: Final = 2_000
MAX_DEPTH: Final = 40

_LINE_ENDS: Final = str.maketrans("\r\n", "  ")


class Fields(Protocol):
    """Which names an expression may use."""

    @property
    def numbers(self) -> Collection[str]: ...
    @property
    def flags(self) -> Collection[str]: ...
    @property
    def texts(self) -> Collection[str]: ...


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


class Filter:
    """A parsed filter: `entry` says which symbols may enter a list, `stay` which of its rows may stay.

    The two differ by hysteresis: in `stay`, the constants of every ordering comparison are relaxed.
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


def _one_line(text: str) -> str:
    """The expression as it is parsed and shown: an expression may be written over several lines."""
    return text.strip().translate(_LINE_ENDS)


def _parse(text: str) -> ast.expr:
    if len(text) > MAX_LENGTH:
        raise SpecError(f"an expression of {len(text)} characters is too long", remedy=f"at most {MAX_LENGTH}")
    line = _one_line(text)
    if not line:
        raise SpecError("the expression is empty", column=0, remedy="write a condition, such as price > 5")
    if "#" in line:  # on one line, a comment would hide all that follows it
        raise _fault(text, line.index("#"), "an expression has no comments")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # such as an invalid escape in a text
            tree = ast.parse(line, mode="eval").body
    except SyntaxError as error:
        # No place means that the text ends where more was expected.
        raise _fault(text, error.offset - 1 if error.offset else len(line), error.msg) from None
    except (ValueError, RecursionError, MemoryError, Warning) as error:
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
    text = _one_line(text)
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
        raw = _one_line(self._text).encode()[: node.col_offset]
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
                return flag(node.id, not negated)
            case ast.Constant(value=bool()):
                return always(bool(node.value) != negated)
        raise self._refuse(node, "a condition is expected here", "compare a field, such as price > 5")

    def _all_or_any(self, node: ast.BoolOp, negated: bool) -> Test:
        tests = [self.test(value, negated=negated) for value in node.values]
        return every(tests) if isinstance(node.op, ast.And) != negated else some(tests)

    def _chain(self, node: ast.Compare, negated: bool) -> Test:
        sides = [node.left, *node.comparators]
        tests = [
            self._compare(left, op, right, negated) for left, op, right in zip(sides, node.ops, sides[1:], strict=False)
        ]
        return some(tests) if negated else every(tests)

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
            return text_among(left.id, frozenset([self._string(right)]), wanted=kind is ast.Eq)
        if kind in (ast.In, ast.NotIn):
            members = frozenset(self._string(item) for item in self._items(right))
            return text_among(left.id, members, wanted=kind is ast.In)
        raise self._refuse(left, f"{left.id} is text", "use ==, != or in")

    def _string(self, node: ast.expr) -> str:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        raise self._refuse(node, "a text in quotes is expected here")

    def _items(self, node: ast.expr) -> list[ast.expr]:
        if isinstance(node, ast.Tuple | ast.List | ast.Set) and node.elts:
            return node.elts
        raise self._refuse(node, "a list of values is expected here", 'such as ("CS", "ADRC")')

    def _among(self, left: ast.expr, kind: type[ast.cmpop], right: ast.expr) -> Test:
        equal = ast.Eq if kind is ast.In else ast.NotEq
        tests = [self._compare_numbers(left, equal, item) for item in self._items(right)]
        return some(tests) if kind is ast.In else every(tests)

    def _compare_numbers(self, left: ast.expr, kind: type[ast.cmpop], right: ast.expr) -> Test:
        return compared(kind, self.value(left), self.value(right), relaxed=self._relaxed)

    def value(self, node: ast.expr) -> Value:
        """A number for each symbol."""
        match node:
            case ast.Constant():
                return Constant(self._number(node))
            case ast.Name():
                return self._field(node)
            case ast.UnaryOp(op=ast.USub()):
                return applied(operator.neg, self.value(node.operand))
            case ast.BinOp() if type(node.op) in ARITHMETIC:
                return applied(ARITHMETIC[type(node.op)], self.value(node.left), self.value(node.right))
            case ast.Call(func=ast.Name()):
                return self._call(node)
            case ast.IfExp():
                return self._choice(node)
        raise self._refuse(node, "a field, a number or arithmetic is expected here")

    def _choice(self, node: ast.IfExp) -> Value:
        # The test chooses a threshold and is none itself: relaxed, it could choose a harder one.
        test = _Compiler(self._text, self._fields, relaxed=False).test(node.test, negated=False)
        return Choice(test, self.value(node.body), self.value(node.orelse))

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
            return field(name)
        if name in self._fields.texts:
            raise self._refuse(node, f"{name} is text, and a number is expected here")
        raise self._refuse(node, f"{name} is not a field", self._suggest(name))

    def _suggest(self, name: str) -> str:
        known = [*self._fields.numbers, *self._fields.flags, *self._fields.texts]
        close = difflib.get_close_matches(name, known, n=1)
        return f"did you mean {close[0]}?" if close else _one_of(known)

    def _call(self, node: ast.Call) -> Value:
        name = cast(ast.Name, node.func).id
        if name not in FUNCTIONS:
            raise self._refuse(node, f"{name} is not a function of this language", _one_of(FUNCTIONS))
        count, function = FUNCTIONS[name]
        if len(node.args) != count or node.keywords:
            raise self._refuse(node, f"{name} takes {count} argument{'s' * (count > 1)}")
        return applied(function, *(self.value(argument) for argument in node.args))


def _one_of(names: Collection[str]) -> str:
    return "one of " + ", ".join(sorted(names))
