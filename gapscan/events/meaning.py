"""What a delta means, as events. Pure: the same delta on the same rows always gives the same events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from msgspec import UNSET, UnsetType, structs

from gapscan.lists.delta import Rows
from gapscan.protocol.events import Event, EventKind
from gapscan.protocol.messages import Add, Change, Fields, NearMiss, Remove, Row, Update


@dataclass(frozen=True, slots=True)
class Moment:
    """Where in a list's history something happened."""

    list: str
    epoch: str
    sequence: int
    as_of: int
    simulated: bool = False
    missed: bool = False


class Meaning:
    """Makes events of changes that lead from the rows `before` to the rows `after`, at a moment.

    `seen` are the symbols that were in the list today already; those that enter are added. `near` are those that are
    known to be near to it: those that enter are taken out, those that come near are added.
    """

    def __init__(self, moment: Moment, before: Rows, after: Rows, seen: set[str], near: set[str] | None = None) -> None:
        self._moment = moment
        self._before = before
        self._after = after
        self._seen = seen
        self._near = set() if near is None else near

    def events(self, changes: Sequence[Change]) -> Iterator[Event]:
        """Who left, then who entered, then what happened to those that stayed; in the order of the delta."""
        yield from self._leaves([change for change in changes if isinstance(change, Remove)])
        for change in changes:
            if isinstance(change, Add):
                yield from self._entry(change)
        yield from self._turns([change for change in changes if isinstance(change, Update) and "halt" in change.data])

    def _leaves(self, removed: Sequence[Remove]) -> Iterator[Event]:
        if not removed:
            return
        places = {row["symbol"]: place for place, row in enumerate(self._before)}
        for change in removed:
            place = places[change.symbol]
            yield self._event("leave", place + 1, self._before[place], change.reason)

    def _entry(self, added: Add) -> Iterator[Event]:
        row = self._after[added.rank - 1]
        self._near.discard(added.symbol)
        yield self._event("enter", added.rank, row)
        if added.symbol not in self._seen:
            self._seen.add(added.symbol)
            yield self._event("first", added.rank, row)

    def _turns(self, updates: Sequence[Update]) -> Iterator[Event]:
        """Halts and resumptions of rows that stay; of one that enters halted, the entry says it."""
        if not updates:
            return
        earlier = {row["symbol"]: row.get("halt") for row in self._before}
        for update in updates:
            row = self._after[update.rank - 1]
            halt = row.get("halt")
            if halt is not None and halt != earlier[update.symbol]:
                yield self._event(halt, update.rank, row)

    def near_misses(self, found: Sequence[NearMiss]) -> Iterator[Event]:
        """Who came near to the list: once a day, and again after it was in the list."""
        for miss in found:
            if miss.symbol not in self._near:
                self._near.add(miss.symbol)
                row = Row(symbol=miss.symbol) if miss.price is None else Row(symbol=miss.symbol, price=miss.price)
                event = self._event("near", None, row)
                yield structs.replace(event, condition=miss.condition, distance=miss.distance)

    def _event(self, kind: EventKind, rank: int | None, row: Row, reason: str | UnsetType = UNSET) -> Event:
        at = self._moment
        return Event(
            list=at.list,
            kind=kind,
            symbol=row["symbol"],
            rank=rank,
            as_of=at.as_of,
            epoch=at.epoch,
            sequence=at.sequence,
            data=_fields(row),
            reason=reason,
            missed=at.missed,
            simulated=at.simulated,
        )


def _fields(row: Row) -> Fields:
    data = dict(row)
    del data["symbol"]
    return cast(Fields, data)
