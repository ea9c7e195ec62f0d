"""Commands that ask once: what they print, and the exit codes and one-line errors when they cannot."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import re
import sys

import pytest

from gapscan import __version__
from gapscan.ranking.spec import shipped_lists
from gapscan.services import runfile
from tests.integration.cli.conftest import Desk, rows_of
from tests.integration.cli.support import Cli, Result
from tests.support.nats import NatsServer

SHIPPED = shipped_lists().names


def assert_error(result: Result, code: int, *words: str) -> None:
    """One line on stderr, the right exit code, and no traceback."""
    assert result.code == code, result
    assert re.fullmatch(r"error: .+\n", result.err), result.err
    for word in words:
        assert word in result.err


async def test_help_loads_nothing_heavy(cli: Cli) -> None:
    script = (
        "import sys; from gapscan_cli.main import run; run(['watch', '--help']); print(*sys.modules, file=sys.stderr)"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=cli.env
    )
    out, err = await process.communicate()
    assert b"watch" in out
    assert not {"numpy", "nats", "aiohttp", "rich", "asyncio", "msgspec", "websockets"} & set(err.decode().split())


async def test_version_and_help(cli: Cli) -> None:
    assert (await cli.run("--version")).out == f"gapscan {__version__}\n"
    for arguments in ((), ("--help",)):
        result = await cli.run(*arguments)
        assert result.code == 0
        assert "watch" in result.out
        assert result.err == ""


@pytest.mark.parametrize("arguments", [("top", "winners"), ("lists",), ("status",)])
async def test_no_nats(cli: Cli, dead_url: str, arguments: tuple[str, ...]) -> None:
    assert_error(await cli.run(*arguments, "--nats", dead_url), 1, dead_url, "gapscan up")


async def test_top(cli: Cli, desk: Desk, nats_server: NatsServer) -> None:
    sequence = await desk.publish(rows_of(TSLA=262.5, BCpC=0.5, NONE=None))
    table = await cli.run("top", "gappers_up", "--nats", nats_server.url, "--top", "2")
    assert table.code == 0
    assert table.err == ""
    head, _, *rows = table.out.splitlines()
    assert "live" in head
    assert "SIMULATED" in head
    assert [row.split()[:3] for row in rows] == [["1", "TSLA", "262.50"], ["2", "BCpC", "0.5000"]]

    found = json.loads((await cli.run("top", "gappers_up", "--nats", nats_server.url, "--json")).out)
    assert (found["list"], found["sequence"], found["state"], found["simulated"]) == (
        "gappers_up",
        sequence,
        "live",
        True,
    )
    assert [(row["rank"], row["symbol"], row["price"]) for row in found["rows"]] == [
        (1, "TSLA", 262.5),
        (2, "BCpC", 0.5),
        (3, "NONE", None),
    ]

    text = (await cli.run("top", "gappers_up", "--nats", nats_server.url, "--csv")).out
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [(line["rank"], line["symbol"], line["price"]) for line in lines] == [
        ("1", "TSLA", "262.5"),
        ("2", "BCpC", "0.5"),
        ("3", "NONE", ""),
    ]


async def test_top_of_a_silent_ranker_warns(cli: Cli, desk: Desk, nats_server: NatsServer) -> None:
    await desk.publish(rows_of(A=1.0))
    desk.beating = False
    result = await cli.run("top", "gappers_up", "--nats", nats_server.url)
    assert result.code == 0
    assert "stale" in result.out.splitlines()[0]
    assert result.err.startswith("warning: gappers_up is stale")


async def test_top_of_what_is_not_there(cli: Cli, desk: Desk, nats_server: NatsServer) -> None:
    for command in ("top", "tail"):
        result = await cli.run(command, "gapers_up", "--nats", nats_server.url)
        assert_error(result, 2, "no list named 'gapers_up'", "did you mean gappers_up?")
    assert_error(await cli.run("top", "winners", "--nats", nats_server.url), 1, "not published yet")


async def test_lists(cli: Cli, desk: Desk, nats_server: NatsServer) -> None:
    await desk.publish(rows_of(A=1.0, B=2.0))
    text = (await cli.run("lists", "--nats", nats_server.url)).out
    assert text.startswith("SIMULATED\n")
    assert "gappers_up   pre regular   2 of at most 200 rows\n" in text
    found = json.loads((await cli.run("lists", "--nats", nats_server.url, "--json")).out)
    assert {entry["name"]: entry["rows"] for entry in found} == {
        name: 2 if name == "gappers_up" else None for name in SHIPPED
    }


async def test_lists_without_a_ranker(cli: Cli, nats_server: NatsServer) -> None:
    assert_error(await cli.run("lists", "--nats", nats_server.url), 1, "no lists are published", "gapscan up")


async def test_status_without_services(cli: Cli, nats_server: NatsServer) -> None:
    result = await cli.run("status", "--nats", nats_server.url)
    assert result.code == 1
    assert result.out.startswith("NOT HEALTHY")
    nats_server.kill()
    result = await cli.run("status", "--json", "--nats", nats_server.url)
    assert result.code == 1
    report = json.loads(result.out)
    assert report["healthy"] is False
    assert nats_server.url in report["problems"][0]


async def test_where_nats_is(cli: Cli, desk: Desk, nats_server: NatsServer) -> None:
    """--nats, else the settings, else what `up` runs."""
    dead = "nats://127.0.0.1:1"
    (cli.home / "gapscan.toml").write_text(f'[nats]\nurl = "{dead}"\n')
    assert_error(await cli.run("lists"), 1, dead)
    assert (await cli.run("lists", env={"GAPSCAN_NATS_URL": nats_server.url})).code == 0
    assert (await cli.run("lists", "--nats", nats_server.url)).code == 0

    (cli.home / "gapscan.toml").unlink()
    data = cli.home / ".local" / "share" / "gapscan"
    data.mkdir(parents=True)
    runfile.write(data, runfile.RunFile(os.getpid(), nats_server.url, None, True, {}))
    assert (await cli.run("lists")).code == 0
    runfile.write(data, runfile.RunFile(2**22 + 1, nats_server.url, None, True, {}))
    assert_error(await cli.run("lists", "--data", str(data)), 1, "no gapscan is running")


async def test_completion(cli: Cli) -> None:
    async def complete(*words: str) -> list[str]:
        env = {"_GAPSCAN_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
        return (await cli.run(env=env)).out.split()

    assert await complete("gapscan", "watch", "gappers") == [name for name in SHIPPED if name.startswith("gappers")]
    assert "ranker" in await complete("gapscan", "run", "ra")
    assert "tail" in await complete("gapscan", "ta")
