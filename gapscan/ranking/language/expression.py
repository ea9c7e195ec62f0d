"""The language of list filters and sort keys: a small part of Python's expressions, run on whole columns.

    price < 20 and change_percent > 5 and type in ("CS", "ADRC")
    volume >= (50_000 if session == "pre" else 100_000)
    now - high_time <= 300_000

Parsed once with Python's own parser, checked against a white list, and turned into numpy closures; nothing is
ever evaluated as Python. A comparison with a missing value is false, also under `not`: negation is pushed down
to the comparisons, so `not price > 5` means `price <= 5`.
"""

from __future__ import annotations

from functools import cached_property

from gapscan.ranking.language.closures import Test, Value
from gapscan.ranking.language.compiler import Compiler, FieldNames, Part
from gapscan.ranking.language.explain import Line, outline
from gapscan.ranking.language.syntax import parse


class Filter:
    """A parsed filter: `entry` says which symbols may enter a list, `stay` which of its rows may stay.

    The two differ by hysteresis: in `stay`, the constants of every ordering comparison are relaxed.
    `fields` are the columns that they read: numbers and texts of the universe, `session`, `symbol`, `now`.
    `root` is the filter part by part, each with its own `entry` and `stay`.
    """

    def __init__(self, text: str, fields: FieldNames) -> None:
        compiler = Compiler(text, fields)
        self.text = text
        self.root: Part = compiler.condition(parse(text))
        self.entry: Test = self.root.entry
        self.stay: Test = self.root.stay
        self.fields = frozenset(compiler.used)

    @cached_property
    def outline(self) -> tuple[Line, ...]:
        """The conditions of the filter, in the order in which they were written; at depth 0 all must hold."""
        return outline(self.text, self.root)


class SortKey:
    """A parsed sort key. Rows are sorted by ascending value; a leading minus therefore means descending.

    `fields` are the columns that it reads.
    """

    def __init__(self, text: str, fields: FieldNames) -> None:
        self.text = text
        self.by_symbol = text.strip().removeprefix("-").strip() == "symbol"
        self.descending = text.strip().startswith("-")
        self.value: Value | None = None
        self.fields = frozenset({"symbol"})
        if not self.by_symbol:
            compiler = Compiler(text, fields)
            self.value = compiler.value(parse(text))
            self.fields = frozenset(compiler.used)
