"""A bad line: a TCP proxy that delays, cuts in the middle of a frame, stalls, and refuses."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from gapscan.runtime import end


class Proxy:
    """Between a browser and the bridge at `target`. It is a clean line until told otherwise."""

    def __init__(self, target: int, dice: random.Random) -> None:
        self.target = target
        self.port = 0
        self.cuts = 0
        self.delay = 0.0  # at most so many seconds for each piece
        self.cut_chance = 0.0  # for each piece: half of it is passed on, and the connection is reset
        self.stalled = False
        self._dice = dice
        self._lines: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of the browser."""
        task = asyncio.current_task()
        assert task is not None
        self._lines.add(task)
        with suppress(OSError, asyncio.CancelledError):
            back, forth = await asyncio.open_connection("127.0.0.1", self.target)
            jobs = [asyncio.create_task(self._pass(*line)) for line in ((reader, forth), (back, writer))]
            try:
                await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await end(*jobs)
                forth.transport.abort()
        writer.transport.abort()
        self._lines.discard(task)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(self._dice.choice([1, 7, 100, 4096])):
                await self._trouble()
                if self._dice.random() < self.cut_chance:
                    self.cuts += 1
                    writer.write(piece[: len(piece) // 2])
                    return
                writer.write(piece)
                await writer.drain()

    async def _trouble(self) -> None:
        if self.delay:
            await asyncio.sleep(self._dice.random() * self.delay)
        while self.stalled:
            await asyncio.sleep(0.02)

    async def cut(self) -> None:
        """Reset every connection."""
        await end(*self._lines)


@asynccontextmanager
async def proxied(target: int, seed: int = 1) -> AsyncIterator[Proxy]:
    """A proxy on a free port."""
    proxy = Proxy(target, random.Random(seed))
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.cut()
