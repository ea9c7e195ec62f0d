"""`gapscan run`: one service beside a set that runs already."""

from __future__ import annotations

import os

from gapscan import runfile
from gapscan.bus.client import Bus
from gapscan.service.status import collect
from tests.support.cli import Cli, running
from tests.support.nats import NatsServer
from tests.support.until import until


async def test_a_service_finds_the_set_that_up_runs(cli: Cli, bus: Bus, nats_server: NatsServer) -> None:
    data = cli.home / ".local" / "share" / "gapscan"
    data.mkdir(parents=True)
    runfile.write(data, runfile.RunFile(os.getpid(), nats_server.url, None, simulated=True, services={}))
    async with running(await cli.start("run", "hot")):

        async def hot_is_there() -> bool:
            return "hot" in (await collect(bus)).services

        await until(hot_is_there, "the service on the set's NATS")
