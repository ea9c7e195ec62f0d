"""The ranking, plainly: which symbols each list shows, from a table of rows, one row and one condition at a time.

Read this first. The scanner gives the same lists from columns, and does again only what changed; property tests hold
the two together. Nothing here is fast, and nothing is compiled: an expression is walked through for every row.

A row is a dict of what is known of one symbol, by the names of the expression language: numbers, flags and texts, None
or NaN for what is missing; `symbol`, `session`, `now` and `open_ramp` are among them. `gone` is true of one that has
not traded for long.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeGuard

from gapscan.protocol.messages import ListDefinition
from gapscan.ranking.language.closures import HYSTERESIS, RAMP, RAMP_COLUMN
from gapscan.ranking.language.compiler import OPPOSITE
from gapscan.ranking.language.syntax import parse
from gapscan.ranking.spec import TIE_BREAKERS, gate_of

PlainRow = Mapping[str, Any]

_COMPARE: Final[Mapping[type[ast.cmpop], Callable[[Any, Any], bool]]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip
_CALCULATE: Final[Mapping[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.Div: lambda left, right: left / right if right else math.nan,
}  # fmt: skip
_FUNCTIONS: Final[Mapping[str, Callable[..., float]]] = {"abs": abs, "min": min, "max": max}


@dataclass
class Memory:
    """What one list remembers, so that its rows do not flicker; in epoch ms of market time."""

    passed: dict[str, int] = field(default_factory=dict)  # when each of its rows last passed
    left: dict[str, int] = field(default_factory=dict)  # when each symbol last left
    rows: list[str] = field(default_factory=list)  # as it was last ranked

    def settled(
        self, there: Iterable[PlainRow], passing: list[PlainRow], members: Collection[str], settle: float, now: int
    ) -> list[PlainRow]:
        """Those that pass, but for who left a moment ago; and rows that passed a moment ago."""
        if not settle:
            return passing
        names = {row["symbol"] for row in passing}
        stays = [row for row in there if row["symbol"] in members and row["symbol"] not in names]
        return [
            *(
                one
                for one in passing
                if one["symbol"] in members or now - self.left.get(one["symbol"], -math.inf) > settle
            ),
            *(one for one in stays if now - self.passed.get(one["symbol"], -math.inf) <= settle),
        ]

    def note(self, result: list[str], passing: Collection[str], now: int) -> None:
        """The list is ranked."""
        self.left |= dict.fromkeys(set(self.rows) - set(result), now)
        self.passed |= dict.fromkeys(set(result) & set(passing), now)
        self.rows = result


_NOTHING: Final[Mapping[str, Memory]] = {}


def rank(
    rows: Collection[PlainRow],
    definitions: Iterable[ListDefinition],
    gate: str,
    session: str,
    published: Mapping[str, Collection[str]],
    memories: Mapping[str, Memory] = _NOTHING,
    now: int = 0,
) -> dict[str, list[str]]:
    """The symbols of each list that is open in `session`, in order; `published` has those that it shows until now.

    `memories` are what each list remembers of this session, `now` is market time: without them, nobody settles.
    """
    return {
        definition.name: rank_one(
            rows, definition, gate, published.get(definition.name, ()), memories.get(definition.name), now
        )
        for definition in definitions
        if (session in definition.sessions if definition.sessions else session != "night")
    }


def rank_one(
    rows: Collection[PlainRow],
    definition: ListDefinition,
    gate: str,
    members: Collection[str],
    memory: Memory | None = None,
    now: int = 0,
) -> list[str]:
    """The best of those that may be in the list: by its sort keys, then by those that break ties."""
    wheres = parse(gate_of(definition, gate)), parse(definition.where)
    there = [row for row in rows if definition.idle == "stay" or not _known(row.get("gone"))]
    passing = [row for row in there if may_be_in(row, wheres, is_in=row["symbol"] in members)]
    memory = memory or Memory()
    found = memory.settled(there, passing, members, definition.settle * 1000, now)
    for key in reversed((*definition.sort, *TIE_BREAKERS)):  # a later key decides only what an earlier one leaves open
        sort_by(key, found)
    result = [row["symbol"] for row in found[: definition.limit]]
    memory.note(result, {row["symbol"] for row in passing}, now)
    return result


def may_be_in(row: PlainRow, wheres: Iterable[ast.expr], *, is_in: bool) -> bool:
    """Whether the row passes gate and filter as a newcomer or, if it is in, by the relaxed thresholds."""
    passes = (all(holds(where, row, relaxed=relaxed) for where in wheres) for relaxed in {False, is_in})
    return any(passes)


def sort_by(key: str, rows: list[PlainRow]) -> None:
    """Ascending, what is missing last; a minus turns the value around, not where the missing ones are."""
    if key.strip().removeprefix("-").strip() == "symbol":
        rows.sort(key=lambda row: str(row["symbol"]), reverse=key.strip().startswith("-"))
    else:
        tree = parse(key)
        rows.sort(key=lambda row: (0, known) if (known := value(tree, row)) is not None else (1, 0.0))


def holds(node: ast.expr, row: PlainRow, *, negated: bool = False, relaxed: bool = False) -> bool:
    """Whether the condition, or its opposite, is known to be true: neither is where something is missing."""
    match node:
        case ast.UnaryOp(op=ast.Not()):
            return holds(node.operand, row, negated=not negated, relaxed=relaxed)
        case ast.BoolOp():
            found = (holds(part, row, negated=negated, relaxed=relaxed) for part in node.values)
            return all(found) if isinstance(node.op, ast.And) != negated else any(found)
        case ast.Compare():  # 1 < x < 3 is 1 < x and x < 3
            sides = [node.left, *node.comparators]
            kinds = [OPPOSITE[type(op)] if negated else type(op) for op in node.ops]
            found = (_compare(*link, row, relaxed) for link in zip(sides, kinds, sides[1:], strict=False))
            return any(found) if negated else all(found)
        case ast.Constant():
            return bool(node.value) != negated
    flag = value(node, row)
    return flag is not None and bool(flag) != negated


def _compare(left: ast.expr, kind: type[ast.cmpop], right: ast.expr, row: PlainRow, relaxed: bool) -> bool:
    if isinstance(right, ast.Tuple | ast.List | ast.Set):
        equal = ast.Eq if kind is ast.In else ast.NotEq
        found = (_compare(left, equal, item, row, relaxed) for item in right.elts)
        return any(found) if kind is ast.In else all(found)
    if relaxed and kind not in (ast.Eq, ast.NotEq):
        is_lower = kind in (ast.Gt, ast.GtE)
        mine, other = threshold(left, row, is_lower=not is_lower), threshold(right, row, is_lower=is_lower)
    else:
        mine, other = value(left, row), value(right, row)
    return mine is not None and other is not None and _COMPARE[kind](mine, other)


def threshold(node: ast.expr, row: PlainRow, *, is_lower: bool) -> Any:
    """A side of a comparison as rows that are in have to pass it: a constant is relaxed, or a choice of constants."""
    if isinstance(node, ast.IfExp):
        return threshold(_chosen(node, row), row, is_lower=is_lower)
    if _is_ramp(node):
        return _between(row, *(threshold(end, row, is_lower=is_lower) for end in node.args))
    number = value(node, row)
    if number is None or not _is_constant(node):
        return number
    return number * HYSTERESIS if (number >= 0) == is_lower else number / HYSTERESIS


def value(node: ast.expr, row: PlainRow) -> Any:
    """The number or the text that the expression is for the row; None where it is missing."""
    match node:
        case ast.Name():
            return _known(row.get(node.id))
        case ast.IfExp():
            return value(_chosen(node, row), row)
        case ast.UnaryOp():
            return _calculated(operator.neg, row, node.operand)
        case ast.BinOp():
            return _calculated(_CALCULATE[type(node.op)], row, node.left, node.right)
        case ast.Call() if _is_ramp(node):
            return _between(row, *(value(end, row) for end in node.args))
        case ast.Call(func=ast.Name(id=name)):
            return _calculated(_FUNCTIONS[name], row, *node.args)
        case ast.Constant():
            return _known(node.value)
    raise ValueError(f"{ast.unparse(node)} is not of this language")


def _calculated(function: Callable[..., float], row: PlainRow, *operands: ast.expr) -> float | None:
    values = [value(operand, row) for operand in operands]
    return None if None in values else _known(function(*values))


def _is_ramp(node: ast.expr) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == RAMP


def _between(row: PlainRow, early: Any, late: Any) -> Any:
    share = row[RAMP_COLUMN]
    if share in (0.0, 1.0):
        return late if share else early
    return None if early is None or late is None else _known(early * (1.0 - share) + late * share)


def _known(found: Any) -> Any:
    if found is None or isinstance(found, str):
        return found
    return None if math.isnan(found) else float(found)


def _chosen(node: ast.IfExp, row: PlainRow) -> ast.expr:
    return node.body if holds(node.test, row) else node.orelse


def _is_constant(node: ast.expr) -> bool:
    names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return names <= _FUNCTIONS.keys() and not any(isinstance(part, ast.IfExp) for part in ast.walk(node))
