"""What becomes of lists outside their sessions: they stand as they were until the day's clear, then are emptied.

Nothing of a day that is over moves in the night after it. A list that nobody ranked by then, since gapscan began in the
evening, is ranked once: as it would have stood.
"""

from __future__ import annotations

from collections.abc import Mapping

from gapscan.bus.publisher import ListPublisher
from gapscan.market.sessions import MarketSession, trading_date
from gapscan.market.universe import Universe
from gapscan.ranking.spec import ListSet, ListSpec


def is_over(spec: ListSpec, publisher: ListPublisher, universe: Universe) -> bool:
    """Whether the list is closed, and shows rows of a day that the market shows no more."""
    closed = not spec.is_open(universe.session)
    return closed and publisher.as_of > 0 and trading_date(publisher.as_of) < trading_date(universe.as_of)


def never_ranked(lists: ListSet, publishers: Mapping[str, ListPublisher], universe: Universe) -> frozenset[str]:
    """The lists of all sessions that were never ranked, while it is night and the day that is over still stands."""
    if universe.session is not MarketSession.NIGHT or universe.date != trading_date(universe.as_of):
        return frozenset()
    return frozenset(spec.name for spec in lists.specs if not spec.sessions and not publishers[spec.name].as_of)
