"""A day of a list at a glance: from when to when it is recorded, who came and went, and where nothing is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gapscan.bus.tape import read_day
from gapscan.client.tape_reader import TapeReader
from gapscan.market.sessions import next_trading_day, session_times, trading_date
from gapscan.protocol.tape import MINUTE_MS, SECOND_MS, Gap, Move, Moves, second_of

_DAY = 24 * 60 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Timeline:
    """The newest trading day on the tape. `begin` and `end` are what is recorded of it, market time in epoch ms."""

    begin: int
    end: int
    moves: Sequence[Move]
    gaps: Sequence[Gap]


async def read_timeline(reader: TapeReader, since: int = 0) -> Timeline:
    """Of the newest day, or of what is after `since`. Raises BusError, ProtocolError."""
    end = await reader.end()
    date = trading_date(end)
    clear, over = session_times(date).clear, session_times(next_trading_day(date)).clear
    begin = max(second_of(await reader.begin()) * SECOND_MS, clear)  # the first moment of which something is known
    told = await told_between(reader, max(clear, since), over)
    moves, gaps = moves_of(told, max(clear, since + 1), over), [each for each in told if isinstance(each, Gap)]
    return Timeline(begin, end, moves, [gap for gap in gaps if clear <= gap.end and gap.begin < over])


async def moves_between(reader: TapeReader, begin: int, over: int) -> list[Move]:
    """All entries and exits of a list from `begin` until `over`, epoch ms. Raises BusError, ProtocolError."""
    return moves_of(await told_between(reader, begin, over), begin, over)


async def told_between(reader: TapeReader, begin: int, over: int) -> list[Moves | Gap]:
    """What is filed under the days from `begin` until `over`. Raises BusError, ProtocolError."""
    found: list[Moves | Gap] = []
    for day_begins in range(begin // _DAY * _DAY, over, _DAY):
        found += await read_day(reader.bus, reader.shelf, day_begins // MINUTE_MS)
    return found


def moves_of(told: Sequence[Moves | Gap], begin: int, over: int) -> list[Move]:
    """The entries and exits from `begin` until `over`, epoch ms."""
    moves = (move for message in told if isinstance(message, Moves) for move in message.moves)
    return [move for move in moves if begin <= move.time < over]
