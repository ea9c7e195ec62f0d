"""Every program in docs/client.md and in the README runs as it stands, but for the server's address."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import gapscan
from gapscan.bus.client import BusOptions, connect
from gapscan.protocol.messages import Row
from tests.support.lists import Published, publish_list
from tests.support.nats import PASSWORD, READER_PASSWORD, NatsServer
from tests.support.scripts import RunningScript, running_script

ROOT = Path(__file__).parents[3]
ADDRESS = "nats://127.0.0.1:4222"
CLIENT = (ROOT / "docs" / "client.md").read_text("utf-8")
LISTS = ("gappers_up", "winners")


def programs(text: str) -> dict[str, str]:
    """Each Python block by the title of its section."""
    sections = re.split(r"^#+ (.+)$", text, flags=re.MULTILINE)
    blocks = {
        title: re.findall(r"^```python\n(.*?)^```$", body, re.MULTILINE | re.DOTALL)
        for title, body in zip(sections[1::2], sections[2::2], strict=True)
    }
    assert all(len(found) < 2 for found in blocks.values())
    return {title: found[0] for title, found in blocks.items() if found}


PROGRAMS = programs(CLIENT) | programs((ROOT / "README.md").read_text("utf-8"))
# What each prints of the list at its beginning, and after a change.
SAYS = {
    "Following lists in Python": ("1 live ['AAPL', 'MSFT']", "2 live ['MSFT']"),
    "What changed": ("AAPL enters at 1, price 10.5", "AAPL leaves"),
    "Errors": ("1 live", "2 live"),
    "One connection for several lists": ("winners 0 0", "gappers_up 2 1"),
    "Without an event loop": ("1 ['AAPL', 'MSFT']", "2 ['MSFT']"),
    "As a table": (
        "[{'rank': 1, 'symbol': 'AAPL', 'price': 10.5}, {'rank': 2, 'symbol': 'MSFT', 'price': 20.5}]",
        "",  # once
    ),
    "Users and credentials": ("1 live", "2 live"),
    "Subscribe from a program": ("1 live [('AAPL', 5.0), ('MSFT', 5.0)]", "2 live [('MSFT', 5.0)]"),
}


def test_all_are_tried() -> None:
    assert PROGRAMS.keys() == SAYS.keys()
    for title, program in PROGRAMS.items():
        assert program.count(ADDRESS) == 1, title


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    """One with users, who are all that the last program is about; the others come in as the services do."""
    server = NatsServer(tmp_path, accounts=True)
    server.start()
    yield server
    server.close()


@pytest.fixture
async def published(server: NatsServer) -> AsyncIterator[Published]:
    """Two lists; the one that the programs follow has two rows."""
    async with connect(BusOptions(server.url, "gapscan", PASSWORD), "test") as bus:
        first, _ = [await publish_list(bus, name) for name in LISTS]
        await publish(first, AAPL=10.5, MSFT=20.5)
        yield first


async def publish(published: Published, **prices: float) -> None:
    rows = [Row(symbol=symbol, price=price, gap_percent=5.0) for symbol, price in prices.items()]
    await published.publisher.publish(rows, published.publisher.sequence + 1)


async def says(script: RunningScript, published: Published, text: str) -> None:
    """Wait for it, the list's heartbeats going on."""
    await script.says(text, meanwhile=published.beat)


@pytest.mark.parametrize("title", PROGRAMS)
async def test_it_runs(title: str, server: NatsServer, published: Published) -> None:
    own_user = "user=" in PROGRAMS[title]
    url = server.url if own_user else server.url.replace("://", f"://gapscan:{PASSWORD}@")
    env = {"GAPSCAN_READER_PASSWORD": READER_PASSWORD}
    async with running_script("-c", PROGRAMS[title].replace(ADDRESS, url), env=env) as script:
        before, after = SAYS[title]
        await says(script, published, before)
        await publish(published, MSFT=20.5)
        await says(script, published, after)


async def test_errors_end_the_program_that_treats_them(server: NatsServer, published: Published) -> None:
    """One that can pass is waited out; one that cannot ends it."""
    program = PROGRAMS["Errors"].replace(ADDRESS, server.url.replace("://", f"://gapscan:{PASSWORD}@"))
    server.kill()
    async with running_script("-c", program.replace("gappers_up", "nothing")) as script:
        await script.says("cannot reach NATS")
        server.start()
        await script.says("no list named nothing")
        assert await script.end() == 0


def test_every_public_name_is_mentioned() -> None:
    for name in set(gapscan.__all__) - {"Bus", "Delta", "Following", "LinkStats", "ListView", "Row"}:
        assert re.search(rf"\b{name}\b", CLIENT), name
