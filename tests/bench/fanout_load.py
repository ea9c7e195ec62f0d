"""Many WebSocket clients in one process, by hand: what is measured is the server.

python -m tests.bench.fanout_load PORT SERVER_PID CLIENTS SECONDS [--resume] [--never-reading N] [--wishes N]
Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import select
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.fanout_server import LIST
from tests.bench.registry import percentile

_UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_SETTLE = 1.0  # seconds, after the connects
_NAP = 0.002  # then more is read at a time: this process must not be what limits the server
_TIME = re.compile(rb'"as_of":(\d+),"changes"')


def masked(payload: bytes) -> bytes:
    """A client's frame; the mask is zero."""
    return bytes([0x81, 0xFE]) + len(payload).to_bytes(2, "big") + b"\0\0\0\0" + payload


@dataclass
class Process:
    """Another process's use of CPU and memory."""

    pid: int

    def cpu(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss(self) -> int:
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@dataclass
class Crowd:
    """Sockets, and what they received."""

    port: int
    subscribe: list[bytes]  # what clients say first, in turn; nothing: the server sends by itself
    wants: dict[int, bytes] = field(default_factory=dict)
    sockets: dict[int, socket.socket] = field(default_factory=dict)
    heads: dict[int, bytes] = field(default_factory=dict)
    answered: set[int] = field(default_factory=set)
    received: int = 0
    latencies: list[float] = field(default_factory=list)
    poll: select.epoll = field(default_factory=select.epoll)
    buffer: bytearray = field(default_factory=lambda: bytearray(1 << 18))

    def add(self) -> None:
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.sendall(_UPGRADE)
        connection.setblocking(False)
        if self.subscribe:
            self.wants[connection.fileno()] = self.subscribe[len(self.sockets) % len(self.subscribe)]
        self.sockets[connection.fileno()] = connection
        self.heads[connection.fileno()] = b""
        self.poll.register(connection.fileno(), select.EPOLLIN)

    def begin(self) -> None:
        """Until all are subscribed and have their first answer."""
        while self.heads or len(self.answered) < len(self.sockets):
            for number, _ in self.poll.poll(1.0, 4096):
                data = self.sockets[number].recv(1 << 18)
                if number in self.heads:
                    self._greet(number, data)
                elif b'"rows"' in data or b'"changes"' in data:
                    self.answered.add(number)

    def _greet(self, number: int, data: bytes) -> None:
        self.heads[number] += data
        if b"\r\n\r\n" in self.heads[number]:
            del self.heads[number]
            if number in self.wants:
                self.sockets[number].sendall(self.wants[number])
            else:
                self.answered.add(number)

    def receive(self, seconds: float, *, timed: bool) -> None:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            for number, _ in self.poll.poll(0.05, 4096):
                size = self.sockets[number].recv_into(self.buffer)
                self.received += size
                if timed:
                    self._time(bytes(self.buffer[:size]))
            if not timed:
                time.sleep(_NAP)

    def _time(self, data: bytes) -> None:
        now = time.time_ns() // 1000
        self.latencies += [(now - int(sent)) / 1000 for sent in _TIME.findall(data)]


def never_reading(port: int, subscribe: bytes) -> socket.socket:
    """A client that subscribes, and then reads nothing."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", port))
    connection.sendall(_UPGRADE)
    time.sleep(0.1)
    connection.sendall(subscribe)
    return connection


def main() -> None:
    parser = argparse.ArgumentParser()
    for name, kind in (("port", int), ("pid", int), ("clients", int), ("seconds", float)):
        parser.add_argument(name, type=kind)
    parser.add_argument("--resume", action="store_true", help="of a version that the server does not have any more")
    parser.add_argument("--never-reading", type=int, default=0)
    parser.add_argument("--timed", action="store_true", help="measure how long changes take")
    parser.add_argument(
        "--wishes", type=int, default=0, help="so many different parts of the list, of 100 rows and more"
    )
    parser.add_argument("--mute", action="store_true", help="subscribe to nothing: the server sends by itself")
    options = parser.parse_args()
    print(json.dumps(measure(options)))


def measure(options: argparse.Namespace) -> dict[str, float]:
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    wanted = {"list": LIST, **({"epoch": "bench", "last_sequence": 3} if options.resume else {})}
    parts: list[dict[str, int]] = [{"limit": 100 + number} for number in range(options.wishes)] or [{}]
    said = [json.dumps({"action": "subscribe", "lists": [wanted | part]}) for part in parts]
    subscribe = [masked(text.encode().ljust(130)) for text in said]
    server, crowd = Process(options.pid), Crowd(options.port, [] if options.mute else subscribe)
    before, began = server.rss(), time.perf_counter()
    idle = [never_reading(options.port, subscribe[0]) for _ in range(options.never_reading)]
    for _ in range(options.clients):
        crowd.add()
    crowd.begin()
    answered = time.perf_counter() - began
    crowd.receive(_SETTLE, timed=False)
    memory, crowd.received = server.rss() - before, 0
    began, cpu = time.perf_counter(), server.cpu()
    crowd.receive(options.seconds, timed=options.timed)
    wall = time.perf_counter() - began
    result = {"bytes": crowd.received / wall, "cpu": (server.cpu() - cpu) / wall, "answered": answered}
    if crowd.latencies:
        result |= {"p50": percentile(crowd.latencies, 0.5), "p99": percentile(crowd.latencies, 0.99)}
    for connection in idle:
        connection.close()
    return result | {"memory": memory / options.clients}


if __name__ == "__main__":
    main()
