"""Which lists have a past: those that are defined, and those that are not any more, as long as the tape has them.

A tape cannot be asked for its lists, but for the last moves of each list on a day. So a removed list is found on the
days on which symbols came into it or left it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from contextlib import suppress

from gapscan.bus.client import Bus
from gapscan.bus.definitions import read_definitions
from gapscan.bus.direct_get import NoStreamError, get_last_of_each
from gapscan.client.tape_reader import TapeReader
from gapscan.client.tape_search import TapeSearch
from gapscan.client.timeline import day_bounds
from gapscan.client.told_days import DAY_MS
from gapscan.errors import UnknownListError
from gapscan.protocol.alerts import HIDDEN_PREFIX
from gapscan.protocol.messages import ListDefinition
from gapscan.protocol.tape import MINUTE_MS, Shelf, list_in, minute_in

Bounds = tuple[int, int]  # of a trading day, epoch ms

_DAY = DAY_MS // MINUTE_MS  # minutes
_ALL = "*"


async def readers_of_day(
    bus: Bus, day: str | dt.date, simulated: bool | None = None
) -> list[tuple[TapeReader, Bounds]]:
    """All lists that may have a past of a trading day, which begins and ends at `Bounds`; today is a tape's newest.

    A list that is on both tapes is read from the real market's, if `simulated` does not say. Raises ConfigError for a
    day that is none, BusError.
    """
    definitions = await read_definitions(bus)
    defined = [each.name for each in definitions if not each.hidden]
    found: dict[str, tuple[TapeReader, Bounds]] = {}
    for choice in (False, True) if simulated is None else (simulated,):
        tape = TapeSearch(bus, Shelf(_ALL, choice, bus.names))
        if await tape.last() is None:
            continue
        readers = await _readers(bus, defined, choice)
        bounds = day_bounds(day, max([await tape.end(), *[await reader.end() for reader in readers]]))
        moved = await _moved(tape, _utc_days(bounds))
        readers += await _readers(bus, _not_defined(moved, definitions), choice)
        for reader in readers:
            found.setdefault(reader.shelf.name, (reader, bounds))
    return list(found.values())


async def _readers(bus: Bus, names: Iterable[str], simulated: bool) -> list[TapeReader]:
    """Of those that are on the tape."""
    found = []
    for name in names:
        with suppress(UnknownListError):
            found.append(await TapeReader.open(bus, name, simulated))
    return found


async def removed_lists(bus: Bus, bounds: Bounds, *, simulated: bool) -> list[TapeReader]:
    """Those that had moves, or gaps, on a trading day of one tape, and are not defined any more. Raises BusError."""
    moved = await _moved(TapeSearch(bus, Shelf(_ALL, simulated, bus.names)), _utc_days(bounds))
    return await _readers(bus, _not_defined(moved, await read_definitions(bus)), simulated) if moved else []


def _utc_days(bounds: Bounds) -> range:
    """The UTC days that a trading day has a part of, each by one of its minutes."""
    return range(bounds[0] // DAY_MS * _DAY, bounds[1] // MINUTE_MS, _DAY)


async def recorded_lists(bus: Bus) -> list[str]:
    """All lists that may be on a tape: first those that are defined, as they are shown. Raises BusError."""
    definitions = await read_definitions(bus)
    moved: set[str] = set()
    for simulated in (False, True):
        tape = TapeSearch(bus, Shelf(_ALL, simulated, bus.names))
        with suppress(UnknownListError):
            minutes = [minute_in(stored.subject) for stored in await tape.ends()]
            moved |= await _moved(tape, range(min(minutes) // _DAY * _DAY, max(minutes) + 1, _DAY))
    return [*[each.name for each in definitions if not each.hidden], *_not_defined(moved, definitions)]


def _not_defined(moved: set[str], definitions: Iterable[ListDefinition]) -> list[str]:
    """Those that were removed, but for what alerts looked at: that was not shown among lists."""
    gone = moved - {each.name for each in definitions}
    return sorted(name for name in gone if not name.startswith(HIDDEN_PREFIX))


async def _moved(tape: TapeSearch, days: Iterable[int]) -> set[str]:
    """The lists that have moves, or gaps, on UTC days, of which each is given by one of its minutes."""
    found: set[str] = set()
    for minute in days:
        with suppress(NoStreamError):
            last = await get_last_of_each(tape.bus, tape.shelf.stream, tape.shelf.moves(minute))
            found |= {list_in(tape.bus.names, stored.subject) for stored in last}
    return found
