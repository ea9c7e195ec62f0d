"""From a syntax tree to closures on columns: what is not in the white list here is refused, with its place."""

from __future__ import annotations

import ast
import difflib
import math
import operator
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol, cast

from gapscan.errors import SpecError
from gapscan.ranking.language.closures import (
    ALIASES,
    ARITHMETIC,
    CODED,
    FUNCTIONS,
    RAMP,
    RAMP_COLUMN,
    Choice,
    Constant,
    Ramp,
    Test,
    Value,
    always,
    applied,
    coded_among,
    compared,
    every,
    field,
    flag,
    shared,
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


class FieldNames(Protocol):
    """Which names an expression may use."""

    @property
    def numbers(self) -> Collection[str]: ...
    @property
    def flags(self) -> Collection[str]: ...
    @property
    def texts(self) -> Collection[str]: ...


Kind = Literal["test", "all", "any"]


@dataclass(frozen=True, slots=True)
class Part:
    """A condition, or a group of some, as it was written and what it became: compiled once for all uses.

    `entry` is what a newcomer must pass, `stay` what a row that is in must. `values` are the two sides of a comparison
    of numbers, the only one of what is compared with several, and a flag's own. Parts with the same `key` are the same.
    """

    node: ast.expr
    negated: bool
    key: str
    entry: Test
    stay: Test
    kind: Kind = "test"
    members: tuple[Part, ...] = ()
    values: tuple[Value, ...] = ()


class Compiler:
    """Turns checked trees of one expression into closures; `used` are the columns that they read."""

    def __init__(self, text: str, fields: FieldNames) -> None:
        self.used: set[str] = set()
        self._text = text
        self._fields = fields

    def _refuse(self, node: ast.expr, message: str, remedy: str = "") -> SpecError:
        return fault(self._text, column_of(self._text, node), message, remedy)

    def condition(self, node: ast.expr, *, negated: bool = False) -> Part:
        """A condition, or its opposite."""
        match node:
            case ast.BoolOp():
                members = [self.condition(value, negated=negated) for value in node.values]
                return _group(node, negated, members, all_hold=isinstance(node.op, ast.And) != negated)
            case ast.UnaryOp(op=ast.Not()):
                return self.condition(node.operand, negated=not negated)
            case ast.Compare():
                return self._chain(node, negated)
            case ast.Name() if node.id in self._fields.flags:
                column = self._column(node.id)
                return _same(node, negated, flag(column, not negated), field(column))
            case ast.Constant(value=bool()):
                return _same(node, negated, always(bool(node.value) != negated))
        raise self._refuse(node, "a condition is expected here", "compare a field, such as price > 5")

    def _chain(self, node: ast.Compare, negated: bool) -> Part:
        """`1 < x < 3` is `1 < x` and `x < 3`."""
        if len(node.ops) == 1:
            return self._compare(node, negated)
        sides = [node.left, *node.comparators]
        links = [
            ast.copy_location(ast.Compare(left, [op], [right]), left)
            for left, op, right in zip(sides, node.ops, sides[1:], strict=False)
        ]
        return _group(node, negated, [self._compare(link, negated) for link in links], all_hold=not negated)

    def _compare(self, node: ast.Compare, negated: bool) -> Part:
        """One comparison, or its opposite."""
        left, op, right = node.left, node.ops[0], node.comparators[0]
        kind = OPPOSITE.get(type(op)) if negated else type(op)
        if kind not in OPPOSITE:
            raise self._refuse(left, f"{type(op).__name__} is not an operator of this language")
        kind = cast(type[ast.cmpop], kind)
        if self._is_text(left) or self._is_text(right):
            return _same(node, negated, self._compare_text(left, kind, right))
        if kind in (ast.In, ast.NotIn):
            value = self.value(left)
            return _same(node, negated, self._among(value, kind, right), value)
        low, high = self.value(left), self.value(right)
        entry, stay = (compared(kind, low, high, relaxed=relaxed) for relaxed in (False, True))
        key = _key(node, negated)
        return Part(node, negated, key, *_shared(key, entry, stay), values=(low, high))

    def _is_text(self, node: ast.expr) -> bool:
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

    def _among(self, value: Value, kind: type[ast.cmpop], right: ast.expr) -> Test:
        equal = ast.Eq if kind is ast.In else ast.NotEq
        tests = [compared(equal, value, self.value(item), relaxed=False) for item in self._items(right)]
        return some(tests) if kind is ast.In else every(tests)

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
        test = self.condition(node.test).entry
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
        if name not in FUNCTIONS and name != RAMP:
            raise self._refuse(node, f"{name} is not a function of this language", one_of([*FUNCTIONS, RAMP]))
        count, function = FUNCTIONS.get(name, (2, None))
        if len(node.args) != count or node.keywords:
            raise self._refuse(node, f"{name} takes {count} argument{'s' * (count > 1)}")
        values = [self.value(argument) for argument in node.args]
        if function is None:
            self.used.add(RAMP_COLUMN)
            return Ramp(*values)
        return applied(function, *values)


def _group(node: ast.expr, negated: bool, members: list[Part], *, all_hold: bool) -> Part:
    combined, word = (every, " and ") if all_hold else (some, " or ")
    entry, stay = combined([part.entry for part in members]), combined([part.stay for part in members])
    key = f"({word.join(part.key for part in members)})"
    return Part(node, negated, key, *_shared(key, entry, stay), "all" if all_hold else "any", tuple(members))


def _same(node: ast.expr, negated: bool, test: Test, *values: Value) -> Part:
    """A condition without a threshold that could be relaxed."""
    key = _key(node, negated)
    return Part(node, negated, key, *_shared(key, test, test), values=values)


def _shared(key: str, entry: Test, stay: Test) -> tuple[Test, Test]:
    return shared(key, entry), shared(f"stay {key}", stay)


def _key(node: ast.expr, negated: bool) -> str:
    return f"not {ast.unparse(node)}" if negated else ast.unparse(node)


def one_of(names: Collection[str]) -> str:
    """The remedy that names all choices."""
    return "one of " + ", ".join(sorted(names))
