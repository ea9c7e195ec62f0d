"""A proxy as companies have one: it asks for a login, passes requests on, and opens tunnels."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from gapscan.runtime import end, run_together

LOGIN = "trader:s%40cret"  # as it stands in a URL
_EXPECTED = "Basic " + base64.b64encode(b"trader:s@cret").decode()


class HttpProxy:
    """What came through is noted: "GET /path" or "CONNECT host:port"."""

    def __init__(self) -> None:
        self.port = 0
        self.passed: list[str] = []
        self.refused = 0
        self._busy: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://{LOGIN}@127.0.0.1:{self.port}"

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)

    async def close(self) -> None:
        await end(*self._busy)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, target, _ = head.split("\r\n")[0].split(" ")
            if f"proxy-authorization: {_EXPECTED}".lower() not in head.lower():
                self.refused += 1
                writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return
            parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
            upstream = await asyncio.open_connection(parts.hostname, parts.port)
            self.passed.append(f"{method} {target if method == 'CONNECT' else parts.path}")
            if method == "CONNECT":
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:  # one request a connection: the next one may be for another host
                asked = head.replace(target, target.partition(parts.netloc)[2], 1)
                upstream[1].write(asked.replace("\r\n", "\r\nConnection: close\r\n", 1).encode("latin-1"))
            await run_together(_copy(reader, upstream[1]), _copy(upstream[0], writer))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            for one in (writer, upstream[1]) if upstream else (writer,):
                one.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


@asynccontextmanager
async def http_proxy() -> AsyncIterator[HttpProxy]:
    proxy = HttpProxy()
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
