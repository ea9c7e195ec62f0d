"""When symbols were in the lists today, by the tape: what is read once is kept, and only gone on with."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Final

from gapscan.bridge.versions import VersionStore
from gapscan.bus.client import Bus
from gapscan.bus.tape import read_day_after
from gapscan.client.past import Stay, stays_of
from gapscan.market.sessions import next_trading_day, session_times, trading_date
from gapscan.protocol.tape import MINUTE_MS, Move, Shelf

_DAY_MS: Final = 24 * 60 * MINUTE_MS


class ListDay:
    """Who came into a list and left it on one trading day."""

    def __init__(self, shelf: Shelf, date: dt.date) -> None:
        self._shelf = shelf
        self._begin, self._over = session_times(date).clear, session_times(next_trading_day(date)).clear
        self._read: dict[int, int] = {}  # by a UTC day's first minute, what was read last
        self._moves: dict[str, list[Move]] = defaultdict(list)

    async def refresh(self, bus: Bus) -> None:
        """Read what came since. Raises BusError, ProtocolError."""
        for day in range(self._begin // _DAY_MS * _DAY_MS, self._over, _DAY_MS):
            minute = day // MINUTE_MS
            found, self._read[minute] = await read_day_after(bus, self._shelf, minute, self._read.get(minute, 0))
            for move in (move for message in found for move in message.moves):
                if self._begin <= move.time < self._over:
                    self._moves[move.symbol].append(move)

    def stays(self, symbol: str) -> list[Stay]:
        """The times that it was in; none where nothing of it was recorded."""
        return stays_of(self._shelf.name, symbol, self._moves.get(symbol, []))


class DayMoves:
    """The newest trading day of all lists that have rows."""

    def __init__(self, versions: VersionStore) -> None:
        self._versions = versions
        self._days: dict[str, tuple[tuple[object, ...], ListDay]] = {}
        self.date: dt.date | None = None

    async def refresh(self, bus: Bus) -> None:
        """Read what was recorded since. Raises BusError, ProtocolError."""
        for name in [name for name in self._days if name not in self._versions.histories]:
            del self._days[name]
        for name in tuple(self._versions.histories):
            if (day := self._day(name, bus)) is not None:
                await day.refresh(bus)

    def _day(self, name: str, bus: Bus) -> ListDay | None:
        """Begun anew with the day, the market, and the list: a replay that begins again is on another tape."""
        history = self._versions.histories.get(name)
        if history is None or history.current is None:
            return None
        self.date = date = trading_date(max(history.status.as_of, history.current.as_of))
        key = (date, history.status.simulated, history.current.position.epoch)
        known = self._days.get(name)
        if known is None or known[0] != key:
            known = self._days[name] = key, ListDay(Shelf(name, history.status.simulated, bus.names), date)
        return known[1]

    def stays(self, symbol: str) -> list[Stay]:
        """When it was in lists, by the time. Where it is and no move is recorded, nobody says since when."""
        found: list[Stay] = []
        for name, (_, day) in self._days.items():
            found += day.stays(symbol) or ([Stay(name, symbol)] if self._is_in(name, symbol) else [])
        return sorted(found, key=lambda stay: (stay.entered or 0, stay.list))

    def _is_in(self, name: str, symbol: str) -> bool:
        history = self._versions.histories.get(name)
        return history is not None and history.current is not None and symbol in history.current.rows.symbols
