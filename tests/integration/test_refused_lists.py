"""A list that NATS has no room for costs no other; `status` says so, and it is ranked once the obstacle is gone."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.definitions import remove_list, write_definition
from gapscan.bus.snapshots import read_snapshot
from gapscan.market.sessions import session_times
from gapscan.protocol import names
from gapscan.protocol.messages import ListDefinition
from gapscan.ranker import term
from gapscan.ranking.spec import shipped_lists
from gapscan.service.reporting import reporting
from gapscan.service.status import StatusReport, collect
from gapscan_cli.health import report_text
from tests.support.nats import NatsServer
from tests.support.stack import Stack, small_market
from tests.support.until import until

DAY = dt.date(2026, 3, 10)
TIMES = session_times(DAY)
MINUTE = 60_000
MINE = ListDefinition("mine", "", "price > 1", ["-price"], 10, [], 1000, own=True)


async def obstruct(bus: Bus, name: str) -> None:
    """A stream of the list's name that republishes nothing: nobody could follow the list."""
    await bus.js.add_stream(name=names.DEFAULT.list_stream(name), subjects=[names.DEFAULT.delta_subject(name)])


@asynccontextmanager
async def ranked_beside(server: NatsServer, obstacle: str | None = None) -> AsyncIterator[Stack]:
    """A ranked market, on a server where the stream of list `obstacle` is somebody else's."""
    if obstacle:
        async with connect(BusOptions(server.url), "operator") as bus:
            await obstruct(bus, obstacle)
    async with small_market(server.url, DAY, TIMES.regular, 200) as stack:
        await stack.load_reference()
        await stack.scan_at(TIMES.regular + 31 * MINUTE)
        yield stack


async def status(stack: Stack) -> StatusReport:
    async with reporting(stack.bus, "ranker", stack.report):
        return await collect(stack.bus)


async def test_it_costs_no_other_list_and_status_says_why(nats_server: NatsServer) -> None:
    async with ranked_beside(nats_server, "most_active") as stack:
        assert set(stack.report()["lists"]) == set(shipped_lists().names) - {"most_active"}
        for name in ("gappers_up", "losers"):
            snapshot = await read_snapshot(stack.bus, name)
            assert snapshot is not None
            assert snapshot.rows, name
        assert await read_snapshot(stack.bus, "most_active") is None
        report = await status(stack)
        assert report.refused.keys() == {"most_active"}
        assert "stream GAPSCAN_LIST_most_active exists with" in report.refused["most_active"]
        assert "delete that stream" in report.refused["most_active"]
        assert [problem for problem in report.problems if "most_active" in problem] == [
            f"list most_active is not ranked: {report.refused['most_active']}"
        ]
        assert msgspec.json.decode(msgspec.json.encode(report))["refused"] == report.refused
        assert f"refused: {report.refused['most_active']}\n" in report_text(report)


async def test_it_is_ranked_once_the_obstacle_is_gone(nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(term, "REFUSED_SECONDS", 0.1)
    async with ranked_beside(nats_server, "most_active") as stack:
        others = {name: publisher.epoch for name, publisher in stack.term.publishers.items()}
        await until(lambda: stack.report()["counts"]["list_refused"] > 2, "another try")
        await stack.bus.js.delete_stream(names.DEFAULT.list_stream("most_active"))
        await until(lambda: stack.report()["lists"].get("most_active", {}).get("rows"), "the list")
        await stack.settled()
        report = await status(stack)
        assert report.refused == {}
        assert not [problem for problem in report.problems if "most_active" in problem]
        assert list(report.lists) == shipped_lists().names
        assert {name: report.lists[name].epoch for name in others} == others


async def test_a_change_of_definitions_tries_it_at_once_and_a_removal_ends_it(nats_server: NatsServer) -> None:
    async with ranked_beside(nats_server) as stack:
        await obstruct(stack.bus, "mine")
        await write_definition(stack.bus, MINE)
        await until(lambda: "mine" in stack.report()["refused"], "the refusal")
        await stack.bus.js.delete_stream(names.DEFAULT.list_stream("mine"))
        await write_definition(stack.bus, msgspec.structs.replace(MINE, limit=5))
        await until(lambda: stack.report()["lists"].get("mine", {}).get("rows") == 5, "the list")
        assert stack.report()["refused"] == {}
        await remove_list(stack.bus, "mine")
        await until(lambda: "mine" not in stack.report()["lists"], "the removal")
        await obstruct(stack.bus, "mine")
        await write_definition(stack.bus, MINE)
        await until(lambda: "mine" in stack.report()["refused"], "the second refusal")
        await remove_list(stack.bus, "mine")
        await until(lambda: stack.report()["refused"] == {}, "the end of the refusal")
