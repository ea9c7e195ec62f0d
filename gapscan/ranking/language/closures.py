"""What a checked expression becomes: closures that run on whole numpy columns.

A missing number is NaN, and every comparison with it is false. Run them under `np.errstate(all="ignore")`:
what overflows or is undefined is infinite or missing, on purpose.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, cast

import numpy as np

from gapscan.market.columns import Bools, Floats
from gapscan.protocol.fields import NUMBER_FIELDS

# A row that is in a list leaves it only when it falls behind this share of its entry threshold.
HYSTERESIS: Final = 0.9

NumberColumn = Floats | float

# Row fields that are held under another name.
ALIASES: Final = {field.name: field.column for field in NUMBER_FIELDS if field.column != field.name}


@dataclass(frozen=True, slots=True)
class Code:
    """A text that is held as a number: the column, and the word for each number from 0."""

    column: str
    words: tuple[str, ...]


CODED: Final = {field.name: Code(field.column, field.words) for field in NUMBER_FIELDS if field.is_coded}


class Columns(Protocol):
    """What an expression is run on.

    `found` keeps what conditions gave, for other filters that have them too; None: nothing is kept.
    """

    @property
    def found(self) -> dict[str, Bools] | None: ...

    def number(self, name: str) -> Floats:
        """The numeric column `name`, NaN where missing; `now` is market time, the same for all."""

    def matches(self, name: str, values: frozenset[str]) -> Bools:
        """Where the text column `name` is one of `values`."""

    def known(self, name: str) -> Bools:
        """Where the text column `name` has a value."""


# A test or a value that is the same for all symbols may come out as one number instead of a column.
Test = Callable[[Columns], Bools]
Value = Callable[[Columns], NumberColumn]

_Arithmetic = Callable[[NumberColumn, NumberColumn], NumberColumn]
_Ordering = Callable[[NumberColumn, NumberColumn], Bools]


def _divide(left: NumberColumn, right: NumberColumn) -> NumberColumn:
    """Division whose result is missing where the divisor is zero."""
    return np.divide(left, np.where(np.equal(right, 0), np.nan, right))


def _differs(left: NumberColumn, right: NumberColumn) -> Bools:
    """Not equal, and neither is missing."""
    return np.logical_or(np.less(left, right), np.greater(left, right))


ARITHMETIC: Final[Mapping[type[ast.operator], _Arithmetic]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: _divide,
}
FUNCTIONS: Final[Mapping[str, tuple[int, Callable[..., NumberColumn]]]] = {
    "abs": (1, np.abs),
    "min": (2, np.minimum),
    "max": (2, np.maximum),
}
# A function whose result depends on the time as well: the share of the way from before to after the open.
RAMP: Final = "ramp"
RAMP_COLUMN: Final = "open_ramp"
_COMPARE: Final[Mapping[type[ast.cmpop], _Ordering]] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: _differs,
}


class Constant:
    """A value that is the same for all symbols, so that it can be folded and relaxed."""

    def __init__(self, number: float) -> None:
        self.number = number

    def __call__(self, columns: Columns) -> float:
        return self.number


class Choice:
    """`yes if test else no`, for each symbol."""

    def __init__(self, test: Test, yes: Value, no: Value) -> None:
        self.test, self.yes, self.no = test, yes, no

    def __call__(self, columns: Columns) -> NumberColumn:
        return np.where(self.test(columns), self.yes(columns), self.no(columns))


class Ramp:
    """`early` before the open, `late` once the market has settled, and what lies between in between."""

    def __init__(self, early: Value, late: Value) -> None:
        self.early, self.late = early, late

    def __call__(self, columns: Columns) -> NumberColumn:
        share = columns.number(RAMP_COLUMN)
        if share.size == 1 and (ends := share.item()) in (0.0, 1.0):  # as it mostly is
            return self.late(columns) if ends else self.early(columns)
        early, late = self.early(columns), self.late(columns)
        between = early * (1.0 - share) + late * share
        return np.where(share == 0.0, early, np.where(share == 1.0, late, between))


class Field:
    """A numeric field, so that a comparison can ask for it without a detour."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, columns: Columns) -> NumberColumn:
        return columns.number(self.name)


def field(name: str) -> Value:
    """The numeric field `name`."""
    return Field(name)


def applied(function: Callable[..., NumberColumn], *values: Value) -> Value:
    """`function` of one or two values, computed at once when they are constants."""
    if all(isinstance(value, Constant) for value in values):
        with np.errstate(all="ignore"):
            return Constant(float(function(*(cast(Constant, value).number for value in values))))
    if len(values) == 1:
        only = values[0]
        return lambda columns: function(only(columns))
    left, right = values
    return lambda columns: function(left(columns), right(columns))


def compared(kind: type[ast.cmpop], low: Value, high: Value, *, relaxed: bool) -> Test:
    """The comparison `low kind high`; relaxed, the constants of an ordering move so that it holds more easily."""
    if relaxed and kind not in (ast.Eq, ast.NotEq):
        upward = kind in (ast.Gt, ast.GtE)
        low, high = _relax(low, upward=not upward), _relax(high, upward=upward)
    compare = _COMPARE[kind]
    if isinstance(low, Field) and isinstance(high, Constant):  # most conditions are that
        name, number = low.name, high.number
        return lambda columns: compare(columns.number(name), number)
    return lambda columns: compare(low(columns), high(columns))


def _relax(value: Value, *, upward: bool) -> Value:
    """Move a threshold so that the comparison holds more easily; `upward`: values above it pass.

    A choice between constants is relaxed in both branches, a ramp at both ends.
    """
    if isinstance(value, Ramp):
        return Ramp(_relax(value.early, upward=upward), _relax(value.late, upward=upward))
    if isinstance(value, Choice):
        return Choice(value.test, _relax(value.yes, upward=upward), _relax(value.no, upward=upward))
    if not isinstance(value, Constant):
        return value
    lower = (value.number >= 0) == upward
    return Constant(value.number * HYSTERESIS if lower else value.number / HYSTERESIS)


def shared(key: str, test: Test) -> Test:
    """The test, run once on the same columns by all that have the same `key`."""

    def run(columns: Columns) -> Bools:
        if columns.found is None:
            return test(columns)
        found = columns.found.get(key)
        if found is None:
            found = columns.found[key] = test(columns)
        return found

    return run


def every(tests: list[Test]) -> Test:
    """Where all of the tests hold."""
    return _combined(np.logical_and, tests, decided=False)


def some(tests: list[Test]) -> Test:
    """Where at least one of the tests holds."""
    return _combined(np.logical_or, tests, decided=True)


def _combined(function: Callable[[Bools, Bools], Bools], tests: list[Test], *, decided: bool) -> Test:
    """One verdict, of a single symbol or of what all share, that is as `decided` leaves the other tests no say."""
    if len(tests) == 1:
        return tests[0]

    def run(columns: Columns) -> Bools:
        result = tests[0](columns)
        for test in tests[1:]:
            if result.size == 1 and result.item() == decided:
                break
            further = test(columns)
            if further.size == 1 and further.item() == decided:
                return further
            result = function(result, further)
        return result

    return run


def flag(name: str, wanted: bool) -> Test:
    """Where the flag `name` is known to be `wanted`."""
    number = float(wanted)
    return lambda columns: columns.number(name) == number


def always(value: bool) -> Test:
    """The same answer for all symbols."""
    return lambda columns: cast(Bools, np.bool_(value))


def text_among(name: str, values: frozenset[str], *, wanted: bool) -> Test:
    """Where the text field `name` has a value, and it is (or is not) one of `values`."""
    if wanted:
        return lambda columns: columns.matches(name, values)
    return lambda columns: columns.known(name) & ~columns.matches(name, values)


def coded_among(code: Code, values: frozenset[str], *, wanted: bool) -> Test:
    """`text_among` for a text that is held as a number."""
    numbers = [float(number) for number, word in enumerate(code.words) if (word in values) == wanted]
    if len(numbers) == 1:  # as it mostly is
        only = numbers[0]
        return lambda columns: columns.number(code.column) == only
    return lambda columns: np.isin(columns.number(code.column), numbers)
