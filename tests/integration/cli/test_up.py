"""A newcomer's first minute: `gapscan up`, then the other commands, which find it by themselves."""

from __future__ import annotations

import json
from pathlib import Path

from gapscan.bus.client import BusOptions, connect
from gapscan.bus.follow import Follower
from gapscan.services import runfile
from gapscan.services.status import collect
from tests.integration.cli.support import Cli, running
from tests.support.stack import until


async def test_up_and_the_commands_beside_it(cli: Cli) -> None:
    arguments = ("--nats-port", "0", "--http-port", "0", "--symbols", "150", "--start", "10:30", "--speed", "5")
    process = await cli.start("up", *arguments, stdin=None)
    async with running(process):
        assert process.stdout is not None
        title = (await process.stdout.readline()).decode()
        assert "SIMULATED" in title
        data = cli.home / ".local" / "share" / "gapscan"
        await until(lambda: _services(data) >= {"nats", "sim", "feed", "ranker"}, "the set")
        found = runfile.read(data)
        assert found is not None
        async with connect(BusOptions(found.nats_url), "test") as bus:
            async for view in Follower(bus, "most_active").views():
                if view.rows and view.state == "live" and (await collect(bus)).healthy:
                    break

        status = await cli.run("status", "--json")
        report = json.loads(status.out)
        assert (status.code, report["healthy"], report["simulated"], report["problems"]) == (0, True, True, [])
        assert 0 < report["coverage"]["fresh"] <= report["coverage"]["expected"]
        assert {"feed", "ranker"} <= report["services"].keys()
        text = (await cli.run("top", "most_active", "--top", "3")).out
        assert "SIMULATED" in text
        assert len(text.splitlines()) == 5

        process.terminate()
        rest = (await process.communicate())[0].decode()
        assert process.returncode == 0
        assert all(f"  {name} " in rest for name in ("nats", "sim", "feed", "ranker"))
        assert found.nats_url in rest
        assert runfile.read_any(data) is None


def _services(data: Path) -> set[str]:
    found = runfile.read(data)
    return set(found.services) if found else set()
