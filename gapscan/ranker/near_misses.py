"""Near misses of a list: symbols that lack one condition, by no more than a row may fall behind it; and by how much."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

import numpy as np
from msgspec import UNSET

from gapscan.errors import ProtocolError
from gapscan.lists.delta import symbols_of
from gapscan.market.columns import Bools, Ints
from gapscan.market.sessions import MarketSession, without_night
from gapscan.market.universe import Universe
from gapscan.protocol.lists import Row
from gapscan.protocol.why import Condition, Near, NearMiss, NearRequest
from gapscan.ranking.language.explain import Line, conditions
from gapscan.ranking.scanner import UniverseColumns
from gapscan.ranking.spec import ListSet, ListSpec

MOST: Final = 200  # symbols that are looked at one by one: a question must not hold up the ranking

Lists = Callable[[], ListSet]
RowsOf = Callable[[str], Sequence[Row]]


class NearMisses:
    """Answers about one universe; `lists` and `rows_of` give what is ranked and published."""

    def __init__(self, universe: Universe, lists: Lists, rows_of: RowsOf) -> None:
        self._universe = universe
        self._lists = lists
        self._rows_of = rows_of

    def answer(self, request: NearRequest) -> Near:
        """Who nearly is in the list, the nearest first. Raises ProtocolError when there is no such list."""
        spec = next((spec for spec in self._lists().specs if spec.name == request.list), None)
        if spec is None:
            raise ProtocolError(f"list {request.list} is not ranked")
        with np.errstate(all="ignore"):
            found = sorted(self._of(spec), key=lambda miss: (miss.distance, miss.symbol))
        return Near(
            list=spec.name,
            as_of=self._universe.as_of,
            session=without_night(self._universe.session).value,
            simulated=self._universe.simulated,
            symbols=found[: request.limit],
            night=self._universe.session is MarketSession.NIGHT or UNSET,
        )

    def others(self, spec: ListSpec, known: Collection[str]) -> list[NearMiss]:
        """Who nearly is in the list, but for those that are known; a ranking's share of them, if there are many."""
        with np.errstate(all="ignore"):
            return self._of(spec, known)

    def _of(self, spec: ListSpec, known: Collection[str] = ()) -> list[NearMiss]:
        lines = [line for line in (*self._lists().gate_of(spec).outline, *spec.filter.outline) if line.depth == 0]
        places, lacking = self._places(spec, lines, known)
        return [
            miss
            for place, line in zip(places[:MOST].tolist(), lacking[:MOST].tolist(), strict=True)
            if (miss := self._miss(place, lines[line])) is not None
        ]

    def _places(self, spec: ListSpec, lines: Sequence[Line], known: Collection[str]) -> tuple[Ints, Ints]:
        """Where who lacks just one of the lines is, and which: of those that could stay, were they in."""
        columns, size = UniverseColumns(self._universe), len(self._universe)
        passes = _rows([np.broadcast_to(line.entry(columns), (size,)) for line in lines], size)
        stays = _rows([np.broadcast_to(line.stay(columns), (size,)) for line in lines], size)
        there = np.ones(size, np.bool_) if spec.keeps_idle else columns.number("gone") != 1.0
        there[self._at(symbols_of(self._rows_of(spec.name)))] = False
        there[self._at(known)] = False
        near = there & ((~passes).sum(axis=0) == 1) & (passes | stays).all(axis=0)
        places: Ints = np.flatnonzero(near)
        lacking: Ints = np.argmin(passes[:, places], axis=0)
        return places, lacking

    def _at(self, symbols: Collection[str]) -> list[int]:
        return [self._universe.index[symbol] for symbol in symbols if symbol in self._universe.index]

    def _miss(self, place: int, line: Line) -> NearMiss | None:
        """What one symbol lacks; None where that is no number."""
        symbol = self._universe.symbols[place]
        columns = UniverseColumns(self._universe, np.array([place], np.intp))
        (condition,) = conditions([line], columns, lambda _name: None)
        distance = _distance(condition)
        price = float(columns.number("price")[0])
        if distance is None:
            return None
        return NearMiss(symbol, condition, distance, round(price, 4) if np.isfinite(price) else None)


def _rows(found: Sequence[Bools], size: int) -> Bools:
    return np.array(found, np.bool_).reshape(len(found), size)


def _distance(condition: Condition) -> float | None:
    """How far the value is from the threshold, in percent of that."""
    value, threshold = condition.value, condition.threshold
    if isinstance(value, bool) or isinstance(threshold, bool):
        return None
    if not isinstance(value, int | float) or not isinstance(threshold, int | float) or not threshold:
        return None
    return round(abs(value - threshold) / abs(threshold) * 100, 4)
