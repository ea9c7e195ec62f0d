"""Three nodes as nats/cluster.conf makes them, and a reader who follows while one of them dies."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import gapscan
from gapscan.bus.client import BusOptions, connect
from gapscan.bus.publisher import ListPublisher
from gapscan.bus.topology import Retention, ensure_shared
from gapscan.errors import BusError
from gapscan.protocol import names
from gapscan.protocol.messages import Row
from gapscan.runtime import end
from gapscan.supervisor import nats_server, ports
from tests.support.nats import ACCOUNTS, PASSWORD, READER_PASSWORD
from tests.support.until import until

NAMES = ("n1", "n2", "n3")
CONF = nats_server.server_conf().with_name("cluster.conf")
ROUTE = "routes-secret"
KEPT = Retention(replicas=3)


@dataclass
class Node:
    """One server of the cluster."""

    name: str
    port: int
    route: int
    data: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self, others: list[Node]) -> None:
        routes = ", ".join(f"nats://route:{ROUTE}@127.0.0.1:{other.route}" for other in others)
        env = {
            "GAPSCAN_NODE": self.name,
            "GAPSCAN_STORE": str(self.data / self.name),
            "GAPSCAN_ROUTE_PASSWORD": ROUTE,
            "GAPSCAN_ROUTES": f"[{routes}]",
        }
        command = [nats_server.binary(), "-c", str(self._conf()), "-l", str(self.data / f"{self.name}.log")]
        self.process = subprocess.Popen(command, env={**os.environ, **ACCOUNTS, **env})

    def _conf(self) -> Path:
        """The settings with ports of its own: on the command line, those of routes would undo their login."""
        text = CONF.read_text("utf-8")
        for port, own in (("4222", self.port), ("6222", self.route)):
            assert text.count(f"port: {port}") == 1
            text = text.replace(f"port: {port}", f"listen: '127.0.0.1:{own}'")
        folder = self.data / f"{self.name}-conf"
        folder.mkdir()
        shutil.copy(CONF.with_name("accounts.conf"), folder)
        (folder / "cluster.conf").write_text(text)
        return folder / "cluster.conf"

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@asynccontextmanager
async def cluster(data: Path) -> AsyncIterator[tuple[list[Node], BusOptions]]:
    """Three nodes that have found each other, and how the services reach them."""
    nodes = [Node(name, ports.free_port(), ports.free_port(), data) for name in NAMES]
    try:
        for node in nodes:
            node.start([other for other in nodes if other is not node])
        options = BusOptions(",".join(f"nats://127.0.0.1:{node.port}" for node in nodes), "gapscan", PASSWORD)
        await until(lambda: set_up(options), "three replicas of everything")
        yield nodes, options
    finally:
        for node in nodes:
            node.kill()


async def set_up(options: BusOptions) -> bool:
    try:
        async with connect(options, "test") as bus:
            await ensure_shared(bus, KEPT)
    except BusError:
        return False
    return True


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
            leader = (await bus.js.stream_info(names.list_stream("movers"))).cluster
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
