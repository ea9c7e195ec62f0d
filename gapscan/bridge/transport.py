"""The way out to one client: frames go straight to its socket while that takes them, else through its transport.

A transport queues what it is given, looks it over and writes it later; for a frame that the socket takes at once, this
costs nearly as much as the kernel's part. What the socket does not take is the transport's, and from then on
everything is, until the transport is empty again: frames never overtake each other.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any, Final, Protocol

from gapscan.bridge.limits import BUFFER_BYTES

NO_SOCKET: Final = -1
_OTHERS: Final = 256  # descriptors, for connections without a request and what else a process needs


class SocketTransport(Protocol):
    """What is needed of an asyncio transport."""

    def write(self, data: bytes | memoryview) -> None: ...
    def get_write_buffer_size(self) -> int: ...
    def get_extra_info(self, name: str) -> Any: ...
    def is_closing(self) -> bool: ...
    def abort(self) -> None: ...


class Transport:
    """Takes frames whole, or not at all. `direct` while the next one may go straight to `socket`."""

    __slots__ = ("_transport", "direct", "shut", "socket")

    def __init__(self, transport: SocketTransport, clients: int = 0) -> None:
        """`clients` is how many there may be, each with a descriptor that it cannot do without."""
        self.shut = False  # after a goodbye nothing more is written
        self.direct = False  # the handshake's answer may wait in the transport still
        self.socket = _duplicate(transport, clients)
        self._transport = transport

    @property
    def closing(self) -> bool:
        """Whether the connection is closed or about to be; a transport may raise when it is used then."""
        return self.shut or self._transport.is_closing()

    @property
    def writable(self) -> bool:
        """Whether the client takes what it is sent."""
        return not self.closing and self._transport.get_write_buffer_size() < BUFFER_BYTES

    def write(self, frame: bytes) -> bool:
        """Send `frame`; False when the connection is ending, or the client is behind with what it was sent."""
        if self.closing:
            return False
        waiting = self._transport.get_write_buffer_size()
        if waiting >= BUFFER_BYTES:
            return False
        self.direct = not waiting and self.socket != NO_SOCKET
        sent = write_some(self.socket, frame) if self.direct else 0
        if sent != len(frame):
            self.leave_rest(frame, sent)
        return True

    def leave_rest(self, frame: bytes, sent: int) -> None:
        """Leave to the transport what the socket did not take of `frame`."""
        self.direct = False
        if not self.closing:
            self._transport.write(memoryview(frame)[sent:] if sent else frame)

    def goodbye(self, frame: bytes) -> None:
        """Send a last frame, however much waits before it."""
        if not self.closing:
            self._transport.write(frame)
        self.shut, self.direct = True, False

    def abort(self) -> None:
        """Cut the connection."""
        self._transport.abort()

    def gone(self) -> None:
        """The connection has ended."""
        self.shut, self.direct = True, False
        if self.socket != NO_SOCKET:
            os.close(self.socket)
            self.socket = NO_SOCKET


def write_some(socket: int, frame: bytes) -> int:
    """How many bytes of `frame` the socket took at once."""
    try:
        return os.write(socket, frame)
    except OSError:  # full; or broken, which the transport finds as well, and ends the connection
        return 0


def _duplicate(transport: SocketTransport, clients: int) -> int:
    """A descriptor of our own for the transport's socket; NO_SOCKET where none can be written to.

    The transport's own is closed without our knowing, and its number is then another client's.
    """
    socket = transport.get_extra_info("socket")
    encrypted = transport.get_extra_info("sslcontext") is not None
    if socket is None or encrypted or os.name == "nt":
        return NO_SOCKET
    with suppress(OSError):  # no descriptor left
        number = os.dup(socket.fileno())
        if _can_be_spared(number, clients):
            return number
        os.close(number)
    return NO_SOCKET


def _can_be_spared(number: int, clients: int) -> bool:
    """Whether clients to come do without descriptor `number`: one without its own is refused, one without ours slower.

    Where each client below this limit has two, those above it find what `clients` need; half are kept in any case.
    """
    most = os.sysconf("SC_OPEN_MAX")  # -1: no limit
    return most < 0 or number < max(most // 2, 2 * (most - clients - _OTHERS))
