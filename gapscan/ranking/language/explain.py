"""A filter taken apart for people: each condition with a symbol's value, the threshold, and whether it holds."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, cast

import numpy as np

from gapscan.market.columns import Bools
from gapscan.protocol.messages import Condition
from gapscan.ranking.language.closures import CODED, Choice, Code, Columns, Constant, Test, Value
from gapscan.ranking.language.compiler import OPPOSITE, Compiler
from gapscan.ranking.language.expression import Filter
from gapscan.ranking.language.syntax import source_of

Kind = Literal["test", "all", "any"]
ShownValue = float | str | bool | None
# The text that a symbol has in a field.
Words = Callable[[str], str | None]
Operand = Callable[[Columns, Words], ShownValue]

_DECIMALS: Final = 6
_SYMBOLS: Final[dict[type[ast.cmpop], str]] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip


def _nothing(_columns: Columns, _words: Words) -> ShownValue:
    return None


@dataclass(frozen=True, slots=True)
class Line:
    """One condition, or the head of a group whose members follow with a greater depth.

    `entry` is what a newcomer must pass, `stay` what a row that is in must. `id` is as in a Condition.
    """

    text: str
    kind: Kind
    depth: int
    entry: Test
    stay: Test
    value: Operand = _nothing
    threshold: Operand = _nothing
    id: str | None = None


def outline(parsed: Filter) -> tuple[Line, ...]:
    """The conditions of a filter, in the order in which they were written; at depth 0 all must hold."""
    return tuple(_Outliner(parsed).lines(parsed.tree, negated=False, depth=0, inside="all"))


def conditions(lines: Sequence[Line], columns: Columns, words: Words) -> list[Condition]:
    """What the lines say of one symbol: `columns` has that symbol alone, `words` its texts.

    Run it under `np.errstate(all="ignore")`, as all expressions.
    """
    return [
        Condition(
            text=line.text,
            kind=line.kind,
            depth=line.depth,
            passes=_only(line.entry(columns)),
            stays=_only(line.stay(columns)),
            value=line.value(columns, words),
            threshold=line.threshold(columns, words),
            id=line.id,
        )
        for line in lines
    ]


def passing(lines: Sequence[Line], columns: Columns, size: int) -> Bools:
    """Which lines let which symbols enter, shape (len(lines), size); `columns` has `size` symbols."""
    found = np.zeros((len(lines), size), np.bool_)
    for row, line in zip(found, lines, strict=True):
        row[:] = line.entry(columns)
    return found


def _only(result: Bools) -> bool:
    """What a test says of the only symbol."""
    return bool(np.broadcast_to(result, (1,))[0])


class _Outliner:
    def __init__(self, parsed: Filter) -> None:
        self._text = parsed.text
        self._entry = Compiler(parsed.text, parsed.names, relaxed=False)
        self._stay = Compiler(parsed.text, parsed.names, relaxed=True)

    def lines(self, node: ast.expr, *, negated: bool, depth: int, inside: Kind) -> Iterator[Line]:
        """The lines of a part of the tree that stands in a group of kind `inside`: a group of the same kind needs
        no head of its own."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield from self.lines(node.operand, negated=not negated, depth=depth, inside=inside)
            return
        members = _members(node)
        if not members:
            yield self._leaf(node, negated, depth)
            return
        kind: Kind = "all" if _is_all(node) != negated else "any"
        if kind != inside:
            text = " ".join(source_of(self._text, node)[1:-1].split())
            yield Line(f"not ({text})" if negated else text, kind, depth, *self._tests(node, negated))
            depth += 1
        for member in members:
            yield from self.lines(member, negated=negated, depth=depth, inside=kind)

    def _leaf(self, node: ast.expr, negated: bool, depth: int) -> Line:
        if isinstance(node, ast.Compare):
            return self._comparison(node, negated, depth)
        return self._flag(node, negated, depth)

    def _tests(self, node: ast.expr, negated: bool) -> tuple[Test, Test]:
        return self._entry.test(node, negated=negated), self._stay.test(node, negated=negated)

    def _flag(self, node: ast.expr, negated: bool, depth: int) -> Line:
        """A flag by itself, or a constant truth."""
        text = source_of(self._text, node)
        line = Line(f"not {text}" if negated else text, "test", depth, *self._tests(node, negated))
        if not isinstance(node, ast.Name):
            return line
        value = self._entry.value(node)
        return replace(line, value=_truth(value), threshold=lambda _c, _w: not negated, id=node.id)

    def _comparison(self, node: ast.Compare, negated: bool, depth: int) -> Line:
        left, right = node.left, node.comparators[0]
        kind = OPPOSITE[type(node.ops[0])] if negated else type(node.ops[0])
        text = f"{source_of(self._text, left)} {_SYMBOLS[kind]} {source_of(self._text, right)}"
        return Line(text, "test", depth, *self._tests(node, negated), *self._operands(left, right))

    def _operands(self, left: ast.expr, right: ast.expr) -> tuple[Operand, Operand]:
        """The symbol's own side, and the one that it is held against."""
        if self._entry.is_text(left) or self._entry.is_text(right):
            field, other = (right, left) if isinstance(left, ast.Constant) else (left, right)
            return _word(cast(ast.Name, field).id), _fixed(", ".join(_strings(other)))
        if isinstance(right, ast.Tuple | ast.List | ast.Set):
            return _number(self._entry.value(left)), _fixed(source_of(self._text, right)[1:-1].strip(" ,"))
        mine, theirs = self._entry.value(left), self._entry.value(right)
        if _is_threshold(mine) and not _is_threshold(theirs):
            mine, theirs = theirs, mine
        return _number(mine), _number(theirs)


def _members(node: ast.expr) -> list[ast.expr]:
    """What a group is made of; `1 < x < 3` is `1 < x` and `x < 3`."""
    if isinstance(node, ast.BoolOp):
        return node.values
    if not isinstance(node, ast.Compare) or len(node.ops) == 1:
        return []
    sides = [node.left, *node.comparators]
    links = zip(sides, node.ops, sides[1:], strict=False)
    return [ast.copy_location(ast.Compare(left, [op], [right]), left) for left, op, right in links]


def _is_all(group: ast.expr) -> bool:
    return not (isinstance(group, ast.BoolOp) and isinstance(group.op, ast.Or))


def _strings(node: ast.expr) -> list[str]:
    items = node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]
    return [str(cast(ast.Constant, item).value) for item in items]


def _is_threshold(value: Value) -> bool:
    if isinstance(value, Choice):
        return _is_threshold(value.yes) and _is_threshold(value.no)
    return isinstance(value, Constant)


def _fixed(text: str) -> Operand:
    return lambda _columns, _words: text


def _word(field: str) -> Operand:
    if field in CODED:
        return _coded(CODED[field])
    return lambda _columns, words: words(field)


def _coded(code: Code) -> Operand:
    def shown(columns: Columns, _words: Words) -> ShownValue:
        number = _finite(columns.number(code.column))
        return None if number is None else code.words[int(number)]

    return shown


def _number(value: Value) -> Operand:
    return lambda columns, _words: _finite(value(columns))


def _truth(value: Value) -> Operand:
    def shown(columns: Columns, _words: Words) -> ShownValue:
        number = _finite(value(columns))
        return None if number is None else number == 1.0

    return shown


def _finite(column: object) -> float | None:
    """The only number of a column; None where it is missing."""
    number = float(np.broadcast_to(np.asarray(column, np.float64), (1,))[0])
    return round(number, _DECIMALS) if math.isfinite(number) else None
