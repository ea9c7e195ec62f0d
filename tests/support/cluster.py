"""Three nodes as nats/cluster.conf makes them; one can be killed, frozen, cut off, or leave in order."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path

from gapscan.bus.client import BusOptions, connect
from gapscan.bus.topology import Retention, ensure_shared
from gapscan.errors import BusError
from gapscan.supervisor import nats_server, ports
from tests.support.nats import ACCOUNTS, PASSWORD
from tests.support.proxy import Link, link_to
from tests.support.until import until

NAMES = ("n1", "n2", "n3")
CONF = nats_server.server_conf().with_name("cluster.conf")
ROUTE = "routes-secret"
KEPT = Retention(replicas=3)


@dataclass
class Node:
    """One server of the cluster. `routes` are the ports by which it reaches the others."""

    name: str
    port: int
    route: int
    data: Path
    routes: list[int] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)  # with the other nodes, if they can be cut
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        routes = ", ".join(f"nats://route:{ROUTE}@127.0.0.1:{port}" for port in self.routes)
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
        if self.links:  # else the nodes tell each other of a way round them
            text = text.replace("cluster {", "cluster {\n  advertise: '127.0.0.1:1'", 1)
        folder = self.data / f"{self.name}-conf"
        folder.mkdir(exist_ok=True)
        shutil.copy(CONF.with_name("accounts.conf"), folder)
        (folder / "cluster.conf").write_text(text)
        return folder / "cluster.conf"

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def cut_off(self) -> None:
        """No word comes to it from the other nodes, or from it to them; nobody is told."""
        for link in self.links:
            link.hush()

    def join_again(self) -> None:
        for link in self.links:
            link.speak()

    def leave_in_order(self) -> None:
        """Lame duck mode: it says so to its clients, and ends when they have gone."""
        subprocess.run([nats_server.binary(), "--signal", f"ldm={self.pid}"], check=True)

    def has_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@asynccontextmanager
async def cluster(data: Path, *, cuttable: bool = False) -> AsyncIterator[tuple[list[Node], BusOptions]]:
    """Three nodes that have found each other, and how the services reach them."""
    nodes = [Node(name, ports.free_port(), ports.free_port(), data) for name in NAMES]
    async with AsyncExitStack() as stack:
        for node, other in permutations(nodes, 2):
            if cuttable:
                link = await stack.enter_async_context(link_to(other.route))
                node.links.append(link)
                other.links.append(link)
            node.routes.append(link.port if cuttable else other.route)
        for node in nodes:
            stack.callback(node.kill)
            node.start()
        options = BusOptions(",".join(node.url for node in nodes), "gapscan", PASSWORD)
        await until(lambda: _set_up(options), "three replicas of everything")
        yield nodes, options


async def _set_up(options: BusOptions) -> bool:
    try:
        async with connect(options, "test") as bus:
            await ensure_shared(bus, KEPT)
    except BusError:
        return False
    return True
