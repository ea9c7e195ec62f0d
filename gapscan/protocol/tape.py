"""The tape, on which lists have a past: its messages beside snapshots and deltas, its subjects, its chain of hashes.

A list's past lies in minutes of market time, a subject each. A minute begins with the list as it stands before the
minute's changes, whole or as a reference to the minute that has it; then come its deltas, folded by the second. All
that is recorded of a list is a chain: each message carries the hash of the one before.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from gapscan.protocol.names import DEFAULT, Names
from gapscan.protocol.values import Crc32, EpochMs, ListName, Rank, Sequence, Symbol

SECOND_MS: Final = 1000
MINUTE_MS: Final = 60_000
NO_HASH: Final = "0" * 64  # before the first message of a list's chain

Reason = Literal["not_kept", "new_epoch", "not_read", "time_went_back", "rewound", "paused"]


class Unchanged(Struct, frozen=True, tag_field="type", tag="unchanged"):
    """A minute begins, and the list is what it was at the end of the minute that begins at `since`."""

    list: ListName
    epoch: str
    sequence: Sequence
    as_of: EpochMs
    since: Annotated[int, Meta(ge=0, description="epoch ms; that minute begins with a whole snapshot")]
    checksum: Crc32


class Gap(Struct, frozen=True, tag_field="type", tag="gap"):
    """After `begin`, and before `end`, it is not known what the list was.

    `not_kept`: deltas were gone before they were read. `new_epoch`: the list's stream was made anew. `not_read`: what
    was stored could not be read. `time_went_back`: what follows is of an earlier time than what came before. `rewound`:
    the list's store lost its newest deltas. `paused`: there was no room on the disk.
    """

    list: ListName
    begin: EpochMs
    end: EpochMs
    reason: Reason


class Move(Struct, frozen=True):
    """A symbol came into a list at `rank`, or left it from there; with `after_gap`, at some time in the gap before.

    `reason` is why it left, as the list's delta said it, if it did.
    """

    symbol: Symbol
    time: EpochMs
    action: Literal["enter", "leave"]
    rank: Rank
    price: float | None = None
    after_gap: bool = False
    reason: str | UnsetType = UNSET


MoveList = list[Move]


class Moves(Struct, frozen=True, tag_field="type", tag="moves"):
    """All symbols that came into a list or left it within a minute of market time; `as_of` is when the last one did."""

    list: ListName
    as_of: EpochMs
    moves: MoveList


def second_of(ms: int) -> int:
    """The second, counted from the epoch, at whose end what happened at `ms` has happened."""
    return -(-ms // SECOND_MS)


def minute_of(ms: int) -> int:
    """The minute, counted from the epoch, in which what happened at `ms` is filed."""
    return second_of(ms) // 60


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where the past of one list lies: on the real market's tape, or on the simulated one's."""

    name: str
    simulated: bool = False
    names: Names = DEFAULT

    @property
    def stream(self) -> str:
        """The stream that the tape is."""
        return tape_stream(self.names, simulated=self.simulated)

    @property
    def minutes(self) -> str:
        """The pattern of the subjects of all minutes."""
        return f"{self._beginning(self.names.tape)}.{self.name}.*.*"

    @property
    def all_moves(self) -> str:
        """The pattern of the subjects of all days' moves."""
        return f"{self._beginning(self.names.tape_moves)}.{self.name}.*"

    def minute(self, minute: int) -> str:
        """Where what happened in a minute is filed."""
        begins = datetime.fromtimestamp(minute * 60, UTC)
        return f"{self._beginning(self.names.tape)}.{self.name}.{begins:%Y%m%d}.{begins:%H%M}"

    def moves(self, minute: int) -> str:
        """Where the moves of the UTC day of a minute are filed."""
        begins = datetime.fromtimestamp(minute * 60, UTC)
        return f"{self._beginning(self.names.tape_moves)}.{self.name}.{begins:%Y%m%d}"

    def _beginning(self, subject: str) -> str:
        return self.names.simulated_subject(subject) if self.simulated else subject


def tape_stream(named: Names, *, simulated: bool) -> str:
    """The stream that the tape of the real market is, or that of the simulated one."""
    return named.stream_tape_simulated if simulated else named.stream_tape


def tape_subjects(named: Names, *, simulated: bool) -> list[str]:
    """All subjects of a tape, for its stream."""
    return [f"{start}.>" for start in _beginnings(named, simulated=simulated)]


def _beginnings(named: Names, *, simulated: bool) -> list[str]:
    both = (named.tape, named.tape_moves)
    return [named.simulated_subject(one) if simulated else one for one in both]


def list_in(named: Names, subject: str) -> str:
    """The list that a tape's subject is of; empty for any other subject."""
    for simulated in (False, True):
        for start in _beginnings(named, simulated=simulated):
            if subject.startswith(f"{start}."):
                return subject.removeprefix(f"{start}.").partition(".")[0]
    return ""


def minute_in(subject: str) -> int:
    """The minute that a subject is of. Raises ValueError for a subject that is of none."""
    *_, day, time = subject.split(".")
    return int(datetime.strptime(f"{day}{time}+0000", "%Y%m%d%H%M%z").timestamp()) // 60


def linked_hash(previous: str, number: int, subject: str, payload: bytes) -> str:
    """The hash of a message: SHA-256 of the previous hash, its number, its subject and its payload, line by line."""
    return hashlib.sha256(f"{previous}\n{number}\n{subject}\n".encode() + payload).hexdigest()
