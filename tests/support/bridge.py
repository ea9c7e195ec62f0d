"""A bridge in this process on a free port, and clients of it: browsers that check all they get, and raw sockets."""

from __future__ import annotations

import asyncio
import json
import socket
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from gapscan.bridge.broadcast import open_writer
from gapscan.bridge.connection_gate import open_socket
from gapscan.bridge.http import serving
from gapscan.bridge.service import Bridge
from gapscan.bus.client import Bus
from gapscan.bus.definitions import write_definition
from gapscan.config import BridgeSection, Config, FeedSection, NatsSection, RankerSection
from gapscan.lists.state import Copy, Fit
from gapscan.protocol.messages import Delta, ListDefinition, Row, Snapshot
from gapscan.protocol.websocket import Answer
from gapscan.runtime import end
from tests.support.answers import decode_answer
from tests.support.lists import Published, publish_list
from tests.support.until import PATIENCE, until

# Own lists are never those of who runs the tests. The folder may be made, for whoever edits the file locks it.
NO_FILE = Path(tempfile.gettempdir(), "gapscan-without-own-lists", "lists.toml")


@dataclass
class Served:
    """A running bridge."""

    bridge: Bridge
    port: int

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    @property
    def counts(self) -> dict[str, int]:
        return self.bridge.tally.counts

    async def knows(self, *names: str) -> None:
        """Wait until it has these lists."""
        versions = self.bridge.bridge.versions
        await until(lambda: all(versions.position(name) for name in names), f"the bridge's knowing {names}")

    async def reached(self, *lists: Published) -> None:
        """Wait until it has all that was published of these lists."""
        versions = self.bridge.bridge.versions
        ends = {each.publisher.name: (each.publisher.epoch, each.publisher.sequence) for each in lists}
        await until(lambda: all(versions.position(name) == end for name, end in ends.items()), f"its having {ends}")

    async def get(self, path: str, *headers: str, host: str = "") -> tuple[int, str, str]:
        """Status, head and body of the answer to a GET."""
        return await self.request("GET", path, *headers, host=host)

    async def request(
        self, method: str, path: str, *headers: str, host: str = "", body: str = ""
    ) -> tuple[int, str, str]:
        """Status, head and body of the answer to a plain request."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: {host or f'127.0.0.1:{self.port}'}",
            "Connection: close",
            *([f"Content-Length: {len(body.encode())}"] if body else []),
            *headers,
        ]
        writer.write(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        async with asyncio.timeout(PATIENCE):
            head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
        writer.close()
        return int(head.split()[1]), head, body


@asynccontextmanager
async def running_bridge(
    nats_url: str, port: int = 0, *, flat_files: Path | None = None, lists_file: Path | None = None, **section: Any
) -> AsyncIterator[Served]:
    """A bridge with these settings of [bridge], past days in `flat_files` and own lists in `lists_file`."""
    config = Config(
        nats=NatsSection(url=nats_url), bridge=BridgeSection(port=port, **{"window": 0.02, **section}),
        feed=FeedSection(flat_files=str(flat_files) if flat_files else ""),
        ranker=RankerSection(lists_file=str(lists_file or NO_FILE)),
    )  # fmt: skip
    listening = open_socket(config.bridge.host, config.bridge.port)
    number = listening.getsockname()[1]
    with open_writer(io_uring=config.bridge.io_uring) as writer:
        bridge = Bridge(config, writer)
        async with serving(listening, bridge.bridge, bridge.policy()):
            jobs = [asyncio.create_task(job) for job in (bridge.run(), bridge.bridge.run())]
            try:
                yield Served(bridge, number)
            finally:
                await end(*jobs)
                for job in jobs:
                    if not job.cancelled():
                        job.result()


async def defined_list(bus: Bus, name: str = "movers", seed: int = 1) -> Published:
    """A published list, with its definition."""
    published = await publish_list(bus, name, seed=seed)
    await write_definition(bus, ListDefinition(name, "about " + name, "price > 0", ["-price"], 200, []))
    return published


@dataclass
class Wide(Published):
    """A long list of which each step changes little, so that deltas are shorter than snapshots."""

    async def step(self, number: int = 1) -> None:
        for _ in range(number):
            rows = list(self.truth[self.publisher.sequence]) or _wide_rows()
            moved = rows.pop(self.dice.randrange(len(rows)))
            rows.insert(
                self.dice.randint(0, len(rows)),
                Row(symbol=moved["symbol"], name=moved["name"], price=self.dice.random()),
            )
            self.truth.setdefault(self.publisher.sequence + 1, rows)  # what fails may have been stored all the same
            if await self.publisher.publish(rows, self.publisher.sequence + 1):
                self.truth[self.publisher.sequence] = rows


def _wide_rows() -> list[Row]:
    return [Row(symbol=f"W{number}", name="the long name of some company", price=1.0) for number in range(100)]


async def wide_list(bus: Bus, name: str = "wide") -> Wide:
    """A long list, published and defined."""
    published = await defined_list(bus, name)
    return Wide(published.publisher, published.dice, published.truth)


_USUAL: Final[dict[str, Any]] = {"compression": None, "proxy": None, "ping_interval": None}


@dataclass
class Browser:
    """A client that keeps copies, and checks each step against the truth."""

    url: str
    truth: dict[str, Published] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    copies: dict[str, Copy] = field(default_factory=dict)
    seen: list[Answer] = field(default_factory=list)
    sequences: list[int] = field(default_factory=list)
    steps: list[tuple[str, str, int, list[Row]]] = field(default_factory=list)
    close_code: int | None = None
    ws: ClientConnection | None = None
    reading: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self.close_code = None
        self.ws = await connect(self.url, **{**_USUAL, **self.options})
        self.reading = asyncio.create_task(self._read(self.ws))

    async def _read(self, ws: ClientConnection) -> None:
        try:
            async for text in ws:
                self._hear(decode_answer(text))
        except ConnectionClosed:
            pass
        self.close_code = ws.close_code

    def _hear(self, message: Answer) -> None:
        self.seen.append(message)
        if isinstance(message, Snapshot | Delta):
            self._take(message, self.copies.setdefault(message.list, Copy()))

    def _take(self, message: Snapshot | Delta, copy: Copy) -> None:
        if isinstance(message, Snapshot):
            copy.load(message)
        elif message.changes or message.prev != message.sequence:
            assert isinstance(message.sequence, int)
            assert copy.apply(message, message.sequence) is Fit.APPLIED
        self.sequences.append(copy.sequence)
        self.steps.append((message.list, copy.epoch, copy.sequence, copy.rows))

    async def send(self, **message: Any) -> None:
        assert self.ws is not None
        await self.ws.send(json.dumps(message))

    async def subscribe(self, *names: str) -> None:
        """With whatever it has of them."""
        await self.send(action="subscribe", lists=[self._wanted(name) for name in names])

    def _wanted(self, name: str) -> dict[str, Any]:
        copy = self.copies.get(name)
        return {"list": name, "epoch": copy.epoch, "last_sequence": copy.sequence} if copy else {"list": name}

    def of(self, kind: type[Any]) -> list[Any]:
        return [message for message in self.seen if isinstance(message, kind)]

    async def gets(self, kind: type[Any], number: int = 1) -> Any:
        """Wait for the first so many messages of a kind; the last of these."""
        await self.until(lambda: len(self.of(kind)) >= number, f"{number} {kind.__name__}")
        return self.of(kind)[number - 1]

    async def until(self, condition: Callable[[], Any], what: str) -> None:
        def looked() -> Any:
            if self.reading is not None and self.reading.done():
                self.reading.result()
            return condition()

        await until(looked, what)

    async def reaches(self, published: Published) -> None:
        """Wait until the copy is at the list's last sequence, and compare."""
        name = published.publisher.name
        await self.until(
            lambda: name in self.copies and self.copies[name].sequence == published.publisher.sequence
            and self.copies[name].epoch == published.publisher.epoch,
            f"{name} at {published.publisher.sequence}",
        )  # fmt: skip
        self.check()

    def check(self) -> None:
        """Compare all that was shown with the truth, which its publisher writes down a little later than it sends."""
        for name, epoch, sequence, rows in self.steps:
            published = self.truth.get(name)
            if published is not None and published.publisher.epoch == epoch:
                assert rows == published.truth[sequence], sequence
        self.steps.clear()

    async def closed(self) -> int:
        """Wait for the close, and its code."""
        await self.until(lambda: self.close_code is not None, "the close")
        assert self.close_code is not None
        return self.close_code

    async def close(self) -> None:
        if self.ws is not None:
            await self.ws.close()
        if self.reading is not None:
            await self.reading


@asynccontextmanager
async def browsing(served: Served, *lists: Published, **options: Any) -> AsyncIterator[Browser]:
    """A connected client, subscribed to `lists`."""
    browser = Browser(served.url, {published.publisher.name: published for published in lists}, options)
    await browser.open()
    try:
        if lists:
            await browser.subscribe(*browser.truth)
        yield browser
    finally:
        await browser.close()


class HasPort(Protocol):
    """Something that listens."""

    port: int


class RawClient:
    """A WebSocket by hand, which can do what no library does: nothing, half of it, or the wrong thing."""

    def __init__(self, served: HasPort) -> None:
        self._served = served
        self.socket = socket.socket()

    async def connect(self, *, receive_buffer: int = 0) -> None:
        loop = asyncio.get_running_loop()
        self.socket.setblocking(False)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        await loop.sock_connect(self.socket, ("127.0.0.1", self._served.port))

    async def upgrade(self) -> None:
        await self.write(
            b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        head = b""
        while b"\r\n\r\n" not in head:
            head += await self.read(1)
        assert b" 101 " in head

    async def write(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.socket, data)

    async def send(self, message: dict[str, Any], opcode: int = 1) -> None:
        """A masked frame; the mask is zero."""
        await self.write(masked(json.dumps(message).encode(), opcode))

    async def read(self, most: int = 65536) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await asyncio.get_running_loop().sock_recv(self.socket, most)

    async def ends(self) -> bytes:
        """All that comes until the server ends the connection."""
        data = b""
        try:
            while chunk := await self.read():
                data += chunk
        except ConnectionResetError:
            pass
        return data

    def close(self) -> None:
        self.socket.close()


def masked(payload: bytes, opcode: int = 1) -> bytes:
    """A client's frame; the mask is zero."""
    length = len(payload)
    if length < 126:
        head = bytes([0x80 | opcode, 0x80 | length])
    elif length < 65536:
        head = bytes([0x80 | opcode, 0xFE]) + length.to_bytes(2, "big")
    else:
        head = bytes([0x80 | opcode, 0xFF]) + length.to_bytes(8, "big")
    return head + b"\0\0\0\0" + payload


@asynccontextmanager
async def raw_client(served: Served, *, receive_buffer: int = 0) -> AsyncIterator[RawClient]:
    client = RawClient(served)
    await client.connect(receive_buffer=receive_buffer)
    try:
        yield client
    finally:
        client.close()
