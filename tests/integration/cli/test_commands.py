"""Commands that ask once: what they print, and the exit codes and one-line errors when they cannot."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import shlex
import sys

import pytest
from msgspec import structs, to_builtins

from gapscan import __version__
from gapscan.bus.client import BusOptions
from gapscan.bus.definitions import write_definition
from gapscan.bus.keyvalue import put
from gapscan.errors import BusError, UnknownListError
from gapscan.protocol import names
from gapscan.protocol.messages import ListDefinition, Row
from gapscan.ranking.spec import shipped_lists
from gapscan_cli.health import print_status
from gapscan_cli.oneshot import print_lists, print_top
from tests.integration.cli.conftest import OwnLists, rows_of
from tests.support.cli import Cli, assert_error
from tests.support.nats import NatsServer
from tests.support.processes import started

Capture = pytest.CaptureFixture[str]
SHIPPED = shipped_lists().names


HEAVY = {"numpy", "nats", "aiohttp", "rich", "asyncio", "msgspec", "websockets", "pydantic"}
LOADED = "; print('modules', *sys.modules, file=sys.stderr)"


async def ran(cli: Cli, script: str) -> tuple[str, set[str]]:
    """What a Python script printed, and the modules that it says are loaded."""
    pipe, env = asyncio.subprocess.PIPE, {name: value for name, value in cli.env.items() if name != "COLUMNS"}
    async with started(sys.executable, "-c", script + LOADED, stdout=pipe, stderr=pipe, env=env) as process:
        out, err = await process.communicate()
    return out.decode(), set(err.decode().partition("modules")[2].split())


@pytest.mark.parametrize("command", ["watch", "top", "up"])
async def test_help_loads_nothing_heavy(cli: Cli, command: str) -> None:
    out, loaded = await ran(cli, f"import sys; from gapscan_cli.main import run; run(['{command}', '--help'])")
    assert f"gapscan {command}" in out
    assert "typer" in loaded
    assert not HEAVY & loaded


async def test_the_help_that_is_kept_is_the_one_that_is_made(cli: Cli) -> None:
    """Renew it with: COLUMNS=80 gapscan --help > cli/gapscan_cli/help.txt"""
    kept, loaded = await ran(
        cli, "import sys; sys.argv = ['gapscan', '--help']; import gapscan_cli.main as m; m.main()"
    )
    assert "typer" not in loaded
    assert (await cli.run("--help", env={"COLUMNS": "80"})).out == kept
    narrow = (await cli.run("--help", env={"COLUMNS": "60"})).out
    assert max(map(len, narrow.splitlines())) < max(map(len, kept.splitlines()))


@pytest.mark.parametrize(("into", "code"), [(">&-", 0), ("| true; exit ${PIPESTATUS[0]}", 1)])
async def test_help_that_nobody_reads_is_no_accident(cli: Cli, into: str, code: int) -> None:
    pipe, program = (
        asyncio.subprocess.PIPE,
        f"{shlex.quote(sys.executable)} -c 'from gapscan_cli.main import main; main()'",
    )
    # Once the reader is gone: the writer waits until it is.
    script = f"(sleep 0.2; exec {program} --help) {into}"
    async with started("bash", "-c", script, stdout=pipe, stderr=pipe, env=cli.env) as process:
        out, err = await process.communicate()
    assert (process.returncode, out, err) == (code, b"", b"")


async def test_a_list_once_is_printed_without_what_converts_values(cli: Cli, dead_url: str) -> None:
    script = f"import sys; from gapscan_cli.main import run; run(['top', 'winners', '--nats', '{dead_url}'])"
    assert not {"pydantic", "numpy", "rich"} & (await ran(cli, script))[1]


async def test_version_and_help(cli: Cli) -> None:
    assert (await cli.run("--version")).out == f"gapscan {__version__}\n"
    for arguments in ((), ("--help",)):
        result = await cli.run(*arguments)
        assert result.code == 0
        assert "watch" in result.out
        assert result.err == ""


async def test_no_nats(cli: Cli, dead_url: str) -> None:
    assert_error(await cli.run("top", "winners", "--nats", dead_url), 1, dead_url, "gapscan up")
    for asked in (print_lists(BusOptions(dead_url), as_json=False), print_status(BusOptions(dead_url), as_json=False)):
        with pytest.raises(BusError, match="cannot reach NATS"):
            await asked


async def test_a_list_shows_the_columns_of_its_definition(
    desk: OwnLists, nats_server: NatsServer, capfd: Capture
) -> None:
    await desk.publish([Row(symbol="AAA", price=5.0, gap_percent=3.25, sector="Energy", float_shares=12_345_678)])
    options = BusOptions(nats_server.url)

    async def titles() -> list[str]:
        await print_top(options, "gappers_up", None, "table")
        return capfd.readouterr().out.splitlines()[1].split()

    assert (await titles())[:8] == ["#", "symbol", "price", "gap", "%", "chg", "%", "volume"]
    old = ListDefinition("gappers_up", "", "price > 1", ["-gap_percent"], 10, [])
    await write_definition(desk.bus, structs.replace(old, columns=["sector", "made_later", "float_shares"]))
    assert await titles() == ["#", "symbol", "price", "gap", "%", "sector", "float", "flags", "name"]
    without = {key: value for key, value in to_builtins(old).items() if key != "columns"}  # of the version before
    await put(desk.bus, names.DEFAULT.bucket_lists, "gappers_up", json.dumps(without).encode())
    assert (await titles())[:9] == ["#", "symbol", "price", "gap", "%", "chg", "%", "volume", "open"]


async def test_top(cli: Cli, desk: OwnLists, nats_server: NatsServer, capfd: Capture) -> None:
    sequence = await desk.publish(rows_of(TSLA=262.5, BCpC=0.5, NONE=None))
    table = await cli.run("top", "gappers_up", "--nats", nats_server.url, "--top", "2")
    assert table.code == 0
    assert table.err == ""
    head, _, *rows = table.out.splitlines()
    assert "live" in head
    assert "SIMULATED" in head
    assert [row.split()[:3] for row in rows] == [["1", "TSLA", "262.50"], ["2", "BCpC", "0.5000"]]

    await print_top(BusOptions(nats_server.url), "gappers_up", None, "json")
    found = json.loads(capfd.readouterr().out)
    assert (found["list"], found["sequence"]) == ("gappers_up", sequence)
    assert (found["state"], found["simulated"]) == ("live", True)
    cells = [(row["rank"], row["symbol"], row["price"]) for row in found["rows"]]
    assert cells == [(1, "TSLA", 262.5), (2, "BCpC", 0.5), (3, "NONE", None)]

    await print_top(BusOptions(nats_server.url), "gappers_up", None, "csv")
    lines = list(csv.DictReader(io.StringIO(capfd.readouterr().out)))
    texts = [(line["rank"], line["symbol"], line["price"]) for line in lines]
    assert texts == [("1", "TSLA", "262.5"), ("2", "BCpC", "0.5"), ("3", "NONE", "")]


async def test_top_of_a_silent_ranker_warns(desk: OwnLists, nats_server: NatsServer, capfd: Capture) -> None:
    await desk.publish(rows_of(A=1.0))
    desk.beating = False
    await print_top(BusOptions(nats_server.url), "gappers_up", None, "table")
    out, err = capfd.readouterr()
    assert "stale" in out.splitlines()[0]
    assert err.startswith("warning: gappers_up is stale")


async def test_top_of_what_is_not_there(cli: Cli, desk: OwnLists, nats_server: NatsServer) -> None:
    result = await cli.run("tail", "gapers_up", "--nats", nats_server.url)
    assert_error(result, 2, "no list named 'gapers_up'", "did you mean gappers_up?")
    with pytest.raises(UnknownListError, match=r"did you mean gappers_up\?"):
        await print_top(BusOptions(nats_server.url), "gapers_up", None, "table")
    with pytest.raises(BusError, match="winners is not published yet"):
        await print_top(BusOptions(nats_server.url), "winners", None, "table")


async def test_lists(cli: Cli, desk: OwnLists, nats_server: NatsServer, capfd: Capture) -> None:
    await desk.publish(rows_of(A=1.0, B=2.0))
    text = (await cli.run("lists", "--nats", nats_server.url)).out
    assert text.startswith("SIMULATED\n")
    assert "gappers_up   pre regular   2 of at most 200 rows\n" in text
    await print_lists(BusOptions(nats_server.url), as_json=True)
    rows = {entry["name"]: entry["rows"] for entry in json.loads(capfd.readouterr().out)}
    assert rows == {name: 2 if name == "gappers_up" else None for name in SHIPPED}


async def test_nothing_is_published(nats_server: NatsServer) -> None:
    with pytest.raises(BusError, match=r"no lists are published.*gapscan up"):
        await print_lists(BusOptions(nats_server.url), as_json=False)


async def test_status_without_services(cli: Cli, nats_server: NatsServer, capfd: Capture) -> None:
    result = await cli.run("status", "--nats", nats_server.url)
    assert result.code == 1
    assert result.out.startswith("NOT HEALTHY")
    nats_server.kill()
    with pytest.raises(BusError):
        await print_status(BusOptions(nats_server.url), as_json=True)
    report = json.loads(capfd.readouterr().out)
    assert report["healthy"] is False
    assert nats_server.url in report["problems"][0]


async def test_completion(cli: Cli) -> None:
    async def complete(*words: str) -> list[str]:
        env = {"_GAPSCAN_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
        return (await cli.run(env=env)).out.split()

    assert await complete("gapscan", "watch", "gappers") == [name for name in SHIPPED if name.startswith("gappers")]
    assert "ranker" in await complete("gapscan", "run", "ra")
    assert "tail" in await complete("gapscan", "ta")
