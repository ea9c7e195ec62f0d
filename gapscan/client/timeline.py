"""A day of a list at a glance: from when to when it is recorded, who came and went, and where nothing is known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from gapscan.client.tape_reader import TapeReader
from gapscan.client.told_days import DAY_MS, DayReader
from gapscan.market.moments import day_of
from gapscan.market.sessions import next_trading_day, session_times, trading_date
from gapscan.protocol.tape import SECOND_MS, Gap, Move, Moves, second_of


@dataclass(frozen=True, slots=True)
class Timeline:
    """The newest trading day on the tape. `begin` and `end` are what is recorded of it, market time in epoch ms."""

    begin: int
    end: int
    moves: Sequence[Move]
    gaps: Sequence[Gap]


async def read_timeline(reader: TapeReader, since: int = 0, days: DayReader | None = None) -> Timeline:
    """Of the newest day: moves after `since`, and all its gaps. Raises BusError, ProtocolError."""
    end = await reader.end()
    date = trading_date(end)
    clear, over = session_times(date).clear, session_times(next_trading_day(date)).clear
    first = max(await reader.begin(), clear)
    begin = second_of(first) * SECOND_MS  # the first moment of which something is known
    told = await told_between(reader, clear, over, days)
    gaps = [each for each in told if isinstance(each, Gap) and first <= each.end and each.begin < over]
    return Timeline(begin, end, moves_of(told, max(first, since + 1), over), gaps)


def day_bounds(day: str | dt.date, end: int) -> tuple[int, int]:
    """A trading day from its clear until the next one's, epoch ms; today is that of `end`, the newest on the tape."""
    date = trading_date(end) if day == "today" else day_of(day, end)
    return session_times(date).clear, session_times(next_trading_day(date)).clear


async def moves_between(reader: TapeReader, begin: int, over: int, days: DayReader | None = None) -> list[Move]:
    """All entries and exits of a list from `begin` until `over`, epoch ms. Raises BusError, ProtocolError."""
    return moves_of(await told_between(reader, begin, over, days), begin, over)


async def told_between(reader: TapeReader, begin: int, over: int, days: DayReader | None = None) -> list[Moves | Gap]:
    """What is filed under the days from `begin` until `over`. Raises BusError, ProtocolError."""
    days = days or DayReader()
    found: list[Moves | Gap] = []
    for day in range(begin // DAY_MS * DAY_MS, over, DAY_MS):
        found += await days.read(reader.bus, reader.shelf, day)
    return found


def moves_of(told: Sequence[Moves | Gap], begin: int, over: int) -> list[Move]:
    """The entries and exits from `begin` until `over`, epoch ms."""
    newer = (message for message in told if isinstance(message, Moves) and message.as_of >= begin)
    return [move for message in newer for move in message.moves if begin <= move.time < over]
