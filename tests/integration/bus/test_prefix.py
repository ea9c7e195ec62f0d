"""A set with a prefix of its own, as docs/operations.md says: its readers, and what `gapscan config check` tries."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import gapscan
from gapscan.bus.client import connect
from gapscan.bus.definitions import read_definitions
from gapscan.bus.snapshots import read_snapshot
from gapscan.errors import BusError, UnknownListError
from gapscan.service.reporting import reporting
from gapscan.service.status import collect
from tests.support.bridge import defined_list
from tests.support.lists import to_the_end
from tests.support.nats import NatsServer
from tests.support.until import PATIENCE

DOCUMENT = Path(__file__).parents[3] / "docs" / "operations.md"


def renamed(accounts: str) -> str:
    """accounts.conf as the document has it made."""
    commands = re.findall(r"^    (sed .*) accounts\.conf$", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    assert len(commands) == 1
    made = subprocess.run(["sh", "-c", commands[0]], input=accounts, capture_output=True, text=True, check=True)
    return made.stdout


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path / "nats", accounts=renamed)
    server.start()
    try:
        yield server
    finally:
        server.close()


async def test_readers_of_a_set_with_a_prefix(server: NatsServer) -> None:
    writing, reading = replace(server.services, prefix="acme"), replace(server.reader, prefix="acme")
    async with connect(writing, "services") as services, reporting(services, "ranker", dict):
        published = await defined_list(services)
        await published.step(5)
        await published.publisher.write_snapshot(True)
        async for view in gapscan.follow("movers", nats=reading):
            assert list(view.rows) == published.truth[view.sequence]
            if view.sequence == 5:
                break
        async with connect(reading, "reader") as reader:
            assert await read_snapshot(reader, "movers")
            assert [each.name for each in await read_definitions(reader)] == ["movers"]
            assert (await collect(reader)).services.keys() == {"ranker"}
            denied = await reader.nc.subscribe("gapscan.live.>")
            await published.step(1)
            with pytest.raises(TimeoutError):
                await denied.next_msg(timeout=0.5)
        with pytest.raises((BusError, UnknownListError)):
            await asyncio.wait_for(to_the_end(aiter(gapscan.follow("movers", nats=server.reader))), PATIENCE)


async def test_the_provider_s_data_stay_where_they_are(server: NatsServer) -> None:
    """Every stream that the usual accounts.conf denies to readers is denied by its new name."""
    usual = (DOCUMENT.parents[1] / "nats" / "accounts.conf").read_text("utf-8")
    pattern = r'"\$JS\.API\.DIRECT\.GET\.((?:GAPSCAN|ACME|KV)_[\w-]+)"'
    denied, now = (
        re.findall(pattern, text.partition("deny:")[2].partition("]")[0]) for text in (usual, renamed(usual))
    )
    assert len(denied) > 10
    assert now == [one.replace("GAPSCAN_", "ACME_").replace("KV_gapscan-", "KV_acme-") for one in denied]
    async with connect(replace(server.services, prefix="acme"), "services") as services:
        await defined_list(services)
    async with connect(replace(server.reader, prefix="acme"), "reader") as reader:
        for stream in now:
            with pytest.raises(TimeoutError):
                await reader.nc.request(f"$JS.API.DIRECT.GET.{stream}", b'{"seq":1}', timeout=0.2)
