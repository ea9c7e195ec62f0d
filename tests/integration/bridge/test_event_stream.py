"""Server-sent events over real sockets: exact, resumable, bounded, and ended as a browser's EventSource needs it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gapscan.bus.client import Bus
from gapscan.bus.definitions import remove_list
from gapscan.lists.wish import WHOLE, Wish
from gapscan.runtime import end
from gapscan.service import all_lists
from tests.support.bridge import Served, Wide, browsing, running_bridge, wide_list
from tests.support.event_client import EventClient
from tests.support.lists import Published
from tests.support.nats import NatsServer
from tests.support.until import until

PATH = "/api/lists/wide/stream"


@pytest.fixture(autouse=True)
def _quick_rereading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_lists, "REREAD_SECONDS", 0.1)


@pytest.fixture
async def wide(bus: Bus, served: Served) -> Wide:
    """A long list, which the bridge has."""
    published = await wide_list(bus)
    await published.step(5)
    await served.reached(published)
    return published


@asynccontextmanager
async def reading(client: EventClient) -> AsyncIterator[EventClient]:
    task = asyncio.create_task(client.read())
    try:
        yield client
        if task.done():
            task.result()
    finally:
        await end(task)


async def exact(client: EventClient, published: Published, wish: Wish = WHOLE) -> None:
    """Wait until it has what was published last, and compare all that it has had."""
    last = wish.rows(published.truth[published.publisher.sequence])
    await until(lambda: client.copy.epoch and client.copy.rows == last, f"{client.path} at the newest rows")
    for _, sequence, rows in client.steps:
        assert rows == wish.rows(published.truth[sequence]), sequence


@pytest.mark.parametrize("version", ["1.1", "1.0"])
async def test_the_snapshot_then_deltas_and_heartbeats(served: Served, wide: Wide, version: str) -> None:
    async with reading(EventClient(served.port, PATH, version)) as client:
        await exact(client, wide)
        await wide.step(20)
        await exact(client, wide)
        await until(lambda: client.of("heartbeat"), "a heartbeat")
    assert client.status == 200
    assert "Content-Type: text/event-stream" in client.head
    assert ("chunked" in client.head) == (version == "1.1")
    assert client.messages[0]["type"] == "snapshot"
    assert len(client.of("snapshot")) == 1
    assert client.of("delta")
    assert client.retry > 0


async def test_resumed_by_the_last_id(served: Served, wide: Wide) -> None:
    path = f"{PATH}?limit=20&fields=price"
    client, wish = EventClient(served.port, path), Wish.of(20, ["price"])
    async with reading(client):
        await exact(client, wide, wish)
    await wide.step(10)
    async with reading(client):
        await exact(client, wide, wish)
    assert len(client.of("snapshot")) == 1
    client.last_id = "nonsense"
    async with reading(client):
        await until(lambda: len(client.of("snapshot")) == 2, "a snapshot")
        await exact(client, wide, wish)


async def test_what_it_and_a_socket_are_sent_is_the_same(served: Served, wide: Wide) -> None:
    async with browsing(served, wide) as browser, reading(EventClient(served.port, PATH)) as client:
        await browser.reaches(wide)
        await exact(client, wide)
        await wide.step(20)
        await exact(client, wide)
        await browser.reaches(wide)
        assert served.bridge.bridge.subscriptions()["wide"] == 2
    await until(lambda: not served.bridge.bridge.sessions, "the clients' leaving")


async def test_a_list_that_is_removed_ends_its_streams(served: Served, bus: Bus, wide: Wide) -> None:
    client = EventClient(served.port, PATH)
    async with reading(client):
        await exact(client, wide)
        await remove_list(bus, "wide")
        await until(lambda: client.ended, "the end")
    assert client.of("error")[-1]["code"] == "unknown_list"
    client.headers = ("Connection: close",)
    await client.read()
    assert client.status == 404  # which ends an EventSource for good


async def test_a_bridge_that_goes_down_ends_its_streams_at_once(movers: Published, nats_server: NatsServer) -> None:
    async with running_bridge(nats_server.url) as served:
        await served.reached(movers)
        client = EventClient(served.port, "/api/lists/movers/stream")
        async with reading(client):
            await exact(client, movers)
            loop = asyncio.get_running_loop()
            began = loop.time()
            leaving = served
    assert leaving.bridge.bridge.sessions == set()
    assert loop.time() - began < 30
    assert client.of("snapshot")


async def test_no_room_is_no_error_to_a_browser(movers: Published, nats_server: NatsServer) -> None:
    async with running_bridge(nats_server.url, clients=1) as served:
        await served.reached(movers)
        async with browsing(served, movers) as browser:
            await browser.reaches(movers)
            client = EventClient(served.port, "/api/lists/movers/stream", headers=("Connection: close",))
            await client.read()
            assert (client.status, client.retry, client.messages) == (200, 5000, [])
            status, _, body = await served.get("/api/lists/movers/stream")
            assert status == 503
            assert '"code":"full"' in body


async def test_one_that_reads_nothing_is_closed(bus: Bus, nats_server: NatsServer) -> None:
    async with running_bridge(nats_server.url, slow_after=0.3) as served:
        wide = await wide_list(bus)
        await wide.step(3)
        await served.reached(wide)
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port, limit=2048)
        writer.write(f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        await until(lambda: served.bridge.bridge.sessions, "the client")
        while not served.counts["close.slow"]:
            await wide.step(5)
        await until(lambda: not served.bridge.bridge.sessions, "its end")
        writer.close()
        assert reader is not None
