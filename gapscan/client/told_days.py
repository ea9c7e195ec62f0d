"""Who came and went on days of lists, kept by who is asked for it over and over: only what is new is read."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from gapscan.bus.client import Bus
from gapscan.bus.direct_get import Stored
from gapscan.bus.tape import day_messages, day_told, read_day
from gapscan.protocol import names
from gapscan.protocol.tape import MINUTE_MS, Gap, Moves, Shelf

DAY_MS: Final = 24 * 60 * MINUTE_MS
MOST_BYTES: Final = 32 * 1024 * 1024  # of messages of all days that are kept


class DayReader:
    """Reads a list's day anew each time."""

    async def read(self, bus: Bus, shelf: Shelf, day: int) -> Sequence[Moves | Gap]:
        """What is filed under the UTC day that begins at `day`, epoch ms, in order. Raises BusError, ProtocolError."""
        return await read_day(bus, shelf, day // MINUTE_MS)


@dataclass(slots=True)
class _Day:
    told: list[Moves | Gap] = field(default_factory=list)
    last: Stored | None = None
    bytes: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def read_on(self, bus: Bus, shelf: Shelf, day: int) -> None:
        """Begin with the last message that is known: where it is another one, or gone, another day is told there."""
        minute, last = day // MINUTE_MS, self.last
        found = await day_messages(bus, shelf, minute, last.sequence if last else 1)
        if last is not None and found and _is_same(found[0], last):
            self._add(found[1:])
            return
        if last is not None:
            found = await day_messages(bus, shelf, minute)
        self.told, self.last, self.bytes = [], None, 0
        self._add(found)

    def _add(self, found: list[Stored]) -> None:
        self.told = [*self.told, *map(day_told, found)]  # a new one: who was given the old one still reads it
        self.bytes += sum(len(stored.data) for stored in found)
        self.last = found[-1] if found else self.last


def _is_same(one: Stored, other: Stored) -> bool:
    """Hashes are chained: where the last is the same, all before it are."""
    key = names.HEADER_HASH
    return (one.sequence, one.data, one.headers.get(key)) == (other.sequence, other.data, other.headers.get(key))


class ToldDays(DayReader):
    """Keeps the days that were asked for last, within `most_bytes`. What is given is not to be changed."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._days: OrderedDict[tuple[str, str, int], _Day] = OrderedDict()  # the one that was asked for last, last

    def __len__(self) -> int:
        return len(self._days)

    async def read(self, bus: Bus, shelf: Shelf, day: int) -> Sequence[Moves | Gap]:
        """As a DayReader has it."""
        key = (shelf.stream, shelf.name, day)
        kept = self._days.setdefault(key, _Day())
        self._days.move_to_end(key)
        async with kept.lock:
            await kept.read_on(bus, shelf, day)
            told = kept.told
        self._trim()
        return told

    def _trim(self) -> None:
        while self._days and sum(kept.bytes for kept in self._days.values()) > self._most_bytes:
            self._days.popitem(last=False)
