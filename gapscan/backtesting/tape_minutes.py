"""What the recorded lists showed at each full minute of the tape's newest day, the newest first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass
from typing import Any, Final, TypedDict

import msgspec

from gapscan.bus.client import Bus
from gapscan.bus.definitions import read_definitions
from gapscan.bus.direct_get import Stored, get_next
from gapscan.bus.tape import told
from gapscan.client.tape_lists import removed_lists
from gapscan.client.tape_reader import TapeReader
from gapscan.client.timeline import day_bounds
from gapscan.errors import NotRecordedError, ProtocolError, UnknownListError
from gapscan.lists.delta import Rows
from gapscan.market.sessions import MINUTE_MS, session_times, trading_date

Clock = Callable[[], float]
_UNCHANGED: Final = "unchanged"
_SNAPSHOT: Final = "snapshot"


@dataclass(frozen=True, slots=True)
class RecordedMinute:
    """The rows that the lists had when a minute began, each symbol once: of several rows the newest. By symbol."""

    moment: int
    rows: Rows


class TapeDay:
    """The newest day of a tape, of all lists together, those too that were removed on it.

    `fields` are those that are wanted of the rows.
    """

    def __init__(self, readers: list[TapeReader], begin: int, end: int, fields: Collection[str]) -> None:
        self.simulated = readers[0].shelf.simulated
        self.begin, self.end = begin, end
        self.date = trading_date(end)
        self.cut_short = False  # the time was over before the day's first minute was read
        self._lists = [_ListMinutes(reader, fields) for reader in readers]

    @classmethod
    async def open(cls, bus: Bus, fields: Collection[str], simulated: bool | None) -> TapeDay:
        """Raises NotRecordedError when nothing is recorded of any list, BusError, ProtocolError."""
        names = [definition.name for definition in await read_definitions(bus)]
        found = [reader for name in names if (reader := await _opened(bus, name, simulated)) is not None]
        ends = [await reader.end() for reader in found]
        if not max(ends, default=0):
            raise NotRecordedError("nothing is recorded of the lists", remedy="`gapscan history` shows what there is")
        simulated = found[0].shelf.simulated
        on_one_tape = [reader for reader in found if reader.shelf.simulated == simulated]
        times = session_times(date := trading_date(max(ends)))
        on_one_tape += await removed_lists(bus, day_bounds(date, 0), simulated=simulated)
        begin = max(times.pre, min([await reader.begin() for reader in on_one_tape]))
        return cls(on_one_tape, begin, min(max(ends), times.closed - 1), fields)

    @property
    def all_minutes(self) -> range:
        """The full minutes of the day so far, since 1970, recorded or not."""
        return range(-(-self.begin // MINUTE_MS), self.end // MINUTE_MS + 1)

    async def minutes(self, seconds: float, clock: Clock = time.monotonic) -> AsyncIterator[RecordedMinute]:
        """Those that are recorded, the newest first, until so many seconds are over: `cut_short` says so.

        Raises BusError, ProtocolError.
        """
        until = clock() + seconds
        for minute in reversed(self.all_minutes):
            if clock() > until:
                self.cut_short = True
                return
            found = await asyncio.gather(*(each.at(minute) for each in self._lists))
            if any(rows is not None for rows in found):
                yield RecordedMinute(minute * MINUTE_MS, _newest_of_each([rows for rows in found if rows]))


async def _opened(bus: Bus, name: str, simulated: bool | None) -> TapeReader | None:
    try:
        return await TapeReader.open(bus, name, simulated)
    except UnknownListError:
        return None


def _newest_of_each(lists: list[Rows]) -> Rows:
    found: dict[str, Any] = {}
    for rows in lists:
        for row in rows:
            held = found.get(row["symbol"])
            if held is None or (row.get("as_of") or 0) > (held.get("as_of") or 0):
                found[row["symbol"]] = row
    return [found[symbol] for symbol in sorted(found)]


class _ListMinutes:
    """One list, a minute after the other. Only the fields that are wanted are decoded: that is most of the work."""

    def __init__(self, reader: TapeReader, fields: Collection[str]) -> None:
        wanted: Any = TypedDict("wanted", dict.fromkeys({"symbol", "as_of", *fields}, Any), total=False)  # type: ignore[misc]
        whole = msgspec.defstruct(
            "_Begin", [("type", str), ("as_of", int, 0), ("since", int, 0), ("rows", list[wanted], [])]
        )
        self._decoder = msgspec.json.Decoder(whole)
        self._reader = reader
        self._since: tuple[int, Rows | None] = (-1, None)

    async def at(self, minute: int) -> Rows | None:
        """The rows at the beginning of a minute, None where that is not recorded. Raises BusError, ProtocolError."""
        shelf = self._reader.shelf
        stored = await get_next(self._reader.bus, shelf.stream, shelf.minute(minute), 1, 1)
        return await self._rows(stored[0], minute * MINUTE_MS) if stored else None

    async def _rows(self, stored: Stored, moment: int) -> Rows | None:
        try:
            begin: Any = self._decoder.decode(stored.data)
        except msgspec.MsgspecError as error:
            raise ProtocolError(f"{stored.subject} on the tape cannot be read: {error}") from None
        if begin.type == _UNCHANGED:
            return await self._rows_since(stored, begin.since)
        rows: Rows = begin.rows
        return rows if begin.type == _SNAPSHOT and begin.as_of == moment else None

    async def _rows_since(self, stored: Stored, since: int) -> Rows | None:
        """What a quiet list is at the end of an earlier minute; many quiet minutes may follow one another."""
        if self._since[0] != since:
            playback = await self._reader.begun([told(stored)])
            self._since = since, None if playback.copy is None else list(playback.copy.rows)
        return self._since[1]
