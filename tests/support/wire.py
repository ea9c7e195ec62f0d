"""A transport that writes into a list, a clock that stands still, and what is needed to read frames."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import suppress

import pytest

from gapscan.bridge.broadcast import Broadcaster
from gapscan.bridge.history import ListStatus, Position
from gapscan.bridge.io_uring import IoUring
from gapscan.bridge.limits import BUFFER_BYTES, Limits
from gapscan.bridge.server import BridgeServer
from gapscan.bridge.versions import VersionStore
from gapscan.config import BridgeSection
from gapscan.obs import Tally, logger
from gapscan.protocol.messages import Row
from gapscan.protocol.websocket import Answer, ListInfo
from gapscan.runtime import AdaptiveInterval
from tests.support.answers import decode_answer

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
ENTRIES = 8  # of a small ring: fewer than sockets


def small_ring() -> IoUring:
    """A ring; where the system has none, the test is skipped."""
    try:
        return IoUring(ENTRIES)
    except OSError as error:
        pytest.skip(f"no io_uring here: {error.strerror}")


class FakeTransport:
    """Takes what is written; `full` makes it one whose client does not read."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.full = False
        self.aborted = False

    def write(self, data: bytes | memoryview) -> None:
        assert isinstance(data, bytes)
        self.written.append(data)

    def get_extra_info(self, name: str) -> None:
        """There is no socket behind it."""

    def get_write_buffer_size(self) -> int:
        return BUFFER_BYTES if self.full else 0

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True

    def take(self) -> list[bytes]:
        """What was written since the last time."""
        taken, self.written = self.written, []
        return taken

    def drain(self) -> list[bytes]:
        """The same."""
        return self.take()

    def close(self) -> None:
        """It holds nothing."""


class SocketTransport:
    """A transport on a real socket with a small buffer. `full` is a client that reads nothing now."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.ours.setblocking(False)
        self.theirs.setblocking(False)
        self._waiting = b""
        self._read = b""
        self._full = False
        self.aborted = False

    @property
    def full(self) -> bool:
        return self._full

    @full.setter
    def full(self, full: bool) -> None:
        self._full = full
        if not full:
            self._receive()

    def write(self, data: bytes | memoryview) -> None:
        self._waiting += data
        self._send()

    def _send(self) -> None:
        with suppress(BlockingIOError):
            while self._waiting:
                self._waiting = self._waiting[self.ours.send(self._waiting) :]

    def _receive(self) -> None:
        while True:
            try:
                self._read += self.theirs.recv(1 << 16)
            except BlockingIOError:
                if not self._waiting:
                    return
            self._send()

    def get_write_buffer_size(self) -> int:
        return len(self._waiting)

    def get_extra_info(self, name: str) -> socket.socket | None:
        return self.ours if name == "socket" else None

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True

    def drain(self) -> list[bytes]:
        """All that came since the last time."""
        self._receive()
        taken, self._read = self._read, b""
        return [taken]

    def take(self) -> list[bytes]:
        """The whole frames that came since the last time."""
        self._receive()
        whole = whole_frames(self._read)
        taken, self._read = self._read[:whole], self._read[whole:]
        return [taken]

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()


def whole_frames(data: bytes) -> int:
    """How many bytes of `data` are whole frames."""
    at = 0
    while len(data) >= at + 2:
        length, start = data[at + 1], at + 2
        if length > 125:
            wide = 2 if length == 126 else 8
            length, start = int.from_bytes(data[start : start + wide], "big"), start + wide
        if len(data) < start + length:
            break
        at = start + length
    return at


class FakeClock:
    """Seconds that pass by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def split_frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The frames in `data`: opcode and payload."""
    while data:
        assert data[0] & 0xF0 == 0x80, "one whole message each"
        length, start = data[1], 2
        if length == 126:
            (length,), start = struct.unpack_from("!H", data, 2), 4
        elif length == 127:
            (length,), start = struct.unpack_from("!Q", data, 2), 10
        assert length < 2**63
        yield data[0] & 0x0F, data[start : start + length]
        data = data[start + length :]


def answers(frames: list[bytes]) -> list[Answer]:
    """The messages in text frames; other frames are left out."""
    return [decode_answer(payload) for data in frames for opcode, payload in split_frames(data) if opcode == TEXT]


def info(name: str) -> ListInfo:
    return ListInfo(name, "about " + name, ["-price"], [], 200)


class BridgeHarness:
    """A bridge's server with some lists, moved by hand."""

    __test__ = False  # no tests of its own

    def __init__(
        self, *names: str, window: float = 0.1, limits: Limits | None = None, writer: Broadcaster | None = None
    ) -> None:
        self.clock = FakeClock()
        self.tally = Tally(logger("test"))
        limits = limits or Limits.of(BridgeSection())
        self.bridge = BridgeServer(
            VersionStore(), AdaptiveInterval(window, 1.0), limits, self.tally, self.clock, writer
        )
        if names:
            self.bridge.define([info(name) for name in names])

    def put(self, name: str, sequence: int, rows: list[Row], epoch: str = "e1") -> None:
        """A version of a list arrives."""
        self.bridge.put(name, Position(epoch, sequence), sequence, rows, ListStatus(sequence, "live", True))

    def pass_time(self, seconds: float) -> None:
        """Time passes, and the sending task has its turn."""
        self.clock.now += seconds
        self.turn()

    def turn(self) -> None:
        for key in self.bridge.pop_due():
            self.bridge.flush(key)
        self.bridge.retry()
