"""A client moves to another server: before the one it has is stopped, and when that one's JetStream is mute."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.topology import Retention, ensure_list
from gapscan.client.api import Follower, ListView
from gapscan.errors import BusError
from gapscan.runtime import end
from gapscan.supervisor import ports
from tests.support.lists import publish_list
from tests.support.nats import NatsServer
from tests.support.until import until

GRACE = 10.0  # seconds until a server that is to be stopped turns clients out, by default


@asynccontextmanager
async def started(*servers: NatsServer) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for server in servers:
            stack.callback(server.close)
        await asyncio.gather(*(asyncio.to_thread(server.start) for server in servers))
        yield


def cluster(path: Path, size: int) -> list[NatsServer]:
    where = [ports.free_port() for _ in range(size)]
    routes = ", ".join(f"nats://127.0.0.1:{port}" for port in where)
    return [
        NatsServer(
            path / f"n{port}",
            more=f"server_name: n{port}\ncluster {{ name: c, listen: '127.0.0.1:{port}', routes: [{routes}] }}",
        )
        for port in where
    ]


async def test_a_server_that_is_to_be_stopped_is_left_at_once(tmp_path: Path) -> None:
    servers = cluster(tmp_path, 3)
    async with started(*servers):
        first = servers[0]
        loop = asyncio.get_running_loop()
        async with (
            connect(BusOptions(first.url), "leaving") as bus,
            connect(BusOptions(servers[1].url), "w") as writing,
        ):
            assert await until(lambda: list_can_be_made(writing), "JetStream") == 3
            published = await publish_list(writing, "movers")
            views: list[ListView] = []
            following = asyncio.create_task(collect(Follower(bus, "movers"), views))
            try:
                await published.step(3)
                await until(lambda: len(bus.nc.discovered_servers) >= 2, "the other servers")
                began = loop.time()
                first.signal("ldm")
                await until(lambda: bus.reconnects == 1 and bus.connected, "the move", GRACE)
                assert loop.time() - began < GRACE / 2
                assert bus.nc.connected_url is not None
                assert bus.nc.connected_url.port != first.port
                await published.step(20)
                await until(lambda: views and views[-1].sequence == published.publisher.sequence, "the last view")
            finally:
                await end(following)
            for view in views:
                assert list(view.rows) == published.truth[view.sequence]


async def list_can_be_made(bus: Bus) -> int:
    try:
        info = await ensure_list(bus, "movers", Retention(replicas=3))
    except BusError:
        return 0
    return info.config.num_replicas or 0


async def collect(follower: Follower, views: list[ListView]) -> None:
    async for view in follower.views():
        views.append(view)


async def test_the_only_server_is_stayed_with(tmp_path: Path) -> None:
    server = NatsServer(tmp_path / "n")
    async with started(server), connect(BusOptions(server.url), "staying") as bus:
        server.signal("ldm")
        await asyncio.sleep(1.0)
        assert bus.connected
        assert bus.reconnects == 0


async def test_a_server_whose_jetstream_is_mute_is_left(tmp_path: Path) -> None:
    """Its link is alive: who asks JetStream there hears nothing at all."""
    mute, well = NatsServer(tmp_path / "a", more="server_name: a\njetstream: disabled"), NatsServer(tmp_path / "b")
    async with started(mute, well):
        both = f"{mute.url},{well.url}"
        well.kill()
        async with connect(BusOptions(both), "asking") as bus, connect(BusOptions(mute.url), "black hole") as hole:
            await hole.nc.subscribe("$JS.API.>", cb=ignore)
            await hole.nc.request("$SYS.REQ.USER.INFO", b"")
            with pytest.raises(BusError):
                await ensure_list(bus, "movers", Retention())
            assert bus.reconnects == 0
            await asyncio.to_thread(well.start)
            await until(lambda: list_can_be_made_once(bus), "the other server's JetStream", 20)
            assert bus.nc.connected_url is not None
            assert bus.nc.connected_url.port == well.port


async def list_can_be_made_once(bus: Bus) -> bool:
    try:
        await ensure_list(bus, "movers", Retention())
    except BusError:
        return False
    return True


async def ignore(_message: object) -> None:
    return None
