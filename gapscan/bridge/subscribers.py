"""The clients of one list, and how far each of them is.

Nearly all are in step: they were sent the same frames, and their sockets take the next one at once. For those the
position is kept once, and a frame goes to the numbers of their sockets: with thousands of clients, whatever is read
of each costs as much as what is done, because the kernel's work in between has emptied the CPU's caches.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from gapscan.bridge.broadcast import Broadcaster
from gapscan.bridge.transport import Transport
from gapscan.bridge.versions import Position


class Member(Protocol):
    """A client, as far as it is of interest here."""

    transport: Transport

    def leave_rest(self, frame: bytes, sent: int) -> None:
        """The socket took only so many bytes of `frame`; the client falls out of step with every list."""


M = TypeVar("M", bound=Member)


class Subscribers(Generic[M]):
    """Each client is either in step or a straggler with a position of its own."""

    def __init__(self, writer: Broadcaster) -> None:
        self.position: Position | None = None  # of those in step
        self._current: dict[M, int] = {}  # and their sockets
        self._sockets: array[int] | None = None  # the same; None when somebody came or left since
        self._behind: dict[M, Position | None] = {}
        self._writer = writer

    def __len__(self) -> int:
        return len(self._current) + len(self._behind)

    def __iter__(self) -> Iterator[M]:
        yield from self._current
        yield from self._behind

    @property
    def current(self) -> int:
        """How many `send` would send to."""
        return len(self._current)

    @property
    def behind(self) -> list[M]:
        """Those to whom frames are sent one by one."""
        return [*self._behind]

    def cursor(self, member: M) -> Position | None:
        """How far a client is; None: it has nothing."""
        return self.position if member in self._current else self._behind[member]

    def put(self, member: M, position: Position | None) -> None:
        """A client, newly come or not, is at `position`."""
        self._step_out(member)
        self._behind[member] = position

    def fall_in(self, member: M) -> None:
        """A straggler comes into step if it can: its position is that of the others, its socket takes frames."""
        if not self._current:
            self.position = self._behind[member]
        if member.transport.direct and self._behind[member] == self.position:
            del self._behind[member]
            self._current[member] = member.transport.socket
            self._sockets = None

    def fall_out(self, member: M) -> None:
        """A client's socket is full, or the client says goodbye."""
        if member in self._current:
            self.put(member, self.position)

    def remove(self, member: M) -> None:
        """A client leaves."""
        self._step_out(member)
        self._behind.pop(member, None)

    def _step_out(self, member: M) -> None:
        if self._current.pop(member, None) is not None:
            self._sockets = None

    def send(self, frame: bytes, position: Position) -> None:
        """Bring those in step from their position to `position`."""
        if self._sockets is None:
            self._sockets = array("i", self._current.values())
        short = self._writer.write(self._sockets, frame)
        self.position = position
        members = [*self._current] if short else []
        for at, taken in short:
            members[at].leave_rest(frame, taken)
