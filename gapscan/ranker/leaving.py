"""Why rows leave the lists: what the ranking knew when it left them out, said in the delta."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gapscan.market.columns import Bools, Ints
from gapscan.market.sessions import trading_date
from gapscan.market.universe import Universe
from gapscan.protocol.messages import Change, Remove
from gapscan.protocol.values import LeaveReason
from gapscan.ranking.language.expression import Filter
from gapscan.ranking.scanner import UniverseColumns
from gapscan.ranking.spec import ListSet, ListSpec

Lists = Callable[[], ListSet]


class LeaveReasons:
    """Says the reasons of one universe's lists; `lists` gives those that are ranked."""

    def __init__(self, universe: Universe, lists: Lists) -> None:
        self._universe = universe
        self._lists = lists

    def explained(self, name: str, changes: Sequence[Change], since: int) -> list[Change]:
        """The changes of a list whose rows are of market time `since`, with the reasons of those who leave."""
        leaving = [change.symbol for change in changes if isinstance(change, Remove)]
        spec = next((spec for spec in self._lists().specs if spec.name == name), None)
        if not leaving or spec is None:
            return list(changes)
        reasons = self._reasons(spec, leaving, since)
        return [Remove(one.symbol, reasons[one.symbol]) if isinstance(one, Remove) else one for one in changes]

    def _reasons(self, spec: ListSpec, symbols: Sequence[str], since: int) -> dict[str, LeaveReason]:
        universe = self._universe
        if not spec.is_open(universe.session) or self._is_over(since):
            return dict.fromkeys(symbols, "closed")
        found: dict[str, LeaveReason] = dict.fromkeys(symbols, "fell_behind")
        there = [symbol for symbol in symbols if symbol in universe.index]
        if there:
            found.update(self._reasons_of(spec, there))
        return found

    def _is_over(self, since: int) -> bool:
        """Whether the rows are of an earlier trading day."""
        return since > 0 and trading_date(since) < trading_date(self._universe.as_of)

    def _reasons_of(self, spec: ListSpec, symbols: Sequence[str]) -> dict[str, LeaveReason]:
        index = self._universe.index
        at: Ints = np.array([index[symbol] for symbol in symbols], np.intp)
        columns = UniverseColumns(self._universe, at)
        size = len(symbols)
        with np.errstate(all="ignore"):
            holds = np.broadcast_to(
                _holds(self._lists().gate_of(spec), columns) & _holds(spec.filter, columns), (size,)
            )
            idle = np.broadcast_to(np.equal(columns.number("gone"), 1.0), (size,))
        return {
            symbol: "fell_behind" if not passes else "idle" if gone else "rank"
            for symbol, passes, gone in zip(symbols, holds.tolist(), idle.tolist(), strict=True)
        }


def _holds(filter_: Filter, columns: UniverseColumns) -> Bools:
    """Where a row may stay."""
    return np.logical_or(filter_.entry(columns), filter_.stay(columns))
