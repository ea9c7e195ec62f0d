"""What of a list's deltas goes on the tape: folded by the second, in minutes that each begin with the whole list.

Pure: deltas and market time go in, messages come out, in the order in which they are to be stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from msgspec import UNSET

from gapscan.lists.delta import Rows, checksum
from gapscan.lists.difference import diff
from gapscan.lists.playback import Playback
from gapscan.lists.state import Copy, Fit, ranked
from gapscan.protocol.messages import Add, Change, Delta, Remove, Snapshot
from gapscan.protocol.tape import MINUTE_MS, Gap, Move, Moves, Reason, Unchanged, minute_of, second_of

FAR: Final = 60  # minutes that a reference goes back, at most: what it refers to must not be too old to be kept
MOST_MISSED: Final = 24 * 60  # minutes without a change that are filled in after nobody looked
_BACK_MS: Final = MINUTE_MS  # market time that goes back by more belongs to another day that is played

Content = Snapshot | Delta | Unchanged | Gap | Moves


@dataclass(frozen=True, slots=True)
class Record:
    """A message for the tape, and the minute that it is filed in; `daily`, with the moves of that minute's day."""

    minute: int
    message: Content
    daily: bool = False


class Recording:
    """One list on its way to the tape. `copy` is the list as it was read; `time` is when that was, in market time.

    Time never goes back but by `begin`: a delta that speaks of an earlier time than what is recorded counts from then.
    """

    def __init__(self, name: str, *, simulated: bool = False) -> None:
        self.name = name
        self.simulated = simulated
        self.copy = Copy()
        self.time = 0
        self._rows: Rows = ()  # as they are recorded
        self._known: Rows | None = None  # the same; also before a gap that is not over; None: nothing is known
        self._sequence = 0
        self._minute = -1  # the newest that has begun
        self._whole = -1  # the newest minute that began with a whole snapshot
        self._changed = -1  # the newest minute with a change
        self._moves: list[Move] = []  # of the newest minute, to be recorded when it is over
        self._reasons: dict[str, str] = {}  # why symbols left, of what is not recorded yet

    @property
    def has_begun(self) -> bool:
        """Whether anything is recorded."""
        return self._minute >= 0

    @property
    def refers_to(self) -> int | None:
        """The earlier minute that says what the list is, while it rests; None while none is referred to."""
        return self._whole if 0 <= self._whole < self._minute else None

    def be_whole(self) -> None:
        """The next minute begins with the whole list: what was to be referred to is gone."""
        self._whole = -1

    def goes_back(self, as_of: int) -> bool:
        """Whether `as_of` is of another day that is played, and not merely late."""
        return as_of < self.time - _BACK_MS

    def begin(self, snapshot: Snapshot, reason: Reason) -> list[Record]:
        """Record the list anew from a snapshot; if something is recorded already, what is between is a gap.

        Raises DeltaError for a snapshot that is none.
        """
        copy = Copy()
        copy.load(snapshot)
        self._reasons.clear()
        end = snapshot.as_of if self.goes_back(snapshot.as_of) else max(self.time, snapshot.as_of)
        records = [*self._end(end, reason)] if self.has_begun else []
        minute = minute_of(end)
        self._moves = _membership(self._known, copy.rows, end) if self._known is not None else []
        self.copy, self.time, self._sequence = copy, end, copy.sequence
        self._rows = self._known = copy.rows
        self._minute = self._whole = self._changed = minute
        return [*records, Record(minute, self._snapshot(end)), *self._told_moves()]

    def _end(self, end: int, reason: Reason) -> Iterator[Record]:
        """What was read is recorded; then the gap, in its first minute, in its last, and among its day's moves."""
        yield from self.flush()
        yield from self._told_moves()
        gap = Gap(self.name, self.time, end, reason)
        yield Record(self._minute, gap)
        if minute_of(end) != self._minute:
            yield Record(minute_of(end), gap)
        yield Record(self._minute, gap, daily=True)

    def offer(self, delta: Delta, sequence: int) -> tuple[Fit, list[Record]]:
        """The next delta of the list: what is to be recorded before it, and whether it was the next one."""
        time = max(self.time, delta.as_of)
        records = self.flush() if self._is_pending and second_of(time) != second_of(self.time) else []
        fit = self.copy.apply(delta, sequence)
        if fit is Fit.APPLIED:
            self.time = time
            gone = [change for change in delta.changes if isinstance(change, Remove)]
            self._reasons.update({each.symbol: each.reason for each in gone if each.reason is not UNSET})
        return fit, records

    @property
    def _is_pending(self) -> bool:
        return self.copy.sequence != self._sequence

    def flush(self) -> list[Record]:
        """What was read and is not recorded yet."""
        if not self._is_pending:
            return []
        minute = minute_of(self.time)
        records = [*self._roll(minute)]
        changes = _explained(diff(self._rows, self.copy.rows), self._reasons)
        self._reasons.clear()
        delta = Delta(
            list=self.name,
            epoch=self.copy.epoch,
            prev=self._sequence,
            as_of=self.time,
            changes=changes,
            size=len(self.copy.rows),
            checksum=self.copy.checksum,
            sequence=self.copy.sequence,
        )
        self._moves += moves_in(self._rows, changes, self.time)
        self._rows = self._known = self.copy.rows
        self._sequence, self._changed = self.copy.sequence, minute
        return [*records, Record(minute, delta)]

    def advance(self, settled: int, minutes_settled: int) -> list[Record]:
        """All deltas up to market time `settled` are read; a minute begins once `minutes_settled` has reached it."""
        if not self.has_begun:
            return []
        records = self.flush() if settled >= second_of(self.time) * 1000 else []
        minute = minutes_settled // MINUTE_MS
        if minute > self._minute and not self._is_pending:
            records += self._roll(minute)
            self.time = max(self.time, minute * MINUTE_MS)
        return records

    def _roll(self, minute: int) -> Iterator[Record]:
        """Begin all minutes up to `minute`, in which nothing has changed yet."""
        if minute > self._minute:
            yield from self._told_moves()
        if minute - self._minute > MOST_MISSED:
            yield from self._leave_out(minute - MOST_MISSED)
        for begun in range(self._minute + 1, minute + 1):
            yield Record(begun, self._first_of(begun))
            self._minute = begun

    def _leave_out(self, minute: int) -> Iterator[Record]:
        """Say that of the time until `minute` nothing is told."""
        gap = Gap(self.name, self.time, minute * MINUTE_MS, "not_read")
        yield Record(self._minute, gap)
        yield Record(self._minute, gap, daily=True)
        self._minute, self._whole = minute - 1, -1

    def _first_of(self, minute: int) -> Snapshot | Unchanged:
        """A list that changes is whole at each minute's beginning; one that has rested for a minute is referred to."""
        rests = self._changed <= self._whole and (self._changed < minute - 1 or self._whole < minute - 1)
        if not rests or minute - self._whole > FAR:
            self._whole = minute
            return self._snapshot(minute * MINUTE_MS)
        return Unchanged(
            list=self.name,
            epoch=self.copy.epoch,
            sequence=self._sequence,
            as_of=minute * MINUTE_MS,
            since=self._whole * MINUTE_MS,
            checksum=checksum(self._rows),
        )

    def _snapshot(self, as_of: int) -> Snapshot:
        return Snapshot(
            list=self.name,
            epoch=self.copy.epoch,
            sequence=self._sequence,
            as_of=as_of,
            rows=ranked(self._rows),
            checksum=checksum(self._rows),
            simulated=self.simulated,
        )

    def _told_moves(self) -> Iterator[Record]:
        if self._moves:
            yield Record(self._minute, Moves(self.name, self._moves[-1].time, self._moves), daily=True)
            self._moves = []

    def resume(self, minute: int, before: Copy | None, messages: Iterable[Content], *, moves_are_told: bool) -> bool:
        """Go on where a recording ended, with the messages of its newest minute; False when that says no list.

        `before` is what an `Unchanged` at its beginning refers to. Raises DeltaError when it does not fit together.
        """
        playback, self._minute, self._changed, self._moves = Playback(before), minute, -1, []
        for message in messages:
            self._retake(playback.copy, message)
            playback.take(message)
            self.time = max(self.time, playback.last)
            self._known = playback.copy.rows if playback.copy else self._known
        if playback.copy is None:
            return False
        self.copy, self._rows, self._sequence = playback.copy, playback.copy.rows, playback.copy.sequence
        if moves_are_told:
            self._moves = []
        return True

    def _retake(self, held: Copy | None, message: Content) -> None:
        match message:
            case Snapshot():
                self._whole = self._minute
            case Unchanged():
                self._whole = message.since // MINUTE_MS
            case Gap():
                self._moves = []  # they were told before it
            case Delta() if held is not None:
                self._changed = self._minute
                self._moves += moves_in(held.rows, message.changes, message.as_of)


def _explained(changes: list[Change], reasons: dict[str, str]) -> list[Change]:
    """The same, with why symbols left: a difference between two states does not know."""
    if not reasons:
        return changes
    return [
        Remove(change.symbol, reasons.get(change.symbol, UNSET)) if isinstance(change, Remove) else change
        for change in changes
    ]


def moves_in(rows: Rows, changes: list[Change], time: int) -> list[Move]:
    """Who came in and who left by `changes` of `rows`."""
    places = {row["symbol"]: rank for rank, row in enumerate(rows, 1)}
    moves = []
    for change in changes:
        if isinstance(change, Remove):
            rank = places[change.symbol]
            price = rows[rank - 1].get("price")
            moves.append(Move(change.symbol, time, "leave", rank, price, reason=change.reason))
        elif isinstance(change, Add):
            moves.append(Move(change.symbol, time, "enter", change.rank, change.data.get("price")))
    return moves


def _membership(old: Rows, new: Rows, time: int) -> list[Move]:
    """The same over a gap: when in it, nobody knows."""
    moves = moves_in(old, diff(old, new), time)
    return [Move(move.symbol, time, move.action, move.rank, move.price, after_gap=True) for move in moves]
