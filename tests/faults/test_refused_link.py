"""The server ends the link for a reason of its own: when the reason is gone, everything goes on, exact."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from nats.errors import MaxPayloadError

from gapscan.bus.client import BusOptions, connect
from gapscan.bus.direct_get import get_from
from gapscan.errors import GapscanError
from gapscan.lists.delta import checksum
from gapscan.lists.state import Copy, Fit
from gapscan.market.sessions import session_times
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import Delta, Row, Snapshot
from gapscan.service.reporting import reporting
from tests.support.bridge import browsing, defined_list, running_bridge
from tests.support.jwt import Operator
from tests.support.nats import server_with
from tests.support.stack import Stack, small_market
from tests.support.until import until

DAY = dt.date(2026, 3, 10)
START = session_times(DAY).regular + 600_000
MINUTE = 60_000
LISTS = ("gappers_up", "most_active")

Seen = dict[str, dict[int, list[Row]]]


@asynccontextmanager
async def goes_on(options: BusOptions) -> AsyncIterator[Stack]:
    """A chain that ranks. Whatever is done to it meanwhile, in the end it ranks, and all that was shown is exact."""
    async with small_market(options, DAY, START, 60) as stack, reporting(stack.bus, "ranker", stack.report):
        await stack.load_reference()
        seen = await stack.enter_following(LISTS)
        await stack.scan_at(START + MINUTE)
        yield stack
        await until(lambda: stack.bus.connected, "the link")
        await until(lambda: stack.report()["role"] == "leader", "a term")
        await until(lambda: stack.report().get("waiting_for") == "", "the ranker")
        for minute in (2, 3, 4):
            await stack.scan_at(START + minute * MINUTE)
        for name in LISTS:
            await exact(stack, name, seen[name])
        assert (await stack.bus.nc.request("$SRV.PING.gapscan-ranker", b"", timeout=5)).data


async def exact(stack: Stack, name: str, seen: dict[int, list[Row]]) -> None:
    """Every view is what the stream's deltas make of an empty list, under one epoch."""
    stored = await get_from(stack.bus, names.DEFAULT.list_stream(name), 1, 1000)
    deltas = [decode_as(Delta, one.data) for one in stored]
    await until(lambda: len(deltas) in seen, "the last view")
    copy = Copy()
    copy.load(Snapshot(name, deltas[0].epoch, 0, 0, [], checksum([]), True))
    truth = {0: list(copy.rows)}
    for delta, one in zip(deltas, stored, strict=True):
        assert copy.apply(delta, one.sequence) is Fit.APPLIED
        truth[copy.sequence] = list(copy.rows)
    assert {sequence: truth[sequence] for sequence in seen} == seen


async def link_is_lost(stack: Stack, words: str) -> None:
    await until(lambda: words in stack.bus.trouble, lambda: f"{words!r}, it is {stack.bus.trouble!r}")


def login(password: str) -> str:
    return f"authorization {{ users = [ {{ user: gapscan, password: {password} }} ] }}"


async def test_a_password_that_is_changed_and_changed_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with (
        server_with(tmp_path, login("one")) as server,
        goes_on(BusOptions(server.url, "gapscan", "one")) as stack,
    ):
        server.reconfigure(login("two"))
        await link_is_lost(stack, "Authorization Violation")
        with pytest.raises(GapscanError):
            await stack.feed.scan()
        await asyncio.sleep(2.5)  # longer than a lease: the term ends
        server.reconfigure(login("one"))
    said = [record.getMessage() for record in caplog.records if record.name.endswith("bus")]
    assert sum("Authorization Violation" in line for line in said) == 1
    assert "buffer limit" not in caplog.text


async def test_a_password_that_is_changed_in_a_context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    context = tmp_path / "nats" / "context" / "here.json"
    context.parent.mkdir(parents=True)
    async with server_with(tmp_path, login("one")) as server:
        known = {"url": server.url, "user": "gapscan", "password": "one"}
        context.write_text(json.dumps(known))
        async with goes_on(BusOptions(context="here")) as stack:
            server.reconfigure(login("two"))
            await link_is_lost(stack, "Authorization Violation")
            context.write_text(json.dumps({**known, "password": "two"}))


async def test_credentials_that_expire_and_are_renewed(tmp_path: Path) -> None:
    operator, creds = Operator(), tmp_path / "gapscan.creds"
    operator.write_creds(creds, seconds=8)
    async with (
        server_with(tmp_path, operator.conf) as server,
        goes_on(BusOptions(server.url, credentials=str(creds))) as stack,
    ):
        await link_is_lost(stack, "Authorization Violation")
        creds.write_text("")  # as it is while somebody writes it
        await link_is_lost(stack, "no file of NATS credentials")
        operator.write_creds(creds)


async def test_a_lowered_limit_of_connections(tmp_path: Path) -> None:
    async with server_with(tmp_path, "max_connections: 10") as server, connect(BusOptions(server.url), "b") as other:
        async with goes_on(BusOptions(server.url)) as stack:
            while not stack.bus.trouble:  # the server chooses whom it turns out
                await until(lambda: other.connected, "both links")
                server.reconfigure("max_connections: 1")
                await until(lambda: stack.bus.trouble or other.trouble, "one too many")
                await asyncio.sleep(0.5)
                assert "maximum connections exceeded" in stack.bus.trouble + other.trouble
                if not stack.bus.trouble:
                    server.reconfigure("max_connections: 10")
            server.reconfigure("max_connections: 10")
        await until(lambda: other.connected, "the other link")


async def test_a_lowered_limit_of_payloads(tmp_path: Path) -> None:
    async with server_with(tmp_path, "max_payload: 1MB") as server, goes_on(BusOptions(server.url)) as stack:
        before = stack.bus.reconnects
        server.reconfigure("max_payload: 2000")
        with suppress(GapscanError):  # the first message that is too large ends the link, whoever sends it
            await stack.feed.scan()
        await until(lambda: stack.bus.reconnects > before and stack.bus.connected, "another link")
        assert stack.bus.max_payload == 2000
        server.reconfigure("max_payload: 1MB")
        async with asyncio.timeout(30):
            while stack.bus.nc.max_payload == 2000:
                with suppress(MaxPayloadError):
                    await stack.bus.nc.publish("large", bytes(3000))
                await asyncio.sleep(0.2)


async def test_a_lowered_limit_of_subscriptions(tmp_path: Path) -> None:
    async with server_with(tmp_path, "max_subscriptions: 1000") as server, goes_on(BusOptions(server.url)) as stack:
        await server.restart_with("max_subscriptions: 3")  # what a reload does not change
        await link_is_lost(stack, "maximum subscriptions exceeded")
        await asyncio.sleep(2.5)
        await server.restart_with("max_subscriptions: 1000")


async def test_a_bridge_says_why_it_has_no_link_and_is_not_to_be_started_again(tmp_path: Path) -> None:
    async with server_with(tmp_path, login("one")) as server:
        url = server.url.replace("//", "//gapscan:one@")
        async with connect(BusOptions(url), "w") as bus:
            movers = await defined_list(bus)
            await movers.step(3)
            async with running_bridge(url) as served:
                await served.knows("movers")
                server.reconfigure(login("two"))
                await until(lambda: "Authorization Violation" in served.bridge.trouble(), "the refusal")
                status, _, body = await served.get("/readyz")
                assert (status, "Authorization Violation" in body) == (503, True)
                assert (await served.get("/healthz"))[0] == 200
                server.reconfigure(login("one"))
                async with browsing(served, movers) as browser:
                    await until(lambda: bus.connected, "the link")
                    await movers.step(3)
                    await browser.reaches(movers)
                assert (await served.get("/readyz"))[0] == 200
