"""A link to a server that can be cut and mended, or hushed, while the server goes on for everybody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_PIECE = 1 << 16


class Link:
    """Connections to 127.0.0.1:`port` lead on to `server_port` of this machine."""

    def __init__(self, server_port: int) -> None:
        self.port = 0  # any, until the link was mended for the first time
        self._server_port = server_port
        self._listener: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._speaks = asyncio.Event()
        self._speaks.set()

    def hush(self) -> None:
        """Pass nothing on, and tell nobody, as a network does that loses all packets."""
        self._speaks.clear()

    def speak(self) -> None:
        """Pass on what was held up, and all that follows."""
        self._speaks.set()

    async def mend(self) -> None:
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Break all connections; new ones are refused until the link is mended."""
        if self._listener is not None:
            self._listener.close()
        self.speak()
        for end in tuple(self._ends):
            end.transport.abort()
        await asyncio.gather(*self._serving)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        except OSError:  # the server is not there
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self._ends |= ends
        async with asyncio.TaskGroup() as both:
            both.create_task(self._copy(reader, far_writer))
            both.create_task(self._copy(far_reader, writer))
        self._ends -= ends

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_PIECE):
                await self._speaks.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


@asynccontextmanager
async def link_to(server_port: int) -> AsyncIterator[Link]:
    """A link on a free port."""
    link = Link(server_port)
    await link.mend()
    try:
        yield link
    finally:
        await link.cut()
