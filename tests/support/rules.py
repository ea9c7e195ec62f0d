"""What a list's definition says of symbols one at a time, by Python's own rules: nothing here is gapscan's compiler."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any

import numpy as np

from gapscan.market.metrics import step_of
from gapscan.market.universe import Universe
from gapscan.protocol.messages import ListDefinition

_SHARE = 0.9  # of a threshold, which a row that is in may fall behind to
_TEXTS = ("type", "halt", "exchange")


def behind(threshold: float) -> float:
    """A lower bound, relaxed."""
    return threshold * _SHARE if threshold >= 0 else threshold / _SHARE


def ahead(threshold: float) -> float:
    """An upper bound, relaxed."""
    return threshold / _SHARE if threshold >= 0 else threshold * _SHARE


class _Relax(ast.NodeTransformer):
    """Every number that something is compared with, by the side on which it stands."""

    def visit_Compare(self, node: ast.Compare) -> ast.Compare:
        sides = [node.left, *node.comparators]
        for place, op in enumerate(node.ops):
            upper = isinstance(op, ast.Lt | ast.LtE)
            if upper or isinstance(op, ast.Gt | ast.GtE):
                sides[place + 1] = _relaxed(sides[place + 1], "ahead" if upper else "behind")
                sides[place] = _relaxed(sides[place], "behind" if upper else "ahead")
        node.left, node.comparators = sides[0], sides[1:]
        return node


def _relaxed(side: ast.expr, how: str) -> ast.expr:
    if any(isinstance(part, ast.Name) and part.id != "session" for part in ast.walk(side)):
        return side
    return ast.Call(ast.Name(how, ast.Load()), [side], [])


def _compiled(where: str, *, relaxed: bool) -> Any:
    tree = ast.parse(where.strip(), mode="eval")
    return compile(ast.fix_missing_locations(_Relax().visit(tree)) if relaxed else tree, "where", "eval")


def passing(universe: Universe, wheres: Iterable[str], *, relaxed: bool = False) -> set[str]:
    """The symbols that all the conditions let in; `relaxed`: let stay, once they are in."""
    tests = [_compiled(where, relaxed=relaxed) for where in wheres]
    fields = sorted({name for test in tests for name in test.co_names} - {"abs", "behind", "ahead", "session", "now"})
    columns = {name: _column(universe, name) for name in [*fields, "gone"]}
    same = {"session": str(universe.session), "now": step_of(universe.as_of), "behind": behind, "ahead": ahead}
    found = set()
    for at, symbol in enumerate(universe.symbols):
        known = {name: column[at] for name, column in columns.items()}
        if known["gone"] != 1.0 and all(eval(test, {**same, **known}) for test in tests):
            found.add(symbol)
    return found


def _column(universe: Universe, name: str) -> list[Any]:
    if name in _TEXTS:
        return list(universe.text(name).words(np.arange(len(universe))))
    return [float(value) for value in universe.number(name)]


def follows(universe: Universe, definition: ListDefinition, gate: str, rows: list[str]) -> str:
    """What is wrong with `rows` as this list's symbols; empty when they may be so."""
    wheres = (gate, definition.where)
    may, must = passing(universe, wheres, relaxed=True), passing(universe, wheres)
    if strangers := set(rows) - may:
        return f"{sorted(strangers)} may not be in it"
    if len(rows) < definition.limit and (missing := must - set(rows)):
        return f"{sorted(missing)} are not in it"
    return ""
