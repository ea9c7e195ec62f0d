"""A newcomer's first minute: `gapscan up`, then the other commands, which find it by themselves."""

from __future__ import annotations

import asyncio
import json
import signal
import stat
from pathlib import Path

import psutil

from gapscan import runfile
from gapscan.bus.client import BusOptions, connect
from gapscan.bus.running import with_login
from gapscan.runfile import RunFile
from gapscan.service.status import collect
from tests.support.cli import Cli, running
from tests.support.until import PATIENCE, until


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
        await _ready(with_login(BusOptions(found.nats_url), data))

        status = await cli.run("status", "--json")
        report = json.loads(status.out)
        assert (status.code, report["healthy"], report["simulated"], report["problems"]) == (0, True, True, [])
        assert 0 < report["coverage"]["fresh"] <= report["coverage"]["expected"]
        assert {"feed", "ranker"} <= report["services"].keys()
        text = (await cli.run("top", "most_active", "--top", "3")).out
        assert "SIMULATED" in text
        assert len(text.splitlines()) == 5

        await _asks_for_a_login(cli, found)
        process.send_signal(signal.SIGINT)
        rest = (await process.communicate())[0].decode()
        assert process.returncode == 0
        assert all(f"  {name} " in rest for name in ("nats", "sim", "feed", "ranker"))
        assert found.nats_url in rest
        assert runfile.read_any(data) is None


async def _asks_for_a_login(cli: Cli, found: RunFile) -> None:
    """Its own user needs to know nothing; another one, who cannot read the file, gets nowhere."""
    assert found.nats_password
    assert stat.S_IMODE((cli.home / ".local" / "share" / "gapscan" / "run.json").stat().st_mode) == 0o600
    commands = [psutil.Process(process.pid).cmdline() for process in found.services.values()]
    assert not [command for command in commands if found.nats_password in " ".join(command)]
    named = await cli.run("top", "most_active", "--nats", found.nats_url.replace("127.0.0.1", "localhost"))
    assert (named.code, named.err) == (0, "")
    program = (
        f"import gapscan\nfor view in gapscan.follow('most_active', nats={found.nats_url!r}): print(view.list); break"
    )
    assert await cli.python(program) == "most_active\n"

    stranger = Cli(cli.home / "another user")
    stranger.home.mkdir()
    refused = await stranger.run("top", "most_active", "--nats", found.nats_url)
    assert (refused.code, refused.out) == (1, "")
    assert "refuses these credentials" in refused.err


async def _ready(nats: BusOptions) -> None:
    """Wait until all is healthy and a list has rows."""
    async with connect(nats, "test") as bus, asyncio.timeout(PATIENCE):
        while True:
            report = await collect(bus)
            if report.healthy and report.lists["most_active"].rows:
                return


def _services(data: Path) -> set[str]:
    found = runfile.read(data)
    return set(found.services) if found else set()
