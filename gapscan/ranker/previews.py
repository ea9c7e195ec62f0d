"""What a list would have now that nobody has added: its conditions over the columns that are ranked."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from msgspec import UNSET

from gapscan.errors import ProtocolError, SpecError
from gapscan.market.columns import Bools, Ints
from gapscan.market.sessions import MarketSession, without_night
from gapscan.market.universe import Universe
from gapscan.protocol.messages import ListDefinition, Preview, PreviewRequest
from gapscan.ranking.scanner import UniverseColumns
from gapscan.ranking.spec import ListSet, ListSpec, compile_list
from gapscan.ranking.top_rows import sort_values


class Previewer:
    """Answers about one universe; `lists` has the gate of most lists."""

    def __init__(self, universe: Universe, lists: Callable[[], ListSet]) -> None:
        self._universe = universe
        self._lists = lists

    def answer(self, request: PreviewRequest) -> Preview:
        """Who would come into the list. Raises ProtocolError when its definition is wrong."""
        spec = _compiled(request.definition)
        universe = self._universe
        with np.errstate(all="ignore"):  # what overflows or is undefined is missing or infinite, on purpose
            columns = UniverseColumns(universe)
            found, passing = self._passing(spec, columns)
            first = _ordered(spec, columns, np.flatnonzero(passing))[: min(request.limit, spec.definition.limit)]
        return Preview(
            as_of=universe.as_of,
            session=without_night(universe.session).value,
            simulated=universe.simulated,
            open=universe.session is not MarketSession.CLOSED and spec.is_open(universe.session),
            passing=int(passing.sum()),
            without_gate=int(found.sum()),
            size=min(int(passing.sum()), spec.definition.limit),
            symbols=[universe.symbols[at] for at in first.tolist()],
            night=universe.session is MarketSession.NIGHT or UNSET,
        )

    def _passing(self, spec: ListSpec, columns: UniverseColumns) -> tuple[Bools, Bools]:
        """Who passes the conditions, and who passes the gate too."""
        there = np.ones(len(columns), np.bool_) if spec.keeps_idle else columns.number("gone") != 1.0
        found: Bools = there & spec.filter.entry(columns)  # a condition on the session alone is a column of one
        passing: Bools = found & self._lists().gate_of(spec).entry(columns)
        return found, passing


def _compiled(definition: ListDefinition) -> ListSpec:
    try:
        return compile_list(definition)
    except SpecError as error:
        raise ProtocolError(str(error)) from None


def _ordered(spec: ListSpec, columns: UniverseColumns, at: Ints) -> Ints:
    """The positions by all sort keys; what is missing comes last."""
    if not len(at):
        return at
    values = [sort_values(key, columns)[at] for key in spec.keys]
    return at[np.lexsort(values[::-1])]
