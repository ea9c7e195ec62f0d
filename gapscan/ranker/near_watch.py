"""Lists that ask for near misses: who comes near to one is said with its next delta, and made an event of."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from gapscan.bus.publisher import ListPublisher
from gapscan.lists.delta import symbols_of
from gapscan.market.universe import Universe
from gapscan.ranker.near_misses import NearMisses
from gapscan.ranking.spec import ListSet, ListSpec

LOOK_SECONDS: Final = 1.0  # between two looks: a look costs a list's whole ranking


class NearWatch:
    """Gives publishers the near misses that they have not said yet: a symbol once a day, and again after it was in.

    Whoever ranks next says them again; those who make events know which they have.
    """

    def __init__(
        self, universe: Universe, lists: Callable[[], ListSet], publishers: Mapping[str, ListPublisher]
    ) -> None:
        self.misses = NearMisses(universe, lists, lambda name: publishers[name].rows if name in publishers else ())
        self._universe = universe
        self._lists = lists
        self._publishers = publishers
        self._said: dict[str, set[str]] = {}
        self._date = universe.date
        self._looked_at = 0.0  # monotonic

    def look(self) -> None:
        """Look for new ones, unless that was a moment ago."""
        asking = [spec for spec in self._lists().specs if spec.definition.near and spec.is_open(self._universe.session)]
        now = time.monotonic()
        if not asking or now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        if self._date != self._universe.date:
            self._date = self._universe.date
            self._said.clear()
        for spec in asking:
            self._look(spec)

    def _look(self, spec: ListSpec) -> None:
        publisher, said = self._publishers[spec.name], self._said.setdefault(spec.name, set())
        said.difference_update(symbols_of(publisher.rows))
        for miss in self.misses.others(spec, said):
            said.add(miss.symbol)
            publisher.near[miss.symbol] = miss
