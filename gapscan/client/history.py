"""What there is on the tape: of which lists, from when to when, with which gaps; and the proof that it is whole."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass

from gapscan.bus.client import Bus
from gapscan.bus.tape import head_of, read_all, read_day, told
from gapscan.client.tape_reader import TapeReader
from gapscan.errors import UnknownListError
from gapscan.lists.verification import Verification
from gapscan.protocol.tape import MINUTE_MS, SECOND_MS, Gap, list_in, minute_in, second_of, tape_stream

_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of one list: market time in epoch ms of the first and the last, messages, and the gaps between."""

    list: str
    simulated: bool
    begin: int
    end: int
    messages: int
    gaps: Sequence[Gap] = ()


async def kept(bus: Bus, lists: Iterable[str]) -> list[Kept]:
    """What the tapes have of these lists; those that nothing is recorded of are left out. Raises BusError."""
    found = []
    for name in lists:
        for simulated in (False, True):
            try:
                reader = await TapeReader.open(bus, name, simulated)
            except UnknownListError:
                continue
            found.append(await _kept(bus, reader))
    return found


async def _kept(bus: Bus, reader: TapeReader) -> Kept:
    first, last = await reader.ends()
    begin, end = minute_in(first.subject), minute_in(last.subject)
    gaps: list[Gap] = []
    for day in range(begin - begin % _DAY, end + 1, _DAY):
        gaps += [message for message in await read_day(bus, reader.shelf, day) if isinstance(message, Gap)]
    message = told(last)
    to = message.end if isinstance(message, Gap) else message.as_of
    messages = head_of(last).number - head_of(first).number + 1
    since = second_of(await reader.begin()) * SECOND_MS or begin * MINUTE_MS
    return Kept(reader.shelf.name, reader.shelf.simulated, since, to, messages, gaps)


async def verified(bus: Bus, *, simulated: bool, verification: Verification) -> AsyncIterator[tuple[int, list[str]]]:
    """Look at every message of a tape: its sequence, and what is wrong with it. Raises BusError."""
    async for stored in read_all(bus, tape_stream(bus.names, simulated=simulated)):
        name = list_in(bus.names, stored.subject)
        yield stored.sequence, verification.check(name, stored.subject, stored.data, stored.headers)
