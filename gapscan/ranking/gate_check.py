"""What a filter asks for in vain, since the gate keeps it out: other kinds of security, a price under a dollar."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final, NamedTuple, cast

from gapscan.protocol.messages import ListDefinition
from gapscan.ranking.language.syntax import parse
from gapscan.ranking.spec import gate_of

_AT_LEAST: Final = (ast.Gt, ast.GtE)
_AT_MOST: Final = (ast.Lt, ast.LtE)


class _Test(NamedTuple):
    """A field held against constants: one number, or the words of which it must be one."""

    field: str
    kind: type[ast.cmpop]
    values: tuple[object, ...]


def kept_out(definition: ListDefinition, default: str) -> list[str]:
    """What the filter names and the gate lets nobody through with, in words; `default` is the gate of most lists."""
    gate = [*_demands(parse(gate_of(definition, default)))]
    asked = [*_tests(parse(definition.where))]
    return list(dict.fromkeys(text for test in asked for demand in gate if (text := _conflict(test, demand))))


def _conflict(test: _Test, demand: _Test) -> str:
    if test.field != demand.field:
        return ""
    if demand.kind is ast.In and test.kind is ast.In:
        lost = [str(word) for word in test.values if word not in demand.values]
        return f"{test.field} {', '.join(lost)}" if lost else ""
    if demand.kind not in _AT_LEAST + _AT_MOST or test.kind not in _AT_LEAST + _AT_MOST:
        return ""
    (asked,), (least,) = cast(tuple[float], test.values), cast(tuple[float], demand.values)
    beyond = asked < least if demand.kind in _AT_LEAST else asked > least
    # A bound on the same side that is no bound at all, such as price > 0, asks for nothing.
    asks = (beyond and asked != 0) or (asked == least and (test.kind in _AT_LEAST) != (demand.kind in _AT_LEAST))
    side = "below" if demand.kind in _AT_LEAST else "above"
    return f"{test.field} {side} {least:g}" if asks else ""


def _demands(node: ast.expr) -> Iterator[_Test]:
    """The conditions that all must hold."""
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
        for part in node.values:
            yield from _demands(part)
    elif isinstance(node, ast.Compare):
        yield from _links(node)


def _tests(node: ast.expr) -> Iterator[_Test]:
    """All conditions, but for those under a `not`."""
    if isinstance(node, ast.BoolOp):
        for part in node.values:
            yield from _tests(part)
    elif isinstance(node, ast.Compare):
        yield from _links(node)


def _links(node: ast.Compare) -> Iterator[_Test]:
    sides = [node.left, *node.comparators]
    for left, op, right in zip(sides, map(type, node.ops), sides[1:], strict=False):
        if isinstance(left, ast.Name):
            yield from _test(left.id, op, right)
        elif isinstance(right, ast.Name):
            yield from _test(right.id, _TURNED.get(op, op), left)


_TURNED: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE,
}  # fmt: skip


def _test(field: str, kind: type[ast.cmpop], right: ast.expr) -> Iterator[_Test]:
    if isinstance(right, ast.Tuple | ast.List | ast.Set):
        values = tuple(item.value for item in right.elts if isinstance(item, ast.Constant))
        yield _Test(field, kind, values)
    elif isinstance(right, ast.Constant) and isinstance(right.value, str):
        yield _Test(field, ast.In if kind is ast.Eq else kind, (right.value,))
    elif isinstance(right, ast.Constant) and isinstance(right.value, int | float) and kind is not ast.Eq:
        yield _Test(field, kind, (right.value,))
