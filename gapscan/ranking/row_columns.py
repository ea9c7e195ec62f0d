"""Rows of a list as expressions see them: what clients hold, as columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from gapscan.lists.delta import Rows
from gapscan.market import metrics
from gapscan.market.columns import Bools, Floats
from gapscan.market.sessions import session_at
from gapscan.protocol.fields import NUMBER_FIELDS, Field
from gapscan.ranking.language.alert_words import Crossing

_FIELDS: Final = {field.column: field for field in NUMBER_FIELDS}
_CODES: Final = {field.name: {word: float(at) for at, word in enumerate(field.words)} for field in NUMBER_FIELDS}

Made = Callable[[str], Floats | None]


class RowColumns:
    """Rows at market time `as_of`. `made` gives columns that rows do not have; others are missing everywhere."""

    found = None

    def __init__(self, rows: Rows, as_of: int, made: Made = lambda _name: None) -> None:
        self.rows = rows
        self._as_of = as_of
        self._made = made
        self._numbers: dict[str, Floats] = {}

    def number(self, name: str) -> Floats:
        """The numeric column `name`; `now` is market time, in steps."""
        if name not in self._numbers:
            made = self._made(name)
            self._numbers[name] = self._number(name) if made is None else made
        return self._numbers[name]

    def _number(self, name: str) -> Floats:
        if name == "now":
            return np.full(len(self.rows), float(metrics.step_of(self._as_of)))
        if (field := _FIELDS.get(name)) is None:
            return np.full(len(self.rows), 0.0 if name == "test_symbol" else np.nan)
        return np.array([_value(field, row.get(field.name)) for row in self.rows], np.float64)

    def matches(self, name: str, values: frozenset[str]) -> Bools:
        """Where the text field `name` is one of `values`."""
        return np.array([text in values for text in self._texts(name)], np.bool_)

    def known(self, name: str) -> Bools:
        """Where the text field `name` has a value."""
        return np.array([text is not None for text in self._texts(name)], np.bool_)

    def _texts(self, name: str) -> list[str | None]:
        if name == "session":
            return [str(session_at(self._as_of))] * len(self.rows)
        return [_text(row.get(name)) for row in self.rows]


def crossed(crossing: Crossing, now: RowColumns, earlier: RowColumns) -> Floats:
    """Where the first value passes the second between two states of the same rows, as a flag."""
    size = (len(now.rows),)
    x, y, was_x, was_y = (
        np.broadcast_to(np.asarray(value(columns), np.float64), size)
        for columns in (now, earlier)
        for value in (crossing.x, crossing.y)
    )
    passed = (was_x <= was_y) & (x > y) if crossing.upward else (was_x >= was_y) & (x < y)
    return passed.astype(np.float64)


def counted(rows: Rows, entries: Mapping[str, Sequence[int]], since: float) -> Floats:
    """How often each row's symbol entered since then."""
    return np.array([float(sum(at > since for at in entries.get(row["symbol"], ()))) for row in rows], np.float64)


def _value(field: Field, value: object) -> float:
    if field.is_coded:
        return _CODES[field.name].get(str(value), np.nan)
    return float(value) if isinstance(value, int | float) else np.nan


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
