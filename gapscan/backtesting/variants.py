"""Variants of list definitions: other thresholds of one field, and further conditions, side by side."""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from typing import Final

from msgspec import Struct, structs

from gapscan.errors import ConfigError, SpecError
from gapscan.protocol.messages import ListDefinition
from gapscan.ranking.language.syntax import parse
from gapscan.ranking.spec import ListSet, compile_list

MAX_VARIANTS: Final = 64


class Variant(Struct, frozen=True):
    """A list as it is backtested: `label` tells it from the others, `base` is the label of what it varies."""

    label: str
    base: str
    definition: ListDefinition


class Vary(Struct, frozen=True):
    """A field, and the numbers that its comparisons with a number are made with, one after the other.

    What is compared with a negative number is compared with minus the number: 3 makes `<= -2` to `<= -3`.
    """

    field: str
    values: list[float]


def parse_vary(text: str) -> Vary:
    """`gap_percent=1,2,3,5`. Raises ConfigError."""
    field, equals, numbers = text.partition("=")
    try:
        values = [float(number) for number in numbers.split(",")]
    except ValueError:
        values = []
    values = values if all(map(math.isfinite, values)) else []
    if not equals or not field.strip() or not values:
        raise ConfigError(f"--vary {text}: not a field and numbers", remedy="such as --vary 'gap_percent=1,2,3'")
    return Vary(field.strip(), values)


def variants_of(
    definitions: Sequence[ListDefinition], varied: Sequence[Vary] = (), wheres: Sequence[str] = ()
) -> list[Variant]:
    """Each list as it is, and once for each value and for each further condition.

    Raises ConfigError when no list compares a varied field with a number, SpecError for a condition that is none.
    """
    found = [Variant(one.name, one.name, one) for one in definitions]
    for vary in varied:
        fresh = [variant for one in definitions for variant in _varied(one, vary)]
        if not fresh:
            names = ", ".join(one.name for one in definitions)
            raise ConfigError(
                f"--vary {vary.field}: none of {names} compares {vary.field} with a number",
                remedy="use --where to add a condition",
            )
        found += fresh
    for where in wheres:
        found += [_narrowed(one, where) for one in definitions]
    if len(found) > MAX_VARIANTS:
        raise ConfigError(f"{len(found)} lists and variants are too many", remedy=f"at most {MAX_VARIANTS} at a time")
    for variant in found:
        compile_list(variant.definition)
    return found


def list_set(variants: Sequence[Variant], shipped: ListSet) -> ListSet:
    """The variants as lists to be ranked together, each under a name of its own."""
    named = [structs.replace(one.definition, name=f"variant_{at}") for at, one in enumerate(variants)]
    return ListSet(shipped.gate, tuple(compile_list(one) for one in named))


def _varied(definition: ListDefinition, vary: Vary) -> list[Variant]:
    found = []
    for value in vary.values:
        change = _Change(vary.field, value)
        tree = change.visit(parse(definition.where))
        if not change.made:
            return []
        where = ast.unparse(ast.fix_missing_locations(tree))
        label = f"{definition.name}[{vary.field}={value:g}]"
        found.append(Variant(label, definition.name, structs.replace(definition, where=where)))
    return found


def _narrowed(definition: ListDefinition, where: str) -> Variant:
    parse(where)  # alone: brackets that close what another one opened are refused
    narrowed = structs.replace(definition, where=f"({definition.where}) and ({where})")
    try:
        compile_list(narrowed)
    except SpecError as error:
        raise SpecError(f"--where {where}: {error.message}", remedy=error.remedy) from None
    return Variant(f"{definition.name}[{where}]", definition.name, narrowed)


class _Change(ast.NodeTransformer):
    """Puts a number in the place of those that a field is compared with in order."""

    def __init__(self, field: str, value: float) -> None:
        self.made = 0
        self._field = field
        self._value = value

    def visit_Compare(self, node: ast.Compare) -> ast.AST:  # as the library names it
        sides = [node.left, *node.comparators]
        for at, kind in enumerate(node.ops):
            if isinstance(kind, ast.Lt | ast.LtE | ast.Gt | ast.GtE):
                if self._is_field(sides[at]) and _is_number(sides[at + 1]):
                    sides[at + 1] = self._number(sides[at + 1])
                elif self._is_field(sides[at + 1]) and _is_number(sides[at]):
                    sides[at] = self._number(sides[at])
        node.left, node.comparators = sides[0], sides[1:]
        return self.generic_visit(node)

    def _is_field(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and node.id == self._field

    def _number(self, before: ast.expr) -> ast.expr:
        self.made += 1
        negative = self._value < 0 or isinstance(before, ast.UnaryOp)
        number = ast.Constant(abs(self._value))
        return ast.UnaryOp(ast.USub(), number) if negative else number


def _is_number(node: ast.expr) -> bool:
    """A number, or a choice between some: `100_000`, `-2`, `50_000 if session == "pre" else 100_000`, `ramp(1, 2)`."""
    if isinstance(node, ast.IfExp):
        return _is_number(node.body) and _is_number(node.orelse)
    if isinstance(node, ast.Call):
        return all(_is_number(argument) for argument in node.args)
    inner = node.operand if isinstance(node, ast.UnaryOp) else node
    return isinstance(inner, ast.Constant) and not isinstance(inner.value, str)
