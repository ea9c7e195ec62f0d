"""The clients that want the same of one list, and how far each of them is.

Nearly all are current: they were sent the same messages, and their sockets take the next one at once. For those the
position is kept once, and a message goes to the numbers of their sockets: with thousands of clients, whatever is read
of each costs as much as what is done, because the kernel's work in between has emptied the CPU's caches.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from gapscan.bridge.broadcast import Broadcaster
from gapscan.bridge.encodings import Encoding, Message
from gapscan.bridge.history import Position
from gapscan.bridge.transport import Transport
from gapscan.bridge.views import ViewKey


class Member(Protocol):
    """A client, as far as it is of interest here."""

    encoding: Encoding
    transport: Transport

    def leave_rest(self, frame: bytes, sent: int) -> None:
        """The socket took only so many bytes of `frame`; the client falls behind in all of its lists."""


M = TypeVar("M", bound=Member)


class _Group(Generic[M]):
    """Current clients who get the same bytes."""

    def __init__(self) -> None:
        self.members: dict[M, int] = {}  # and their sockets
        self._sockets: array[int] | None = None  # the same; None when somebody came or left since

    def add(self, member: M) -> None:
        self.members[member] = member.transport.socket
        self._sockets = None

    def discard(self, member: M) -> None:
        if self.members.pop(member, None) is not None:
            self._sockets = None

    def send(self, frame: bytes, writer: Broadcaster) -> int:
        """Send to all; how many they are."""
        if self._sockets is None:
            self._sockets = array("i", self.members.values())
        number = len(self._sockets)
        short = writer.write(self._sockets, frame)
        members = [*self.members] if short else []
        for at, taken in short:
            members[at].leave_rest(frame, taken)
        return number


class Subscribers(Generic[M]):
    """Each client is either current, or behind with a position of its own."""

    def __init__(self, key: ViewKey, writer: Broadcaster) -> None:
        self.key = key
        self.position: Position | None = None  # of those who are current
        self._groups: defaultdict[Encoding, _Group[M]] = defaultdict(_Group)  # of them, by what they get
        self._behind: dict[M, Position | None] = {}
        self._writer = writer

    def __len__(self) -> int:
        return self.current + len(self._behind)

    def __iter__(self) -> Iterator[M]:
        for group in self._groups.values():
            yield from group.members
        yield from self._behind

    @property
    def current(self) -> int:
        """How many `send` would send to."""
        return sum(len(group.members) for group in self._groups.values())

    @property
    def behind(self) -> list[M]:
        """Those to whom messages are sent one by one."""
        return [*self._behind]

    def _is_current(self, member: M) -> bool:
        return member in self._groups[member.encoding].members

    def cursor(self, member: M) -> Position | None:
        """How far a client is; None: it has nothing."""
        return self.position if self._is_current(member) else self._behind[member]

    def put(self, member: M, position: Position | None) -> None:
        """A client, newly come or not, is at `position`."""
        self._groups[member.encoding].discard(member)
        self._behind[member] = position

    def make_current(self, member: M) -> None:
        """One that is behind becomes current if it can: its position is that of the others, its socket takes frames."""
        if not self.current:
            self.position = self._behind[member]
        if member.transport.direct and self._behind[member] == self.position:
            del self._behind[member]
            self._groups[member.encoding].add(member)

    def fall_behind(self, member: M) -> None:
        """A client's socket is full, or a goodbye was sent."""
        if self._is_current(member):
            self.put(member, self.position)

    def remove(self, member: M) -> None:
        """A client leaves."""
        self._groups[member.encoding].discard(member)
        self._behind.pop(member, None)

    def send(self, message: Message, position: Position) -> int:
        """Bring those who are current from their position to `position`; the bytes of it."""
        self.position = position  # those who do not take all of it have it in their transports
        sent = 0
        for encoding, group in self._groups.items():
            if group.members:
                frame = message.encoded(encoding)
                sent += len(frame) * group.send(frame, self._writer)
        return sent
