"""Own lists and `why` as their user has them: the real set, the real commands, a browser's socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect as connect_browser

from gapscan import runfile
from gapscan.bus.client import Bus, connect
from gapscan.bus.definitions import read_definitions, write_definition
from gapscan.bus.keyvalue import put
from gapscan.bus.snapshots import read_snapshot
from gapscan.bus.topology import list_names
from gapscan.client.api import Follower
from gapscan.errors import UnknownListError
from gapscan.protocol import names
from gapscan.protocol.messages import ListDefinition
from gapscan.ranking.spec import shipped_lists
from gapscan.service.status import collect
from tests.support.cli import Cli
from tests.support.lists import to_the_end
from tests.support.until import PATIENCE, until
from tests.support.up import RunningSet, running_set

EARLY = """\
# there before anything runs
[lists.early]
where = "price >= 1"
sort = ["symbol"]
limit = 5
"""
MINE = """\
# cheap ones
[lists.mine]
description = "Cheap."
where = "price < 500 and dollar_volume > 0"
sort = ["-price"]
limit = 7
"""


class OwnLists:
    """A running set, its user's commands, and a look at its NATS."""

    def __init__(self, running: RunningSet, cli: Cli, bus: Bus) -> None:
        self.running, self.cli, self.bus = running, cli, bus

    async def run(self, *arguments: str, **options: Any) -> str:
        """A command that succeeds; what it prints."""
        result = await self.cli.run(*arguments, "--data", str(self.running.data), **options)
        assert (result.code, result.err) == (0, ""), result
        return result.out

    async def wrong(self, *arguments: str) -> str:
        """A command that is the user's mistake; what it says."""
        result = await self.cli.run(*arguments, "--data", str(self.running.data))
        assert (result.code, result.out) == (2, ""), result
        return result.err

    async def rows(self, name: str) -> list[Any]:
        """The list's rows, once it has some."""

        async def found() -> list[Any]:
            snapshot = await read_snapshot(self.bus, name)
            return list(snapshot.rows) if snapshot is not None else []

        return list(await until(found, f"rows of {name}"))

    async def ready(self) -> None:
        async def is_healthy() -> bool:
            report = await collect(self.bus)
            return report.healthy and report.lists["most_active"].rows > 0

        await until(is_healthy, "a healthy set")


@asynccontextmanager
async def running_desk(root: Path) -> AsyncIterator[OwnLists]:
    home = root / "home"
    (home / ".config" / "gapscan").mkdir(parents=True)
    (home / ".config" / "gapscan" / "lists.toml").write_text(EARLY)
    cli = Cli(home)
    env = {"HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config")}
    async with (
        running_set(root, symbols=200, start="10:30", speed=1, **env) as running,
        connect(running.nats, "test") as bus,
    ):
        desk = OwnLists(running, cli, bus)
        await desk.ready()
        yield desk


async def shown_lists(url: str, wanted: bool, name: str) -> None:
    """Wait until a browser is told that the list is there, or is not."""
    async with connect_browser(url, proxy=None) as browser, asyncio.timeout(PATIENCE):
        async for text in browser:
            message = json.loads(text)
            if message["type"] == "lists" and (name in {each["name"] for each in message["lists"]}) == wanted:
                return


def browser_url(desk: OwnLists) -> str:
    found = runfile.read(desk.running.data)
    assert found is not None
    assert found.http_url is not None
    return found.http_url.replace("http://", "ws://") + "ws"


async def streams_hold(bus: Bus, name: str) -> list[str]:
    """Where anything of the list is still kept."""
    found = [stream for stream in [names.DEFAULT.list_stream(name)] if name in await list_names(bus)]
    for bucket in (names.DEFAULT.bucket_lists, names.DEFAULT.bucket_snapshots):
        info = await bus.js.stream_info(f"KV_{bucket}", subjects_filter=f"$KV.{bucket}.{name}")
        found += info.state.subjects or {}
    return found


async def test_own_lists_come_change_and_go(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(MINE)
    async with running_desk(tmp_path) as desk:
        ranker = desk.running.pid("ranker")
        await those_of_the_users_file_are_there(desk)
        await one_that_is_added_is_everywhere(desk, file)
        await an_edited_one_changes(desk)
        await a_removed_one_leaves_nothing(desk)
        await desk.run("lists", "add", str(file))
        assert len(await desk.rows("mine")) == 7
        assert desk.running.pid("ranker") == ranker


def users_file(desk: OwnLists) -> str:
    """What the user's file of lists holds."""
    return (desk.cli.home / ".config" / "gapscan" / "lists.toml").read_text()


async def those_of_the_users_file_are_there(desk: OwnLists) -> None:
    symbols = [row["symbol"] for row in await desk.rows("early")]
    assert symbols == sorted(symbols)


async def one_that_is_added_is_everywhere(desk: OwnLists, file: Path) -> None:
    assert "gapscan watch mine" in await desk.run("lists", "add", str(file))
    prices = [row["price"] for row in await desk.rows("mine")]
    assert len(prices) == 7
    assert prices == sorted(prices, reverse=True)
    listed = {each["name"]: each for each in json.loads(await desk.run("lists", "--json"))}
    assert listed["mine"]["own"]
    assert not listed["most_active"]["own"]
    assert list(listed)[-2:] == ["early", "mine"]
    assert "mine   own   all sessions" in await desk.run("lists")
    top = json.loads(await desk.run("top", "mine", "--json"))
    assert (top["state"], len(top["rows"])) == ("live", 7)
    await shown_lists(browser_url(desk), True, "mine")
    assert users_file(desk) == f"{EARLY}\n{MINE}"


async def an_edited_one_changes(desk: OwnLists) -> None:
    await desk.run("lists", "edit", "mine", env={"EDITOR": "sed -i 's/limit = 7/limit = 3/'"})

    async def is_shorter() -> bool:
        return len(await desk.rows("mine")) == 3

    await until(is_shorter, "the shorter list")


async def a_removed_one_leaves_nothing(desk: OwnLists) -> None:
    views = Follower(desk.bus, "mine").views()
    await anext(views)
    assert "mine: removed" in await desk.run("lists", "remove", "mine")
    with pytest.raises(UnknownListError, match="mine was removed"):
        await asyncio.wait_for(to_the_end(views), PATIENCE)
    await shown_lists(browser_url(desk), False, "mine")
    assert await streams_hold(desk.bus, "mine") == []
    assert "no list named 'mine'" in await desk.wrong("top", "mine")
    assert users_file(desk) == EARLY
    report = await collect(desk.bus)
    assert report.healthy, report.problems
    assert "mine" not in report.lists


async def test_bad_definitions_and_questions(tmp_path: Path) -> None:
    async with running_desk(tmp_path) as desk:
        await hostile_definitions_harm_no_list(desk)
        await shipped_lists_are_put_back(desk)
        await why_tells(desk)


async def hostile_definitions_harm_no_list(desk: OwnLists) -> None:
    ranker = desk.running.pid("ranker")
    hostile = {
        "deep": "(" * 900 + "price" + ")" * 900 + " > 1",
        "attribute": "price.__class__ > 1",
        "huge": "price > " + "9" * 1_900,
        "long": "price > 1 or " * 75_000 + "price > 2",
    }
    computed = {
        "division": "price / 0 > 1 or price / (volume - volume) >= 1",
        "letters": "type == 'Ω' or price > 1",
    }
    for name, where in (hostile | computed).items():
        await write_definition(desk.bus, ListDefinition(name, "", where, ["-price"], 5, [], 1000, own=True))
    await put(desk.bus, names.DEFAULT.bucket_lists, "garbage", b"\xff{")
    await put(desk.bus, names.DEFAULT.bucket_lists, "Not-A-Name", b"{}")
    assert await desk.rows("letters")

    async def is_ranked() -> bool:
        return "division" in (await collect(desk.bus)).lists

    await until(is_ranked, "the list that divides by zero")
    report = await collect(desk.bus)
    assert report.healthy, report.problems
    assert set(report.lists) == {*shipped_lists().names, "early", *computed}
    refused = report.services["ranker"].instances[0]["definitions"]["refused"]
    assert refused.keys() == {*hostile, "garbage", "Not-A-Name"}
    assert desk.running.pid("ranker") == ranker
    for name in (*hostile, "garbage"):
        await desk.run("lists", "remove", name)
    assert {found.name for found in await read_definitions(desk.bus)} == {*report.lists}


async def shipped_lists_are_put_back(desk: OwnLists) -> None:
    assert "comes with gapscan" in await desk.wrong("lists", "remove", "most_active")
    await put(desk.bus, names.DEFAULT.bucket_lists, "most_active", b"")

    async def is_back() -> bool:
        return "most_active" in {found.name for found in await read_definitions(desk.bus)}

    await until(is_back, "the list that comes with gapscan")


async def why_tells(desk: OwnLists) -> None:
    symbol = (await desk.rows("most_active"))[0]["symbol"]
    why = json.loads(await desk.run("why", symbol, "--json"))
    assert (why["symbol"], why["known"], why["simulated"]) == (symbol, True, True)
    assert [each["list"] for each in why["lists"]] == [*shipped_lists().names, "division", "early", "letters"]
    assert all(found["passes"] for found in why["gate"])
    mine = next(each for each in why["lists"] if each["list"] == "most_active")
    assert mine["passes"]
    assert mine["rank"]
    assert mine["conditions"][0]["text"] == "dollar_volume >= 1_000_000"
    assert mine["conditions"][0]["threshold"] == 1_000_000
    assert mine["conditions"][0]["value"] >= 1_000_000
    other = json.loads(await desk.run("why", symbol.lower(), "early", "--json"))
    assert [each["list"] for each in other["lists"]] == ["early"]
    text = await desk.run("why", symbol, "most_active")
    assert "SIMULATED" in text.splitlines()[0]
    assert "✓ dollar_volume >= 1_000_000" in text
    assert f"rank {mine['rank']} of" in text
    assert "no symbol 'NOSUCHONE'" in await desk.wrong("why", "NOSUCHONE")
    assert "did you mean" in await desk.wrong("why", symbol + "X")
    assert "did you mean most_active?" in await desk.wrong("why", symbol, "most_activ")
