"""When a symbol was in a list on a trading day: by the moves that are told, and by what the tape's last minute says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from msgspec import UNSET

from gapscan.bus.definitions import is_removed
from gapscan.bus.tape import minute_messages, told
from gapscan.client.tape_reader import TapeReader
from gapscan.client.timeline import moves_between
from gapscan.client.told_days import DayReader
from gapscan.errors import NotRecordedError
from gapscan.lists.delta import Rows
from gapscan.lists.recording import moves_in
from gapscan.protocol.messages import Delta, Snapshot
from gapscan.protocol.tape import Gap, Move, Unchanged, minute_in


@dataclass(frozen=True, slots=True)
class Stay:
    """A symbol's time in a list, market time in epoch ms, with its rank and price when it came and when it went.

    `entered` is None when it was in before the day's first record, `left` when it is in at the day's last one.
    `reason` is why it left, as the list says it (`fell_behind`, `rank`, `idle`, `closed`), if that is recorded; it is
    `removed` when the list was removed with the symbol in it: `left` is then the end of what is recorded of the list,
    and uncertain. `uncertain`: else it came or went at some time in a gap, which ends at the time that stands here.
    `unrecorded`: it came at some time that the tape does not tell (yet); `entered` is None then too.
    """

    list: str
    symbol: str
    entered: int | None = None
    left: int | None = None
    rank_in: int | None = None
    rank_out: int | None = None
    price_in: float | None = None
    price_out: float | None = None
    reason: str | None = None
    uncertain: bool = False
    unrecorded: bool = False

    @property
    def seconds(self) -> float | None:
        """How long it was in; None when its beginning or its end is not known."""
        return None if self.entered is None or self.left is None else (self.left - self.entered) / 1000


@dataclass(frozen=True, slots=True)
class _LastMinute:
    """The tape's newest minute, whose moves are told when it is over: who came and went in it, and the list then."""

    moves: Sequence[Move]
    rows: Rows | None


async def stays_on_day(
    reader: TapeReader, symbol: str, begin: int, over: int, days: DayReader | None = None
) -> list[Stay] | None:
    """When the symbol was in the list on a day, from `begin` until `over`, epoch ms; None when nothing is recorded.

    Raises BusError, ProtocolError.
    """
    end = await reader.end()
    if end < begin or await reader.begin() >= over:
        return None
    last = await _last_minute(reader)  # before the moves: what is told in between is among both
    moves = await moves_between(reader, begin, over, days)
    known = {_key(move) for move in moves}
    moves += [move for move in last.moves if begin <= move.time < over and _key(move) not in known]
    stays = stays_of(reader.shelf.name, symbol, moves)
    ends = min(end, over - 1)
    rows = last.rows if end < over else await _rows_at(reader, ends)
    if rows is not None:
        stays = await _agreed(reader, symbol, stays, rows, begin, ends)
    is_open = bool(stays) and stays[-1].left is None
    return await _ended_if_removed(reader, stays, end) if is_open and end < over else stays


async def _ended_if_removed(reader: TapeReader, stays: list[Stay], end: int) -> list[Stay]:
    """In a list that is no more nothing is: it was removed at some time after the last of it was recorded."""
    if not await is_removed(reader.bus, reader.shelf.name):
        return stays
    return [*stays[:-1], replace(stays[-1], left=end, reason="removed", uncertain=True)]


async def _last_minute(reader: TapeReader) -> _LastMinute:
    newest = await reader.last()
    stored = await minute_messages(reader.bus, reader.shelf, minute_in(newest.subject)) if newest else []
    messages = [told(each) for each in stored]
    playback = await reader.begun(messages)
    moves: list[Move] = []
    for message in messages:
        if isinstance(message, Gap):
            moves = []  # they were told before it
        elif isinstance(message, Delta) and playback.copy is not None:
            moves += moves_in(playback.copy.rows, message.changes, message.as_of)
        playback.take(message)
    return _LastMinute(moves, playback.copy.rows if playback.copy else None)


def _key(move: Move) -> tuple[str, int, str]:
    return move.symbol, move.time, move.action


async def _rows_at(reader: TapeReader, when: int) -> Rows | None:
    try:
        return (await reader.at(when)).rows
    except NotRecordedError:
        return None


async def _agreed(reader: TapeReader, symbol: str, stays: list[Stay], rows: Rows, begin: int, end: int) -> list[Stay]:
    """The same, in agreement with the list at the day's end: moves of a gap need not be told."""
    is_in, is_open = any(row["symbol"] == symbol for row in rows), bool(stays) and stays[-1].left is None
    if is_open and not is_in:
        return [*stays[:-1], replace(stays[-1], left=end, uncertain=True)]
    if is_open or not is_in:
        return stays
    first = None if stays else await first_symbols(reader, begin, end + 1)
    return [*stays, Stay(reader.shelf.name, symbol, unrecorded=first is None or symbol not in first)]


async def first_symbols(reader: TapeReader, begin: int, over: int) -> frozenset[str] | None:
    """Who is in the first list that is known from `begin` until `over`, epoch ms; None when none is.

    Raises BusError, ProtocolError.
    """
    async for stored in reader.messages_from(begin):
        message = told(stored)
        if not isinstance(message, Snapshot | Unchanged):
            continue
        if message.as_of >= over:
            return None
        played = await reader.begun([message])
        played.take(message)
        if played.copy is not None:
            return frozenset(row["symbol"] for row in played.copy.rows)
    return None


def stays_of(name: str, symbol: str, moves: Sequence[Move]) -> list[Stay]:
    """A symbol's moves as the times that it was in the list."""
    stays: list[Stay] = []
    came: Move | None = None
    for move in moves:
        if move.symbol != symbol:
            continue
        if move.action == "enter":
            came = move
        else:
            stays.append(_stay(name, came, move))
            came = None
    return [*stays, _stay(name, came, None)] if came else stays


def _stay(name: str, came: Move | None, went: Move | None) -> Stay:
    known = came or went
    assert known is not None  # for the type checker: there is no stay without a move
    return Stay(
        list=name,
        symbol=known.symbol,
        entered=came.time if came else None,
        left=went.time if went else None,
        rank_in=came.rank if came else None,
        rank_out=went.rank if went else None,
        price_in=came.price if came else None,
        price_out=went.price if went else None,
        reason=went.reason if went and went.reason is not UNSET else None,
        uncertain=any(move.after_gap for move in (came, went) if move),
    )
