"""`gapscan mcp` as an agent starts it: by the protocol's own client, over standard input and output."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from mcp import Client, StdioServerParameters

from gapscan.bus.client import Bus, BusOptions
from gapscan.bus.definitions import write_definition
from gapscan.obs import Tally, logger
from gapscan.protocol import names
from gapscan.protocol.alerts import Alert
from gapscan.protocol.codec import encode
from gapscan.protocol.fields import FIELDS, Fields
from gapscan.protocol.messages import ListDefinition, Near, WhyRequest
from gapscan.ranker.questions import answering
from gapscan.ranking.spec import shipped_lists
from tests.integration.cli.conftest import OwnLists, rows_of
from tests.support.answers import answer_why
from tests.support.cli import Cli, assert_error
from tests.support.nats import NatsServer
from tests.support.tape import START, played_list, recorded, recording


@asynccontextmanager
async def agent(cli: Cli, url: str) -> AsyncIterator[Client]:
    """An agent that has started the server."""
    command = cli.command("mcp", "--nats", url)
    parameters = StdioServerParameters(command=command[0], args=[*command[1:]], env=cli.env, cwd=cli.home)
    async with asyncio.timeout(60), Client(parameters) as client:
        yield client


async def _call(client: Client, tool: str, **arguments: Any) -> Any:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    return result.structured_content


async def _refused(client: Client, tool: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    return str(getattr(result.content[0], "text", ""))


async def test_the_tools_only_read_and_say_what_they_are_for(cli: Cli, desk: OwnLists, nats_server: NatsServer) -> None:
    async with agent(cli, nats_server.url) as client:
        tools = (await client.list_tools()).tools
        assert {tool.name for tool in tools} == {"lists", "list", "list_at", "when", "near", "alerts", "why"}
        for tool in tools:
            assert tool.description
            assert tool.annotations is not None
            assert tool.annotations.read_only_hint
        assert all(f"{name}: " in (client.instructions or "") for name in FIELDS)


async def test_lists_and_their_rows(cli: Cli, bus: Bus, desk: OwnLists, nats_server: NatsServer) -> None:
    hidden = ListDefinition("alert_mine", "", "volume > 0", ["-volume"], 30, [], own=True, hidden=True)
    await write_definition(bus, hidden)
    sequence = await desk.publish(rows_of(AAPL=2.5, MSFT=None, TSLA=1.25))
    async with agent(cli, nats_server.url) as client:
        answer = await _call(client, "lists")
        assert [each["name"] for each in answer["lists"]] == [spec.name for spec in shipped_lists().specs]
        found = next(each for each in answer["lists"] if each["name"] == "gappers_up")
        assert (found["rows"], answer["simulated"]) == (3, True)
        answer = await _call(client, "list", name="gappers_up", limit=2, fields=["price"])
        assert answer["rows"] == [
            {"rank": 1, "symbol": "AAPL", "price": 2.5},
            {"rank": 2, "symbol": "MSFT", "price": None},
        ]
        assert (answer["state"], answer["simulated"], answer["size"]) == ("live", True, 3)
        assert (answer["epoch"], answer["sequence"]) == (desk.publisher.epoch, sequence)
        later = await desk.publish(rows_of(TSLA=3.0))
        answer = await _call(client, "list", name="gappers_up")
        assert (answer["sequence"], [row["symbol"] for row in answer["rows"]]) == (later, ["TSLA"])


async def test_why(cli: Cli, bus: Bus, desk: OwnLists, nats_server: NatsServer) -> None:
    async with answering(bus, answer_why, Tally(logger("test"))), agent(cli, nats_server.url) as client:
        answer = await _call(client, "why", symbol="A", name="gappers_up")
        assert {"type": "why", **answer} == msgspec.to_builtins(answer_why(WhyRequest("A", "gappers_up")))


async def test_what_alerts_said(cli: Cli, bus: Bus, desk: OwnLists, nats_server: NatsServer) -> None:
    said = [
        Alert(
            name, "gappers_up", symbol, "enter", f"{symbol} is in", 1_795_357_800_000, "e1", sequence, Fields(price=1.5)
        )
        for sequence, (name, symbol) in enumerate((("first", "AAPL"), ("second", "MSFT"), ("first", "TSLA")))
    ]
    async with agent(cli, nats_server.url) as client:
        assert await _call(client, "alerts") == {"alerts": []}
        for alert in said:
            await bus.js.publish(names.DEFAULT.alert_subject(alert.name), encode(alert))
        answer = await _call(client, "alerts")
        assert [each["symbol"] for each in answer["alerts"]] == ["AAPL", "MSFT", "TSLA"]
        answer = await _call(client, "alerts", name="first", limit=1)
        assert [each["text"] for each in answer["alerts"]] == ["TSLA is in"]
        assert [each["name"] for each in (await _call(client, "alerts", symbol="MSFT"))["alerts"]] == ["second"]


async def test_what_cannot_be_answered_is_said(cli: Cli, desk: OwnLists, nats_server: NatsServer) -> None:
    async with agent(cli, nats_server.url) as client:
        assert "gappers_up" in await _refused(client, "list", name="gapers_up")
        assert "no field 'pirce'" in await _refused(client, "list", name="gappers_up", fields=["pirce"])
        assert "No List" in await _refused(client, "list", name="No List")
        assert "no ranker" in await _refused(client, "why", symbol="A")
        assert await _refused(client, "list", name="gappers_up", limit=0)


async def test_a_nats_that_comes_later(cli: Cli, desk: OwnLists, nats_server: NatsServer) -> None:
    await desk.publish(rows_of(AAPL=2.5))
    nats_server.kill()
    async with agent(cli, nats_server.url) as client:
        assert "NATS" in await _refused(client, "lists")
        nats_server.start()
        await desk.reconnected()
        await desk.publish(rows_of(AAPL=3.5))
        answer = await _call(client, "list", name="gappers_up")
        assert answer["rows"][0]["price"] == 3.5


async def test_without_the_package(cli: Cli, nats_server: NatsServer) -> None:
    (cli.home / "mcp.py").write_text("raise ImportError\n")
    result = await cli.run("mcp", "--nats", nats_server.url, env={"PYTHONPATH": str(cli.home)})
    assert_error(result, result.code, "mcp is not installed", "pip install 'gapscan[mcp]'")


async def test_the_past(cli: Cli, bus: Bus, nats_server: NatsServer) -> None:
    played = await played_list(bus, "winners")
    await write_definition(bus, ListDefinition("winners", "Winners.", "volume > 0", ["-change_percent"], 30, []))
    async with recording(BusOptions(nats_server.url)) as recorder:
        for _ in range(20):
            await played.step(4000)
        await recorded(recorder, played)
    when = START + 37_000
    async with agent(cli, nats_server.url) as client:
        answer = await _call(client, "list_at", name="winners", at="09:31:07", limit=3, fields=["price"])
        expected = played.rows_at(when) or []
        assert [row["symbol"] for row in answer["rows"]] == [row["symbol"] for row in expected[:3]]
        assert (answer["state"], answer["time"], answer["size"]) == ("past", when, len(expected))
        symbol = expected[0]["symbol"]
        stays = (await _call(client, "when", symbol=symbol, name="winners"))["stays"]
        assert any((stay["entered"] or 0) <= when <= (stay["left"] or when) for stay in stays)
        assert "09:31" in await _refused(client, "list_at", name="winners", at="half past nine")
        assert "nothing is recorded" in await _refused(client, "list_at", name="losers", at="09:31")


async def test_who_nearly_is_in(cli: Cli, bus: Bus, desk: OwnLists, nats_server: NatsServer) -> None:
    near = Near("gappers_up", 1, "regular", False, [])
    async with (
        answering(bus, answer_why, Tally(logger("test")), near=lambda _: near),
        agent(cli, nats_server.url) as client,
    ):
        answer = await _call(client, "near", name="gappers_up")
        assert {"type": "near", **answer} == msgspec.to_builtins(near)
