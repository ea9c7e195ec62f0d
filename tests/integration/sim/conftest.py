"""Real clients, by both of their names, against a real server, with a clock that moves when a test says so."""

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import massive
import polygon
import pytest

from gapscan.sim import SimOptions, SimServer, make_server
from tests.support.until import until

DAY = dt.date(2026, 11, 20)

Serve = Callable[..., Awaitable[SimServer]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts servers of a small invented market; options as for SimOptions."""
    async with AsyncExitStack() as stack:

        async def start(**options: Any) -> SimServer:
            usual: dict[str, Any] = {"symbols": 200, "day": DAY, "manual": True}
            settings = SimOptions(**usual | options)
            return await stack.enter_async_context(make_server(settings, today=DAY))

        yield start


class Rest:
    """The official RESTClient, off the event loop."""

    def __init__(self, library: Any) -> None:
        self.clients: list[Any] = []
        self._library = library

    def client(self, server: SimServer, key: str = "key") -> Any:
        client = self._library.RESTClient(api_key=key, base=server.url, retries=0)
        self.clients.append(client)
        return client

    async def call(self, server: SimServer, method: str, *args: Any, key: str = "key", **kwargs: Any) -> Any:
        """The result of one method; iterators are exhausted."""
        function = getattr(self.client(server, key), method)

        def run() -> Any:
            result = function(*args, **kwargs)
            return list(result) if method.startswith("list_") and not kwargs.get("raw") else result

        return await asyncio.to_thread(run)

    async def snapshot(self, server: SimServer, **kwargs: Any) -> dict[str, dict[str, Any]]:
        """The raw snapshot by ticker."""
        response = await self.call(server, "get_snapshot_all", "stocks", raw=True, **kwargs)
        return {ticker["ticker"]: ticker for ticker in json.loads(response.data)["tickers"]}


@pytest.fixture(params=[polygon, massive], ids=lambda library: library.__name__)
def rest(request: pytest.FixtureRequest) -> Iterator[Rest]:
    rest = Rest(request.param)
    yield rest
    for client in rest.clients:
        client.client.clear()


class Listener:
    """polygon's WebSocketClient in raw mode, and what it received."""

    def __init__(self, server: SimServer, *topics: str, key: str = "key", **options: Any) -> None:
        self.frames: list[str] = []
        self.client = polygon.WebSocketClient(
            api_key=key, feed=server.ws_feed, secure=False, raw=True, max_reconnects=0, **options
        )
        if topics:
            self.client.subscribe(*topics)
        self.task = asyncio.create_task(self.client.connect(self.receive, max_size=None, proxy=None))

    async def receive(self, frame: str | bytes) -> None:
        self.frames.append(str(frame))

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for frame in self.frames for event in json.loads(frame)]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["ev"] == kind]

    def statuses(self, status: str) -> list[str]:
        return [event["message"] for event in self.of("status") if event["status"] == status]

    async def subscribed(self, count: int = 1) -> None:
        await until(lambda: len(self.statuses("success")) >= count, f"{count} confirmed topics")

    async def at_rest(self) -> None:
        """Wait until the client has handed over all that it had received."""
        seen = -1
        while seen != len(self.frames):
            seen = len(self.frames)
            await asyncio.sleep(0.1)

    async def close(self) -> BaseException | None:
        """Close; how the client's own task ended."""
        if self.client.websocket and not self.task.done():
            await self.client.close()
        self.task.cancel()
        results: list[BaseException | None] = await asyncio.gather(self.task, return_exceptions=True)
        return results[0]


@pytest.fixture
async def listen() -> AsyncIterator[Callable[..., Listener]]:
    listeners: list[Listener] = []

    def start(server: SimServer, *topics: str, **options: Any) -> Listener:
        listeners.append(Listener(server, *topics, **options))
        return listeners[-1]

    yield start
    for listener in listeners:
        await listener.close()
