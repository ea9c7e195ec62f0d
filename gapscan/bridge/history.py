"""One list as the bridge's clients see it: versions and cursors, no queues. Pure: time is an argument.

A history keeps one immutable version per sequence for a while; unchanged rows are shared. What a client
gets is the difference between the version it has (its cursor) and the newest one, or the newest one as a whole.
Live traffic, resuming and the recovery of a slow client are this one function.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple

from gapscan.bridge.encodings import Message
from gapscan.client.view import UNKNOWN, Lateness
from gapscan.lists.delta import RowList, checksum
from gapscan.lists.difference import diff
from gapscan.lists.state import ranked
from gapscan.protocol import codec
from gapscan.protocol.messages import Delta, Row, Snapshot, State

RETENTION_SECONDS: Final = 120.0
MAX_VERSIONS: Final = 600  # a minute of a list that changes ten times a second
_NUMBER: Final = re.compile(r"[0-9]{1,19}", re.ASCII)
_LEAST_ROW: Final = len('{"rank":1,"symbol":"A"},')  # no row of a snapshot is shorter


class Position(NamedTuple):
    """A place in a list's history: all that is kept of what a client has."""

    epoch: str
    sequence: int

    @property
    def text(self) -> str:
        """As `parse` takes it."""
        return f"{self.epoch}:{self.sequence}"

    @classmethod
    def parse(cls, text: str) -> Position | None:
        """The position that `text` says; None when it says none."""
        epoch, _, sequence = text.rpartition(":")
        return cls(epoch, int(sequence)) if epoch and _NUMBER.fullmatch(sequence) else None


@dataclass(frozen=True, slots=True)
class Version:
    """A list at one position."""

    position: Position
    as_of: int
    rows: RowList
    checksum: int
    since: float  # when it came


@dataclass(frozen=True, slots=True)
class ListStatus:
    """How a list stands at this moment, beside its rows."""

    as_of: int = 0
    state: State = "stale"
    simulated: bool = False
    lateness: Lateness = UNKNOWN
    stored_at: float = 0.0  # POSIX seconds; 0: not known


class MessageKinds(NamedTuple):
    """What a whole list is sent as, and what leads from one version to another."""

    snapshot: type[Snapshot] = Snapshot
    delta: type[Delta] = Delta


class ListHistory:
    """The newest versions of one list, all of one epoch, and the messages that lead from them to the newest one."""

    kinds = MessageKinds()

    def __init__(self, name: str) -> None:
        self.name = name
        self.status = ListStatus()
        self.current: Version | None = None
        self.fault = ""  # why the newest version cannot be sent, until one can; `current` is the one before
        self._proven: Version | None = None  # the newest of which a message was made
        self._versions: OrderedDict[Position, Version] = OrderedDict()  # oldest first
        self._messages: dict[Position | None, Message] = {}  # to the newest version; None: its snapshot

    def __len__(self) -> int:
        return len(self._versions)

    @property
    def positions(self) -> Collection[Position]:
        """The positions of the versions that are kept, the oldest first."""
        return self._versions.keys()

    def version_at(self, position: Position) -> Version | None:
        """The list as it was at `position`; None when that is not known any more."""
        return self._versions.get(position)

    def entered(self, symbol: str) -> tuple[Version, Version] | None:
        """The last version without a symbol that is in, and the one with it that came then.

        None when that is not among those that are kept.
        """
        came: Version | None = None
        for version in reversed(self._versions.values()):
            if symbol in version.rows.symbols:
                came = version
            else:
                return None if came is None else (version, came)
        return None

    def left(self, symbol: str) -> tuple[Version, Version] | None:
        """The last version that had a symbol before it went, and the one without it that came then.

        None when that is not among those that are kept.
        """
        gone: Version | None = None
        for version in reversed(self._versions.values()):
            if symbol not in version.rows.symbols:
                gone = version
            elif gone is not None:
                return version, gone
        return None

    @property
    def messages_held(self) -> int:
        """How many messages that lead to the newest version are kept."""
        return len(self._messages)

    def set_status(self, status: ListStatus) -> None:
        """Take note of how the list stands."""
        if status.simulated != self.status.simulated:
            self._messages.clear()  # a snapshot says so
        self.status = status

    @property
    def stuck(self) -> bool:
        """Whether the newest version that came could not be sent, and none came after it."""
        return self.fault != "" and self.current is self._proven

    @property
    def state(self) -> State:
        """Whether what clients get of the list moves."""
        return "stale" if self.fault and self.status.state in ("live", "delayed") else self.status.state

    def put(self, position: Position, as_of: int, rows: Sequence[Row], now: float) -> bool:
        """Take in the list at `position`; False when that is not news.

        A position behind the newest one of the same epoch is a follower that starts over; it will come again.
        """
        before = self.current
        if before and before.position.epoch == position.epoch and position.sequence <= before.position.sequence:
            return False
        if before and before.position.epoch != position.epoch:
            self._versions.clear()
        self.current = self._versions[position] = self._version(position, as_of, rows, now)
        self._messages.clear()
        self.expire(now)
        return True

    def _version(self, position: Position, as_of: int, rows: Sequence[Row], now: float) -> Version:
        """`rows` as a version; while the symbols stay, what follows from them is shared with the version before."""
        symbols, before = [row["symbol"] for row in rows], self.current
        if before and before.rows.symbols == symbols:
            return Version(position, as_of, RowList(rows, before.rows.symbols), before.checksum, now)
        return Version(position, as_of, RowList(rows, symbols), checksum(rows), now)

    def expire(self, now: float, retention: float = RETENTION_SECONDS) -> None:
        """Drop versions that were replaced too long ago or are too many, never the newest."""
        while len(self._versions) > 1:
            position, replaced_by = next(iter(self._versions)), next(islice(self._versions.values(), 1, None))
            if len(self._versions) <= MAX_VERSIONS and replaced_by.since >= now - retention:
                break
            del self._versions[position]
            self._messages.pop(position, None)

    def message_for(self, have: Position | None) -> Message | None:
        """What leads from `have` to the newest version; None when that is it, or when there is no version yet."""
        if self.current is None or have == self.current.position:
            return None
        return self.answer_for(have)

    def answer_for(self, have: Position | None) -> Message | None:
        """As `message_for`, but for a client that has the newest version it is an empty delta."""
        message = self._messages.get(have)
        if message is None and self.current is not None:
            old = self.version_at(have) if have else None
            message = self._best(old, self.current) if old else self._snapshot(self.current)
            self._messages[old.position if old else None] = message
            if self.current is not self._proven:
                self._proven, self.fault = self.current, ""
        return message

    def give_up(self, have: Position | None, fault: str) -> bool:
        """Nothing can be made that leads from `have` to the newest version; True when that one is to blame.

        The version at `have` may be the bad one: without it, a snapshot is tried. When that cannot be made either,
        the newest version is dropped, and the list stays at the one that was sent last.
        """
        if have is not None and self._versions.pop(have, self.current) is not self.current:
            return False
        self.fault = fault
        self.current = self._proven = None if self.current is self._proven else self._proven
        self._messages.clear()
        self._versions.clear()
        if self.current is not None:
            self._versions[self.current.position] = self.current
        return True

    def _best(self, old: Version, new: Version) -> Message:
        """The delta, unless the snapshot is shorter. A snapshot is made only where it may be."""
        delta = self._delta(old, new)
        if old is new or len(delta.payload) <= _LEAST_ROW * len(new.rows):
            return delta
        return min(delta, self._snapshot(new), key=lambda message: len(message.payload))

    def _delta(self, old: Version, new: Version) -> Message:
        delta = self.kinds.delta(
            list=self.name,
            epoch=new.position.epoch,
            prev=old.position.sequence,
            sequence=new.position.sequence,
            as_of=new.as_of,
            changes=diff(old.rows, new.rows),
            size=len(new.rows),
            checksum=new.checksum,
        )
        return Message(codec.encode(delta), new.position.text)

    def _snapshot(self, version: Version) -> Message:
        if None not in self._messages:
            snapshot = self.kinds.snapshot(
                list=self.name,
                epoch=version.position.epoch,
                sequence=version.position.sequence,
                as_of=version.as_of,
                rows=ranked(version.rows),
                checksum=version.checksum,
                simulated=self.status.simulated,
            )
            self._messages[None] = Message(codec.encode(snapshot), version.position.text)
        return self._messages[None]
