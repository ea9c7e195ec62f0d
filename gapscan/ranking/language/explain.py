"""A filter taken apart for people: each condition with a symbol's value, the threshold, and whether it holds."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

import numpy as np

from gapscan.market.columns import Bools
from gapscan.protocol.messages import Condition
from gapscan.ranking.language.closures import CODED, Choice, Code, Columns, Constant, Ramp, Test, Value
from gapscan.ranking.language.compiler import OPPOSITE, Kind, Part
from gapscan.ranking.language.syntax import source_of

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


def outline(text: str, root: Part) -> tuple[Line, ...]:
    """The conditions of the filter `text`, in the order in which they were written; at depth 0 all must hold.

    Nothing is compiled for it: each line runs what the filter itself runs.
    """
    return tuple(_lines(text, root, depth=0, inside="all"))


def conditions(lines: Sequence[Line], columns: Columns, words: Words) -> list[Condition]:
    """What the lines say of one symbol: `columns` has that symbol alone, `words` its texts.

    Run it under `np.errstate(all="ignore")`, as all expressions.
    """
    return [_condition(line, columns, words) for line in lines]


def _condition(line: Line, columns: Columns, words: Words) -> Condition:
    passes = _only(line.entry(columns))
    return Condition(
        text=line.text,
        kind=line.kind,
        depth=line.depth,
        passes=passes,
        stays=passes or _only(line.stay(columns)),
        value=line.value(columns, words),
        threshold=line.threshold(columns, words),
        id=line.id,
    )


def passing(lines: Sequence[Line], columns: Columns, size: int) -> Bools:
    """Which lines let which symbols enter, shape (len(lines), size); `columns` has `size` symbols."""
    found = np.zeros((len(lines), size), np.bool_)
    for row, line in zip(found, lines, strict=True):
        row[:] = line.entry(columns)
    return found


def _only(result: Bools) -> bool:
    """What a test says of the only symbol."""
    return bool(np.broadcast_to(result, (1,))[0])


def _lines(text: str, part: Part, depth: int, inside: Kind) -> Iterator[Line]:
    """The lines of a part that stands in a group of kind `inside`: one of the same kind needs no head."""
    if part.kind == "test":
        yield _comparison(text, part, depth) if isinstance(part.node, ast.Compare) else _flag(text, part, depth)
        return
    if part.kind != inside:
        words = " ".join(source_of(text, part.node)[1:-1].split())
        yield Line(f"not ({words})" if part.negated else words, part.kind, depth, part.entry, part.stay)
        depth += 1
    for member in part.members:
        yield from _lines(text, member, depth, part.kind)


def _flag(text: str, part: Part, depth: int) -> Line:
    """A flag by itself, or a constant truth."""
    words = source_of(text, part.node)
    line = Line(f"not {words}" if part.negated else words, "test", depth, part.entry, part.stay)
    if not isinstance(part.node, ast.Name):
        return line
    wanted = not part.negated
    return replace(line, value=_truth(part.values[0]), threshold=lambda _c, _w: wanted, id=part.node.id)


def _comparison(text: str, part: Part, depth: int) -> Line:
    node = cast(ast.Compare, part.node)
    left, right = node.left, node.comparators[0]
    kind = OPPOSITE[type(node.ops[0])] if part.negated else type(node.ops[0])
    words = f"{source_of(text, left)} {_SYMBOLS[kind]} {source_of(text, right)}"
    return Line(words, "test", depth, part.entry, part.stay, *_operands(text, left, right, part.values))


def _operands(text: str, left: ast.expr, right: ast.expr, values: Sequence[Value]) -> tuple[Operand, Operand]:
    """The symbol's own side, and the one that it is held against."""
    if not values:
        field, other = (right, left) if isinstance(left, ast.Constant) else (left, right)
        return _word(cast(ast.Name, field).id), _fixed(", ".join(_strings(other)))
    if len(values) == 1:
        return _number(values[0]), _fixed(source_of(text, right)[1:-1].strip(" ,"))
    mine, theirs = values
    if _is_threshold(mine) and not _is_threshold(theirs):
        mine, theirs = theirs, mine
    return _number(mine), _number(theirs)


def _strings(node: ast.expr) -> list[str]:
    items = node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]
    return [str(cast(ast.Constant, item).value) for item in items]


def _is_threshold(value: Value) -> bool:
    if isinstance(value, Choice):
        return _is_threshold(value.yes) and _is_threshold(value.no)
    if isinstance(value, Ramp):
        return _is_threshold(value.early) and _is_threshold(value.late)
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
