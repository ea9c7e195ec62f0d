"""Conditions of alerts: the language of lists, and words for what happens between two rankings.

    crosses_above(price, vwap) and count(30) >= 3

`crosses_above(x, y)` and `crosses_below(x, y)` compare the values at two successive states of a row; `count(minutes)`
is how often the symbol entered the list within these minutes. They become columns of their own, which `RowColumns` has.
"""

from __future__ import annotations

import ast
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

from gapscan.errors import SpecError
from gapscan.ranking.language.closures import Test, Value
from gapscan.ranking.language.compiler import Compiler
from gapscan.ranking.language.explain import Line, outline
from gapscan.ranking.language.syntax import column_of, fault, parse
from gapscan.ranking.spec import ROW_FIELDS

ABOVE: Final = "crosses_above"
BELOW: Final = "crosses_below"
COUNT: Final = "count"
MAX_MINUTES: Final = 960  # a trading day


@dataclass(frozen=True, slots=True)
class Crossing:
    """Two values, of which the first passes the second, upward or not."""

    x: Value
    y: Value
    upward: bool


class AlertCondition:
    """A parsed condition of an alert. `entry` says for which rows it holds; `fields` are the columns that it reads."""

    def __init__(self, text: str) -> None:
        words = _Words(text)
        compiler = Compiler(text, words)
        root = compiler.condition(words.visit(parse(text)))
        self.text = text
        self.entry: Test = root.entry
        self.crossings = words.crossings
        self.counts = words.counts
        self.fields = frozenset((compiler.used | words.used) - words.crossings.keys() - words.counts.keys())
        self.outline: tuple[Line, ...] = tuple(map(words.shown, outline(text, root)))


class _Words(ast.NodeTransformer):
    """The names that such a condition may use; calls of its own words become names."""

    def __init__(self, text: str) -> None:
        self.crossings: dict[str, Crossing] = {}
        self.counts: dict[str, float] = {}  # minutes
        self.used: set[str] = set()
        self._text = text

    @property
    def numbers(self) -> Collection[str]:
        """Fields with a number."""
        return {*ROW_FIELDS.numbers, *self.counts}

    @property
    def flags(self) -> Collection[str]:
        """Fields that are true or false."""
        return {*ROW_FIELDS.flags, *self.crossings}

    @property
    def texts(self) -> Collection[str]:
        """Fields with a text."""
        return ROW_FIELDS.texts

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """One of the words, or a function of the language, which is left as it is."""
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in (ABOVE, BELOW):
            return self._crossing(node, name)
        return self._count(node) if name == COUNT else self.generic_visit(node)

    def _crossing(self, node: ast.Call, name: str) -> ast.AST:
        if len(node.args) != 2 or node.keywords:
            raise self._refuse(node, f"{name} takes 2 arguments", f"such as {name}(price, vwap)")
        compiler = Compiler(self._text, ROW_FIELDS)
        x, y = (compiler.value(argument) for argument in node.args)
        self.used |= compiler.used
        column = f"{name} {len(self.crossings)}"
        self.crossings[column] = Crossing(x, y, upward=name == ABOVE)
        return ast.copy_location(ast.Name(column), node)

    def _count(self, node: ast.Call) -> ast.AST:
        minutes = node.args[0].value if len(node.args) == 1 and isinstance(node.args[0], ast.Constant) else None
        if node.keywords or isinstance(minutes, bool) or not isinstance(minutes, int | float) or not minutes > 0:
            raise self._refuse(node, "count takes a number of minutes", "such as count(30)")
        if minutes > MAX_MINUTES:
            raise self._refuse(node, f"{minutes} minutes are too many", f"at most {MAX_MINUTES}")
        column = f"{COUNT} {float(minutes):g}"
        self.counts[column] = float(minutes)
        return ast.copy_location(ast.Name(column), node)

    def _refuse(self, node: ast.expr, message: str, remedy: str) -> SpecError:
        return fault(self._text, column_of(self._text, node), message, remedy)

    def shown(self, line: Line) -> Line:
        """A line of the outline, without an id that is no field's."""
        return replace(line, id=None) if line.id in self.crossings else line
