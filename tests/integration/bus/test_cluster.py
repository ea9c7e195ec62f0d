"""Three nodes as nats/cluster.conf makes them, and a reader who follows while one of them dies."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

import gapscan
from gapscan.bus.client import connect
from gapscan.bus.publisher import ListPublisher
from gapscan.errors import BusError
from gapscan.protocol import names
from gapscan.protocol.messages import Row
from gapscan.runtime import end
from gapscan.supervisor import nats_server
from tests.support.cluster import KEPT, cluster
from tests.support.nats import READER_PASSWORD
from tests.support.until import until


async def publish(publisher: ListPublisher, number: int) -> None:
    """Another state of the list, stored however long it takes."""
    rows = [Row(symbol=f"S{place}", price=float(number)) for place in range(number % 7)]

    async def stored() -> bool:
        try:
            await publisher.publish(rows, number)
        except BusError:
            return False
        return True

    await until(stored, "a delta to be stored")


@pytest.mark.slow
async def test_a_reader_follows_while_a_node_dies(tmp_path: Path) -> None:
    async with cluster(tmp_path) as (nodes, options), connect(options, "services") as bus:
        publisher = ListPublisher(bus, "movers")
        await publisher.recover(KEPT)
        await publish(publisher, 1)
        reader = replace(options, user="reader", password=READER_PASSWORD, inbox_prefix="_INBOX_reader")
        seen: list[gapscan.ListView] = []

        async def follow() -> None:
            async for view in gapscan.follow("movers", nats=reader):
                seen.append(view)

        following = asyncio.create_task(follow())
        try:
            await until(lambda: seen, "the first view")
            leader = (await bus.js.stream_info(names.DEFAULT.list_stream("movers"))).cluster
            assert leader is not None
            next(node for node in nodes if node.name == leader.leader).kill()
            for number in range(2, 30):
                await publish(publisher, number)
            await until(lambda: seen[-1].sequence == publisher.sequence, "the reader's arrival")
        finally:
            await end(following)
        assert [row["price"] for row in seen[-1].rows] == [29.0] * (29 % 7)
        assert {view.epoch for view in seen} == {publisher.epoch}
        assert seen[-1].link.mismatches == 0


@pytest.mark.slow
async def test_a_stranger_is_no_node(tmp_path: Path) -> None:
    async with cluster(tmp_path) as (nodes, _):
        stranger = tmp_path / "stranger.conf"
        stranger.write_text(
            f"cluster {{ name: gapscan, listen: '127.0.0.1:-1', routes: [nats://127.0.0.1:{nodes[0].route}] }}\n"
        )
        log = tmp_path / "stranger.log"
        command = [nats_server.binary(), "-c", str(stranger), "-a", "127.0.0.1", "-p", "-1", "-l", str(log)]
        process = await asyncio.create_subprocess_exec(*command)
        try:
            await until(lambda: "Authorization Violation" in text_of(log), "the refusal")
        finally:
            process.kill()
            await process.wait()


def text_of(path: Path) -> str:
    return path.read_text() if path.exists() else ""
