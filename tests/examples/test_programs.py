"""The example programs do what they say: beside lists that are published for real, and beside `gapscan up`."""

from __future__ import annotations

import asyncio
import csv
import random
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.definitions import write_definition
from gapscan.bus.snapshots import read_snapshot
from gapscan.bus.topology import Retention
from gapscan.protocol import names
from gapscan.protocol.events import Event
from gapscan.protocol.messages import ListDefinition, Row
from tests.support.events import events_of, expected_events, stored_events
from tests.support.lists import Published, publish_list
from tests.support.nats import PASSWORD, READER_PASSWORD, NatsServer
from tests.support.scripts import RunningScript, running_script
from tests.support.until import until
from tests.support.up import running_set

EXAMPLES = Path(__file__).parents[2] / "examples"
PROGRAMS = sorted(path.name for path in EXAMPLES.glob("*.py"))
NOON = 1_795_366_800_000  # a market time: 2026-11-22 17:00 UTC
LONGEST = 60  # lines: an example is read in whole


def example(name: str, *arguments: str, **env: str) -> AbstractAsyncContextManager[RunningScript]:
    """An example program at work."""
    return running_script(str(EXAMPLES / name), *arguments, env=env)


@pytest.fixture
async def bus(nats_server: NatsServer) -> AsyncIterator[Bus]:
    async with connect(BusOptions(nats_server.url), "test") as connection:
        yield connection


async def publish(movers: Published, **prices: float) -> None:
    """Publish rows in the order given, a second of market time after the last."""
    rows = [Row(symbol=symbol, price=price) for symbol, price in prices.items()]
    await movers.publisher.publish(rows, NOON + movers.publisher.sequence * 1000)
    await movers.beat()


async def check_interrupted(script: RunningScript) -> None:
    """Ctrl-C ends it with a good conscience, and without a traceback."""
    assert await script.interrupt() == 0
    assert script.err == []


@pytest.mark.parametrize("path", sorted(EXAMPLES.iterdir()), ids=lambda path: path.name)
def test_each_is_short(path: Path) -> None:
    if path.is_file():
        assert len(path.read_text("utf-8").splitlines()) < LONGEST


async def test_the_follower_prints_each_change(bus: Bus, nats_server: NatsServer) -> None:
    movers = await publish_list(bus, "movers")
    await publish(movers, AAPL=10.5, MSFT=20.0)
    async with example("follow.py", "movers", "--nats", nats_server.url) as script:
        await script.says("sequence 1, 2 rows: AAPL 10.5, MSFT 20.0")
        await publish(movers, MSFT=21.0)
        await script.says("SIMULATED movers live   sequence 2, 1 rows: MSFT 21.0")
        await check_interrupted(script)


async def test_the_service_acts_on_entries_alone(bus: Bus, nats_server: NatsServer) -> None:
    movers = await publish_list(bus, "movers")
    await publish(movers, AAPL=10.5, MSFT=20.0)
    async with example("on_entry.py", "movers", GAPSCAN_NATS_URL=nats_server.url) as script:
        await script.says("watching movers: 2 symbols")
        await publish(movers, MSFT=20.5, AAPL=10.5)
        await publish(movers, GME=5.0, AAPL=10.5)
        await script.says("GME entered movers at rank 1, price 5.0")
        await publish(movers, AAPL=10.5, MSFT=22.0)
        await script.says("MSFT entered movers at rank 2, price 22.0")
        await check_interrupted(script)
    assert len(script.out) == 3


async def test_the_service_waits_for_nats(tmp_path: Path) -> None:
    server = NatsServer(tmp_path)
    server.start()
    try:
        async with connect(BusOptions(server.url), "test") as bus:
            await publish_list(bus, "movers")
            server.kill()
            async with example("on_entry.py", "movers", "--nats", server.url) as script:
                await script.complains("cannot reach NATS")
                await asyncio.to_thread(server.start)
                await script.says("watching movers")
                assert await script.interrupt() == 0
    finally:
        server.close()


async def test_the_csv_logger_appends_entries_and_exits(bus: Bus, nats_server: NatsServer, tmp_path: Path) -> None:
    movers = await publish_list(bus, "movers")
    file = tmp_path / "movers.csv"
    await publish(movers, AAPL=10.5)
    for symbol, price in {"GME": 5.0, "TRUE": 6.0}.items():
        async with example("csv_log.py", "movers", str(file), "--nats", nats_server.url) as script:
            await script.says("1 symbols are in it already")
            await publish(movers, AAPL=10.5, **{symbol: price})
            await has_line(file, "entry", symbol)
            await publish(movers, AAPL=10.5)
            await has_line(file, "exit", symbol)
            await check_interrupted(script)
    assert list(csv.reader(file.read_text().splitlines())) == [
        ["time", "list", "event", "symbol", "rank", "price"],
        ["2026-11-22T17:00:01.000+00:00", "movers", "entry", "GME", "2", "5.0"],
        ["2026-11-22T17:00:02.000+00:00", "movers", "exit", "GME", "2", "5.0"],
        ["2026-11-22T17:00:03.000+00:00", "movers", "entry", "TRUE", "2", "6.0"],
        ["2026-11-22T17:00:04.000+00:00", "movers", "exit", "TRUE", "2", "6.0"],
    ]


async def has_line(file: Path, event: str, symbol: str) -> None:
    await until(lambda: f",{event},{symbol}," in file.read_text(), lambda: f"{event} of {symbol} in {file.read_text()}")


async def test_who_acts_on_events_acts_once_over_restarts_of_everything(tmp_path: Path) -> None:
    """kill -9 of the program, of who makes events and of NATS, at any moment."""
    dice, server, file = random.Random(2), NatsServer(tmp_path / "nats"), tmp_path / "entries.csv"
    server.start()
    try:
        async with connect(BusOptions(server.url), "test") as bus:
            movers = await publish_list(bus, "movers", Retention(3600.0))
            await write_definition(bus, ListDefinition("movers", "", "price > 1", ["symbol"], 200, [], own=True))
            for round_ in range(5):
                async with (
                    events_of(server),
                    example("on_event.py", "movers", str(file), "--nats", server.url) as script,
                ):
                    await script.says("movers: from event")
                    await movers.step(dice.randint(5, 15))
                    await asyncio.sleep(dice.uniform(0.1, 0.6))
                    script.kill()
                if round_ % 2:
                    await server.restart()
                    await until(lambda: has_jetstream(bus), "JetStream")
            async with events_of(server), example("on_event.py", "movers", str(file), "--nats", server.url) as script:
                wanted = [kind for kind in await expected_events(bus, "movers") if kind[0] == "enter"]
                await until(lambda: len(acts(file)) >= len(wanted), lambda: f"{len(acts(file))} of {len(wanted)}")
                await check_interrupted(script)
            stored = [
                one.id for one in await stored_events(bus, "movers") if isinstance(one, Event) and one.kind == "enter"
            ]
            assert acts(file) == stored
            assert len(stored) == len(wanted)
    finally:
        server.close()


def acts(file: Path) -> list[str]:
    return [line.split(",")[1] for line in file.read_text().splitlines() if line.count(",") == 2]


async def has_jetstream(bus: Bus) -> bool:
    try:
        await bus.js.stream_info(names.DEFAULT.stream_events)
    except Exception:  # noqa: BLE001  # not yet
        return False
    return bus.connected


async def test_the_reader_follows_with_the_least_rights(tmp_path: Path) -> None:
    server = NatsServer(tmp_path, accounts=True)
    server.start()
    try:
        async with connect(BusOptions(server.url, "gapscan", PASSWORD), "test") as bus:
            movers = await publish_list(bus, "movers")
            arguments = ("reader.py", "movers", "--nats", server.url)
            async with example(*arguments, GAPSCAN_READER_PASSWORD=READER_PASSWORD) as script:
                await script.says("movers stale  []")
                await publish(movers, AAPL=10.5)
                await script.says("movers live   ['AAPL']")
                await check_interrupted(script)
            async with example(*arguments, GAPSCAN_READER_PASSWORD="wrong") as script:
                await script.complains("refuses these credentials")
                assert await script.end() == 1
                assert len(script.err) == 1, "one line, without a traceback"
    finally:
        server.close()


async def test_a_list_that_nobody_publishes(bus: Bus, nats_server: NatsServer, tmp_path: Path) -> None:
    await publish_list(bus, "movers")
    for name in PROGRAMS:
        file = [str(tmp_path / f"{name}.log")] if name in ("csv_log.py", "on_event.py") else []
        async with example(name, "nothing", *file, "--nats", nats_server.url) as script:
            await script.complains("no list named nothing")
            assert await script.end() == 1
            assert len(script.err) == 1, "one line, without a traceback"


async def test_all_work_beside_gapscan_up(tmp_path: Path) -> None:
    """On the simulated market, each with the list of which its own text speaks."""
    async with running_set(tmp_path, symbols=150, start="10:30", speed=5) as running:
        reached = running.nats
        url = reached.url.replace("://", f"://{reached.user}:{reached.password}@")
        async with connect(reached, "test") as bus:
            await until(lambda: snapshot_has_rows(bus, "most_active"), "a list with rows")
        for name in PROGRAMS:
            file = [str(tmp_path / f"{name}.log")] if name in ("csv_log.py", "on_event.py") else []
            async with example(name, "most_active", *file, "--nats", url) as script:
                await script.says("most_active")
                await check_interrupted(script)
        assert await running.interrupt() == 0


async def snapshot_has_rows(bus: Bus, name: str) -> bool:
    snapshot = await read_snapshot(bus, name)
    return snapshot is not None and bool(snapshot.rows)
