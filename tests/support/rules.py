"""What a list's definition says of a universe's symbols, by the plain ranker."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any

import numpy as np

from gapscan.market.computed import open_ramp_of
from gapscan.market.fields import TEXTS
from gapscan.market.metrics import step_of
from gapscan.market.universe import Universe
from gapscan.protocol.messages import ListDefinition
from gapscan.protocol.values import Idle
from gapscan.ranking.language.closures import ALIASES, CODED, FUNCTIONS, RAMP, RAMP_COLUMN
from gapscan.ranking.language.syntax import parse
from gapscan.ranking.plain import PlainRow, may_be_in
from gapscan.ranking.spec import gate_of


def passing(universe: Universe, wheres: Iterable[str], *, relaxed: bool = False, idle: Idle = "leave") -> set[str]:
    """The symbols that all the conditions let in; `relaxed`: let stay, once they are in."""
    trees = [parse(where) for where in wheres]
    rows = [row for row in _rows(universe, trees) if idle == "stay" or row["gone"] != 1.0]
    return {row["symbol"] for row in rows if may_be_in(row, trees, is_in=relaxed)}


def _rows(universe: Universe, trees: Iterable[ast.expr]) -> list[PlainRow]:
    """The symbols with all fields that the expressions name."""
    named = {part.id for tree in trees for part in ast.walk(tree) if isinstance(part, ast.Name)} - {*FUNCTIONS, RAMP}
    columns = {name: _column(universe, name) for name in named | {"symbol", "gone", RAMP_COLUMN}}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _column(universe: Universe, name: str) -> list[Any]:
    same = {"session": str(universe.session), "now": step_of(universe.as_of), RAMP_COLUMN: open_ramp_of(universe)}
    if name in same:
        return [same[name]] * len(universe)
    if name == "symbol":
        return list(universe.symbols)
    if name in TEXTS:
        return list(universe.text(name).words(np.arange(len(universe))))
    numbers = [float(value) for value in universe.number(ALIASES.get(name, name))]
    if name not in CODED:
        return numbers
    return [None if np.isnan(number) else CODED[name].words[int(number)] for number in numbers]


def follows(universe: Universe, definition: ListDefinition, gate: str, rows: list[str]) -> str:
    """What is wrong with `rows` as this list's symbols; empty when they may be so."""
    wheres = (gate_of(definition, gate), definition.where)
    may, must = (passing(universe, wheres, relaxed=relaxed, idle=definition.idle) for relaxed in (True, False))
    if strangers := set(rows) - may:
        return f"{sorted(strangers)} may not be in it"
    if len(rows) < definition.limit and (missing := must - set(rows)):
        return f"{sorted(missing)} are not in it"
    return ""
