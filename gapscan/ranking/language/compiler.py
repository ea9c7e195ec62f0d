"""From a syntax tree to closures on columns: what is not in the white list here is refused, with its place."""

from __future__ import annotations

import ast
import difflib
import math
import operator
from collections.abc import Collection, Mapping
from typing import Final, Protocol, cast

from gapscan.errors import SpecError
from gapscan.ranking.language.closures import (
    ALIASES,
    ARITHMETIC,
    CODED,
    FUNCTIONS,
    Choice,
    Constant,
    Test,
    Value,
    always,
    applied,
    coded_among,
    compared,
    every,
    field,
    flag,
    some,
    text_among,
)
from gapscan.ranking.language.syntax import column_of, fault

OPPOSITE: Final[Mapping[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}


class Fields(Protocol):
    """Which names an expression may use."""

    @property
    def numbers(self) -> Collection[str]: ...
    @property
    def flags(self) -> Collection[str]: ...
    @property
    def texts(self) -> Collection[str]: ...


class Compiler:
    """Turns checked trees of one expression into closures; `used` are the columns that they read."""

    def __init__(self, text: str, fields: Fields, *, relaxed: bool) -> None:
        self.used: set[str] = set()
        self._text = text
        self._fields = fields
        self._relaxed = relaxed

    def _refuse(self, node: ast.expr, message: str, remedy: str = "") -> SpecError:
        return fault(self._text, column_of(self._text, node), message, remedy)

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
                return flag(self._column(node.id), not negated)
            case ast.Constant(value=bool()):
                return always(bool(node.value) != negated)
        raise self._refuse(node, "a condition is expected here", "compare a field, such as price > 5")

    def _all_or_any(self, node: ast.BoolOp, negated: bool) -> Test:
        tests = [self.test(value, negated=negated) for value in node.values]
        return every(tests) if isinstance(node.op, ast.And) != negated else some(tests)

    def _chain(self, node: ast.Compare, negated: bool) -> Test:
        sides = [node.left, *node.comparators]
        tests = [
            self.compare(left, op, right, negated) for left, op, right in zip(sides, node.ops, sides[1:], strict=False)
        ]
        return some(tests) if negated else every(tests)

    def compare(self, left: ast.expr, op: ast.cmpop, right: ast.expr, negated: bool) -> Test:
        """One comparison, or its opposite."""
        kind = OPPOSITE.get(type(op)) if negated else type(op)
        if kind not in OPPOSITE:
            raise self._refuse(left, f"{type(op).__name__} is not an operator of this language")
        kind = cast(type[ast.cmpop], kind)
        if self.is_text(left) or self.is_text(right):
            return self._compare_text(left, kind, right)
        if kind in (ast.In, ast.NotIn):
            return self._among(left, kind, right)
        return self._compare_numbers(left, kind, right)

    def is_text(self, node: ast.expr) -> bool:
        """Whether `node` is a text, not a number."""
        if isinstance(node, ast.Constant):
            return isinstance(node.value, str)
        return isinstance(node, ast.Name) and node.id in self._fields.texts

    def _compare_text(self, left: ast.expr, kind: type[ast.cmpop], right: ast.expr) -> Test:
        if isinstance(left, ast.Constant) and kind in (ast.Eq, ast.NotEq):
            left, right = right, left
        if not isinstance(left, ast.Name) or left.id not in self._fields.texts:
            raise self._refuse(left, "text is compared with a text field", one_of(self._fields.texts))
        if kind in (ast.Eq, ast.NotEq):
            return self._text_among(left.id, [right], wanted=kind is ast.Eq)
        if kind in (ast.In, ast.NotIn):
            return self._text_among(left.id, self._items(right), wanted=kind is ast.In)
        raise self._refuse(left, f"{left.id} is text", "use ==, != or in")

    def _text_among(self, name: str, items: list[ast.expr], *, wanted: bool) -> Test:
        words = frozenset(self._string(item) for item in items)
        if name in CODED:
            self.used.add(CODED[name].column)
            return coded_among(CODED[name], words, wanted=wanted)
        self.used.add(name)
        return text_among(name, words, wanted=wanted)

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
        chooser = Compiler(self._text, self._fields, relaxed=False)
        test = chooser.test(node.test, negated=False)
        self.used |= chooser.used
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
            return field(self._column(name))
        if name in self._fields.texts:
            raise self._refuse(node, f"{name} is text, and a number is expected here")
        raise self._refuse(node, f"{name} is not a field", self._suggest(name))

    def _column(self, name: str) -> str:
        """The column that holds field `name`; noted as used."""
        column = ALIASES.get(name, name)
        self.used.add(column)
        return column

    def _suggest(self, name: str) -> str:
        known = [*self._fields.numbers, *self._fields.flags, *self._fields.texts]
        close = difflib.get_close_matches(name, known, n=1)
        return f"did you mean {close[0]}?" if close else one_of(known)

    def _call(self, node: ast.Call) -> Value:
        name = cast(ast.Name, node.func).id
        if name not in FUNCTIONS:
            raise self._refuse(node, f"{name} is not a function of this language", one_of(FUNCTIONS))
        count, function = FUNCTIONS[name]
        if len(node.args) != count or node.keywords:
            raise self._refuse(node, f"{name} takes {count} argument{'s' * (count > 1)}")
        return applied(function, *(self.value(argument) for argument in node.args))


def one_of(names: Collection[str]) -> str:
    """The remedy that names all choices."""
    return "one of " + ", ".join(sorted(names))
