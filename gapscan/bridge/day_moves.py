"""When symbols were in the lists today, by the tape: what is read once is kept, and gone on with."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from typing import TypeVar

from gapscan.bridge.history import ListHistory
from gapscan.bridge.versions import VersionStore
from gapscan.bus.client import Bus
from gapscan.client.stays import Stay, first_symbols, stays_of, stays_on_day
from gapscan.client.tape_lists import removed_lists
from gapscan.client.tape_reader import TapeReader
from gapscan.client.timeline import day_bounds, moves_of
from gapscan.client.told_days import DAY_MS, DayReader
from gapscan.errors import ProtocolError
from gapscan.market.sessions import next_trading_day, session_times, trading_date
from gapscan.obs import logger
from gapscan.protocol.tape import Gap, Move, Moves, Shelf

T = TypeVar("T")

_log = logger("bridge")


class ListDay:
    """Who came into a list and left it on one trading day."""

    def __init__(self, shelf: Shelf, date: dt.date, days: DayReader) -> None:
        self._shelf = shelf
        self._begin, self._over = session_times(date).clear, session_times(next_trading_day(date)).clear
        self._days = days
        self._read: dict[int, Sequence[Moves | Gap]] = {}  # what was read of each UTC day
        self._moves: dict[str, list[Move]] = defaultdict(list)
        self._first: frozenset[str] | None = None  # the symbols of the day's first list on the tape, once there is one

    async def refresh(self, bus: Bus) -> None:
        """Take in what came since, or all of it, where the tape is another one. Raises BusError, ProtocolError."""
        utc_days = range(self._begin // DAY_MS * DAY_MS, self._over, DAY_MS)
        told = {day: await self._days.read(bus, self._shelf, day) for day in utc_days}
        if not all(_goes_on(messages, self._read.get(day, ())) for day, messages in told.items()):
            self._read, self._first = {}, None
            self._moves.clear()
        for day, messages in told.items():
            known = len(self._read.get(day, ()))
            for move in moves_of(messages[known:], self._begin, self._over):
                self._moves[move.symbol].append(move)
        self._read = told
        if self._first is None:
            self._first = await first_symbols(TapeReader(bus, self._shelf), self._begin, self._over)

    def stays(self, symbol: str) -> list[Stay]:
        """The times that it was in; none where nothing of it was recorded."""
        return stays_of(self._shelf.name, symbol, self._moves.get(symbol, []))

    def began_with(self, symbol: str) -> bool:
        """Whether it is in the day's first list on the tape."""
        return self._first is not None and symbol in self._first


def _goes_on(messages: Sequence[Moves | Gap], known: Sequence[Moves | Gap]) -> bool:
    """Whether that is what was known and more: a reader that finds another tape makes other objects of it."""
    return not known or (len(messages) >= len(known) and messages[len(known) - 1] is known[-1])


class DayMoves:
    """The newest trading day of all lists that have rows, and of those that were removed on it."""

    def __init__(self, versions: VersionStore, days: DayReader) -> None:
        self._versions = versions
        self._reader = days
        self._days: dict[str, tuple[tuple[object, ...], ListDay]] = {}
        self._faults: dict[str, str] = {}  # why the past of a list could not be read the last time
        self._removed: list[TapeReader] = []
        self.date: dt.date | None = None

    async def refresh(self, bus: Bus) -> None:
        """Read what was recorded since. Raises BusError."""
        for name in [name for name in self._days if name not in self._versions.histories]:
            del self._days[name]
        for name in tuple(self._versions.histories):
            if (day := self._day(name, bus)) is not None:
                await self._readable(name, day.refresh(bus))
        if self.date is not None:
            removed = await removed_lists(bus, day_bounds(self.date, 0), simulated=self._versions.simulated)
            self._removed = [each for each in removed if each.shelf.name not in self._versions.histories]

    async def _readable(self, name: str, reading: Awaitable[T]) -> T | None:
        """What cannot be read of one list is no reason to leave out the others."""
        try:
            read = await reading
        except ProtocolError as error:
            if self._faults.get(name) != error.message:
                _log.warning("the past of a list cannot be read: %s", error.message, extra={"list": name})
            self._faults[name] = error.message
            return None
        self._faults.pop(name, None)
        return read

    def _day(self, name: str, bus: Bus) -> ListDay | None:
        """Begun anew with the day, the market, and the list: a replay that begins again is on another tape."""
        history = self._versions.histories.get(name)
        if history is None or history.current is None:
            return None
        self.date = date = trading_date(max(history.status.as_of, history.current.as_of))
        key = (date, history.status.simulated, history.current.position.epoch)
        known = self._days.get(name)
        if known is None or known[0] != key:
            shelf = Shelf(name, history.status.simulated, bus.names)
            known = self._days[name] = key, ListDay(shelf, date, self._reader)
        return known[1]

    async def stays(self, symbol: str) -> list[Stay]:
        """When it was in lists, by the time: as the tape tells it, and what it does not tell yet, as the list does.

        Raises BusError.
        """
        found = [*self._stays_in_lists(symbol), *await self._stays_in_removed(symbol)]
        return sorted(found, key=lambda stay: (stay.entered or 0, stay.list))

    async def _stays_in_removed(self, symbol: str) -> list[Stay]:
        found: list[Stay] = []
        for reader in self._removed:
            assert self.date is not None  # for the type checker: without a day none is known
            reading = stays_on_day(reader, symbol, *day_bounds(self.date, 0), self._reader)
            stays = await self._readable(reader.shelf.name, reading)
            found += stays or []
        return found

    def _stays_in_lists(self, symbol: str) -> list[Stay]:
        found: list[Stay] = []
        for name, (_, day) in self._days.items():
            stays = day.stays(symbol)
            history = self._versions.histories.get(name)
            if history is None or history.current is None:
                found += stays
                continue
            if stays and stays[-1].left is None and has_left(history, stays[-1]):
                stays[-1] = _ended(history, stays[-1])
            found += stays
            if symbol in history.current.rows.symbols and (not stays or stays[-1].left is not None):
                found.append(self._came(name, symbol, from_start=not stays and day.began_with(symbol)))
        return found

    def _came(self, name: str, symbol: str, *, from_start: bool) -> Stay:
        """It is in, and the tape has not told that it came: the list's newest versions may have seen it come."""
        seen = self._versions.histories[name].entered(symbol)
        if seen is None:
            return Stay(name, symbol, unrecorded=not from_start)
        _, came = seen
        place = came.rows.symbols.index(symbol)
        return Stay(name, symbol, came.as_of, rank_in=place + 1, price_in=came.rows[place].get("price"))


def has_left(history: ListHistory, stay: Stay) -> bool:
    """Whether the list says that a stay is over of which the tape tells no end yet: it is out, or came anew."""
    current = history.current
    if current is not None and stay.symbol not in current.rows.symbols:
        return current.as_of >= (stay.entered or 0)  # else the tape is ahead of it
    seen = history.entered(stay.symbol)
    # A version may have several deltas in it, with the time of the last: a symbol in it may have come earlier.
    return seen is not None and stay.entered is not None and seen[0].as_of > stay.entered


def _ended(history: ListHistory, stay: Stay) -> Stay:
    """As the list's newest versions saw it go; else it went before them, when exactly the tape will tell."""
    seen = history.left(stay.symbol)
    if seen is None:
        current = history.current
        return replace(stay, left=current.as_of if current else None, uncertain=True)
    held, gone = seen
    place = held.rows.symbols.index(stay.symbol)
    return replace(stay, left=gone.as_of, rank_out=place + 1, price_out=held.rows[place].get("price"))
