"""One delta as the alerts of its list look at it: the rows, what they were, and conditions on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from gapscan.lists.delta import Rows, symbols_of
from gapscan.market.columns import Floats
from gapscan.protocol.events import Occurrence
from gapscan.protocol.lists import Row
from gapscan.ranking.alerts import AlertSpec
from gapscan.ranking.language.closures import Test
from gapscan.ranking.row_columns import RowColumns, counted, crossed

MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Step:
    """One delta's way: the rows before and after it, and what it meant."""

    list: str
    epoch: str
    sequence: int
    as_of: int
    before: Rows
    after: Rows
    events: Sequence[Occurrence]
    simulated: bool
    missed: bool = False  # it is the sum of a gap


class AlertView:
    """One step with what several alerts look at, found once."""

    def __init__(self, step: Step, entries: Mapping[str, Sequence[int]]) -> None:
        self.step = step
        self.symbols = symbols_of(step.after)
        self.ranks = {symbol: rank for rank, symbol in enumerate(self.symbols, 1)}
        self.earlier = {row["symbol"]: (rank, row) for rank, row in enumerate(step.before, 1)}
        self._entries = entries
        self._columns = RowColumns(step.after, step.as_of)
        self._was = RowColumns(self._before_of(step.after), step.as_of)

    def _before_of(self, rows: Rows) -> list[Row]:
        """The same rows as they were; of one that is new, nothing is known."""
        return [self.earlier.get(row["symbol"], (0, Row(symbol=row["symbol"])))[1] for row in rows]

    def row(self, symbol: str) -> Row:
        """The row now, or as it last was."""
        rank = self.ranks.get(symbol)
        return self.earlier[symbol][1] if rank is None else self.step.after[rank - 1]

    def holding(self, spec: AlertSpec) -> set[str]:
        """The symbols of the list for which the alert's condition holds."""
        assert spec.condition is not None
        return set(_where(self.symbols, spec.condition.entry, self._made(spec, self._columns, self._was)))

    def held_before(self, spec: AlertSpec) -> set[str]:
        """The same before this step, as far as it is known."""
        if spec.condition is None or spec.definition.on != "when":
            return set()
        symbols = [row["symbol"] for row in self.step.before]
        now = RowColumns(self.step.before, self.step.as_of)
        unknown = RowColumns([Row(symbol=symbol) for symbol in symbols], self.step.as_of)
        return set(_where(symbols, spec.condition.entry, self._made(spec, now, unknown)))

    def passing(self, spec: AlertSpec, symbols: Sequence[str]) -> list[str]:
        """Those of the symbols for which the condition holds, if there is one."""
        if spec.condition is None or not symbols:
            return list(symbols)
        rows = [self.row(symbol) for symbol in symbols]
        return _where(symbols, spec.condition.entry, self.columns_of(rows, spec))

    def columns_of(self, rows: Rows, spec: AlertSpec) -> RowColumns:
        """Some rows, as the alert's condition sees them."""
        now, was = RowColumns(rows, self.step.as_of), RowColumns(self._before_of(rows), self.step.as_of)
        return self._made(spec, now, was)

    def _made(self, spec: AlertSpec, now: RowColumns, was: RowColumns) -> RowColumns:
        """The same with the columns of the alert's own words."""
        condition = spec.condition
        if condition is None or not (condition.crossings or condition.counts):
            return now

        def made(name: str) -> Floats | None:
            if name in condition.crossings:
                return crossed(condition.crossings[name], now, was)
            if name in condition.counts:
                since = self.step.as_of - condition.counts[name] * MINUTE_MS
                return counted(now.rows, self._entries, since)
            return now.number(name)

        return RowColumns(now.rows, self.step.as_of, made)


def _where(symbols: Sequence[str], test: Test, columns: RowColumns) -> list[str]:
    found = np.broadcast_to(test(columns), (len(symbols),))
    return [symbol for symbol, holds in zip(symbols, found.tolist(), strict=True) if holds]
