"""A client moves to another server: before the one it has is stopped, and when that one's JetStream is mute."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.direct_get import ASK_AGAIN_SECONDS, confirmed_from, get_from, leader_at, leader_last
from gapscan.bus.publish import store
from gapscan.bus.topology import Retention, ensure_list
from gapscan.client.api import Follower, ListView
from gapscan.errors import BusError
from gapscan.protocol import names
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


async def test_a_dead_replica_costs_a_read_no_more_than_a_moment(tmp_path: Path) -> None:
    """It goes on being asked until its silence is noticed."""
    servers = cluster(tmp_path, 3)
    by_name = {f"n{server.data.name[1:]}": server for server in servers}
    async with started(*servers), connect(BusOptions(servers[0].url), "writing") as bus:
        await until(lambda: list_can_be_made(bus), "JetStream")
        await bus.js.delete_stream(names.DEFAULT.list_stream("movers"))
        info = await ensure_list(bus, "movers", Retention(replicas=2))
        assert info.cluster is not None
        silent = str((info.cluster.replicas or [])[0].name)
        (asked,) = by_name.keys() - {silent, info.cluster.leader}
        await store(bus, names.DEFAULT.delta_subject("movers"), b"1", "storing")
        async with connect(BusOptions(by_name[asked].url), "reading") as reading:
            await until(lambda: read(reading), "the message")
            await asyncio.sleep(5)  # a replica answers for the stream once it has been in step for a while
            os.kill(by_name[silent].pid, signal.SIGSTOP)
            try:
                took = [await time_of(read(reading)) for _ in range(12)]
            finally:
                os.kill(by_name[silent].pid, signal.SIGCONT)
    # Asked once, every second read would take two seconds and fail; of six times, all reach the dead one by chance.
    assert sum(math.isinf(one) for one in took) <= 2
    assert any(ASK_AGAIN_SECONDS < one < 2 for one in took)


async def read(bus: Bus) -> bool:
    return bool(await get_from(bus, names.DEFAULT.list_stream("movers"), 1, 1))


async def time_of(reading: Awaitable[bool]) -> float:
    began = time.monotonic()
    try:
        assert await reading
    except BusError:
        return math.inf
    return time.monotonic() - began


async def test_what_a_replica_does_not_have_yet_is_had_of_the_leader(tmp_path: Path) -> None:
    servers = cluster(tmp_path, 3)
    async with started(*servers), connect(BusOptions(servers[0].url), "writing") as bus:
        await until(lambda: list_can_be_made(bus), "JetStream")
        stream = names.DEFAULT.list_stream("movers")
        info = await bus.js.stream_info(stream)
        assert info.cluster is not None
        other = next(one for one in servers if f"n{one.data.name[1:]}" != info.cluster.leader)
        async with connect(BusOptions(other.url), "reading") as reading:
            missed = 0
            for number in range(1, 400):
                sequence = await store(bus, names.DEFAULT.delta_subject("movers"), b"%d" % number, "storing")
                missed += not await get_from(reading, stream, sequence, 1)
                (found,) = await confirmed_from(reading, stream, sequence, 1)
                assert (found.sequence, found.data) == (sequence, b"%d" % number)
                held = await leader_at(reading, stream, sequence)
                assert held is not None
                assert held.subject == names.DEFAULT.delta_subject("movers")
            assert await leader_at(reading, stream, sequence + 1) is None
            assert await leader_last(reading, "NO_SUCH_STREAM", "x") is None
            print(f"{missed} of 399 reads of a replica missed what was acknowledged")
