"""A client of server-sent events as docs/protocol.md, section 17, and the HTML standard have it: plain sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from gapscan.lists.state import Copy, Fit
from gapscan.protocol import codec
from gapscan.protocol.messages import Delta, Row, Snapshot

_END = b"\n\n"


async def _lines_of_chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """The data of a chunked body, until its last chunk or the end of the connection."""
    while size := int((await reader.readuntil(b"\r\n")).strip(), 16):
        yield (await reader.readexactly(size + 2))[:-2]


async def _pieces(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while data := await reader.read(65536):
        yield data


@dataclass
class EventClient:
    """Reads one stream and keeps an exact copy. `last_id` is what it would resume from."""

    port: int
    path: str
    version: str = "1.1"
    headers: tuple[str, ...] = ()
    last_id: str = ""
    retry: int = 0
    status: int = 0
    head: str = ""
    ended: bool = False  # as the server ends it
    copy: Copy = field(default_factory=Copy)
    messages: list[dict[str, Any]] = field(default_factory=list)
    steps: list[tuple[str, int, list[Row]]] = field(default_factory=list)

    async def read(self) -> None:
        """Connect, and read until the connection ends."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20)
        try:
            lines = [f"GET {self.path} HTTP/{self.version}", f"Host: 127.0.0.1:{self.port}", *self.headers]
            lines += ["Accept: text/event-stream", *([f"Last-Event-ID: {self.last_id}"] if self.last_id else [])]
            writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
            await self._take_answer(reader)
        finally:
            writer.close()

    async def _take_answer(self, reader: asyncio.StreamReader) -> None:
        self.ended = False
        self.head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.status = int(self.head.split()[1])
        rest, pieces = b"", _lines_of_chunks(reader) if "chunked" in self.head else _pieces(reader)
        with suppress(asyncio.IncompleteReadError):
            async for data in pieces:
                *events, rest = (rest + data).split(_END)
                for event in events:
                    self._take_event(event.decode())
            self.ended = True

    def _take_event(self, text: str) -> None:
        fields = dict(line.split(": ", 1) for line in text.split("\n") if not line.startswith(":"))
        self.retry = int(fields.get("retry", self.retry))
        self.last_id = fields.get("id", self.last_id)
        if "data" in fields:
            self._hear(fields["data"])

    def _hear(self, data: str) -> None:
        self.messages.append(json.loads(data))
        if self.messages[-1]["type"] not in ("snapshot", "delta"):
            return
        message = codec.decode(data.encode())
        if isinstance(message, Snapshot):
            self.copy.load(message)
        elif isinstance(message, Delta) and (message.changes or message.prev != message.sequence):
            assert isinstance(message.sequence, int)
            assert self.copy.apply(message, message.sequence) is Fit.APPLIED
        assert self.last_id == f"{self.copy.epoch}:{self.copy.sequence}"
        self.steps.append((self.copy.epoch, self.copy.sequence, self.copy.rows))

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The messages of a type."""
        return [message for message in self.messages if message["type"] == kind]
