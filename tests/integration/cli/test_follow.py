"""Commands that follow: `tail` and `watch` through changes, silence, a dead server, and their ends."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable

import pytest
from msgspec import structs

from gapscan.bus.definitions import remove_list, write_definition
from gapscan.lists.state import Copy, Fit
from gapscan.protocol.codec import decode
from gapscan.protocol.messages import Delta, ListDefinition, Row, Snapshot
from tests.integration.cli.conftest import OwnLists, rows_of
from tests.support.cli import SHOW_CURSOR, Cli, Terminal, running
from tests.support.nats import NatsServer
from tests.support.until import PATIENCE

MakeTerminal = Callable[[int, int], Terminal]


async def line_of(stream: asyncio.StreamReader | None) -> str:
    assert stream is not None
    return (await asyncio.wait_for(stream.readline(), PATIENCE)).decode()


async def follow_to(process: asyncio.subprocess.Process, copy: Copy, sequence: int) -> list[Row]:
    """Read lines of `tail` until the copy is at `sequence`."""
    while copy.sequence < sequence:
        message = decode((await line_of(process.stdout)).encode())
        if isinstance(message, Snapshot):
            copy.load(message)
        else:
            assert isinstance(message, Delta)
            assert isinstance(message.sequence, int)
            assert copy.apply(message, message.sequence) is Fit.APPLIED
    return copy.rows


async def test_tail_gives_an_exact_copy(cli: Cli, desk: OwnLists, nats_server: NatsServer) -> None:
    await desk.publish(rows_of(A=1.0, B=2.0))
    process = await cli.start("tail", "gappers_up", "--nats", nats_server.url)
    async with running(process):
        copy = Copy()
        first = await line_of(process.stdout)
        assert json.loads(first)["type"] == "snapshot"
        message = decode(first.encode())
        assert isinstance(message, Snapshot)
        copy.load(message)
        steps = (rows_of(B=2.5, A=1.0, C=3.0), rows_of(), rows_of(D=1.0, C=2.0), rows_of(C=2.0, D=1.0, E=None))
        for rows in steps:
            sequence = await desk.publish(rows)
            assert await follow_to(process, copy, sequence) == rows
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
        assert process.stderr is not None
        assert await process.stderr.read() == b""


async def test_tail_survives_the_server(cli: Cli, desk: OwnLists, nats_server: NatsServer) -> None:
    before = await desk.publish(rows_of(A=1.0))
    process = await cli.start("tail", "gappers_up", "--nats", nats_server.url)
    async with running(process):
        copy = Copy()
        await follow_to(process, copy, before)
        nats_server.kill()
        assert "lost NATS" in await line_of(process.stderr)
        nats_server.start()
        assert "back" in await line_of(process.stderr)
        await desk.reconnected()
        rows = rows_of(A=1.0, B=2.0)
        assert await follow_to(process, copy, await desk.publish(rows)) == rows


async def test_tail_ends_quietly_when_nobody_reads(cli: Cli, desk: OwnLists, nats_server: NatsServer) -> None:
    await desk.publish(rows_of(A=1.0))
    process = await cli.start("tail", "gappers_up", "--nats", nats_server.url)
    async with running(process):
        await line_of(process.stdout)
        assert process.stdout is not None
        process.stdout._transport.close()  # type: ignore[attr-defined]  # what `| head -1` does
        prices = iter(range(1, 1_000_000))
        async with asyncio.timeout(PATIENCE):
            while process.returncode is None:
                await desk.publish(rows_of(A=float(next(prices))))
                await asyncio.sleep(0.05)
        assert process.returncode == 0
        assert process.stderr is not None
        assert await process.stderr.read() == b""


@pytest.mark.parametrize("command", ["tail", "watch"])
async def test_waits_for_a_server(cli: Cli, nats_server: NatsServer, command: str) -> None:
    nats_server.kill()
    process = await cli.start(command, "gappers_up", "--nats", nats_server.url)
    async with running(process):
        said = await line_of(process.stderr)
        assert nats_server.url in said
        assert "trying again" in said
        nats_server.start()
        assert "connected" in await line_of(process.stderr)
        assert "waiting for gappers_up" in await line_of(process.stderr)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0


async def test_waits_for_a_list_that_is_defined(cli: Cli, desk: OwnLists, nats_server: NatsServer) -> None:
    process = await cli.start("tail", "winners", "--nats", nats_server.url)
    async with running(process):
        assert "waiting for winners" in await line_of(process.stderr)


async def test_plain_watch(cli: Cli, desk: OwnLists, nats_server: NatsServer) -> None:
    await desk.publish(rows_of(A=1.0, B=2.0, C=3.0))
    process = await cli.start("watch", "gappers_up", "--top", "2", "--nats", nats_server.url)
    async with running(process):
        head, title, first, second, end = [await line_of(process.stdout) for _ in range(5)]
        assert "live" in head
        assert "SIMULATED" in head
        assert title.split()[:3] == ["#", "symbol", "price"]
        assert [first.split()[1], second.split()[1], end] == ["A", "B", "\n"]
        sequence = await desk.publish(rows_of(B=2.0, A=1.0))
        assert f"sequence {sequence}" in await line_of(process.stdout)
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0


async def test_watch_on_a_terminal(cli: Cli, desk: OwnLists, nats_server: NatsServer, terminal: MakeTerminal) -> None:
    await desk.publish(rows_of(AAA=1.0, BBB=2.0, CCC=3.0))
    screen = terminal(80, 24)
    await screen.start(cli, "watch", "gappers_up", "--nats", nats_server.url)
    await screen.until(lambda: "LIVE" in screen.frame)
    assert len(screen.frame.split("\n")) == 24
    assert all(len(line) <= 80 for line in screen.frame.split("\n"))
    for said in ("gappers_up", "SIMULATED", "09:30:01 ET", "✓ verified", "seq 1", "AAA"):
        assert said in screen.frame

    await desk.publish(rows_of(CCC=3.5, AAA=1.0, BBB=2.0, DDD=1.0))
    await screen.until(lambda: "seq 2" in screen.frame)
    assert "▲2   CCC" in screen.frame
    assert "new  DDD" in screen.frame

    screen.resize(200, 50)
    await screen.until(lambda: len(screen.frame.split("\n")) == 50)
    assert "float" in screen.frame, "the last column of the list"
    screen.resize(30, 6)
    await screen.until(lambda: len(screen.frame.split("\n")) == 6)
    assert all(len(line) <= 30 for line in screen.frame.split("\n"))
    assert "SIMULATED" in screen.frame

    screen.type("q")
    assert await screen.ended() == 0
    await screen.until(screen.restored)
    assert SHOW_CURSOR in screen.written


async def test_watch_shows_the_columns_of_the_definition(
    cli: Cli, desk: OwnLists, nats_server: NatsServer, terminal: MakeTerminal
) -> None:
    own = ListDefinition("gappers_up", "", "price > 1", ["-gap_percent"], 10, [], columns=["sector", "float_shares"])
    await write_definition(desk.bus, own)
    await desk.publish([Row(symbol="AAA", price=5.0, gap_percent=3.25, sector="Energy", float_shares=12_345_678)])
    screen = terminal(100, 12)
    await screen.start(cli, "watch", "gappers_up", "--nats", nats_server.url)
    await screen.until(lambda: "Energy" in screen.frame)
    assert screen.frame.splitlines()[1].split() == [
        "#",
        "symbol",
        "price",
        "gap",
        "%",
        "sector",
        "float",
        "flags",
        "name",
    ]
    assert "12.3M" in screen.frame
    await write_definition(desk.bus, structs.replace(own, columns=["vwap"]))
    await screen.until(lambda: "vwap" in screen.frame and "Energy" not in screen.frame)


async def test_watch_never_shows_an_old_list_as_live(
    cli: Cli, desk: OwnLists, nats_server: NatsServer, terminal: MakeTerminal
) -> None:
    await desk.publish(rows_of(AAA=1.0))
    screen = terminal(100, 12)
    await screen.start(cli, "watch", "gappers_up", "--nats", nats_server.url)
    await screen.until(lambda: "LIVE" in screen.frame)
    desk.beating = False
    await screen.until(lambda: "STALE" in screen.frame and "no fresh data" in screen.frame)
    assert "verified" not in screen.frame
    assert "AAA" in screen.frame
    desk.beating = True
    await screen.until(lambda: "LIVE" in screen.frame)

    nats_server.kill()
    await screen.until(lambda: "NATS is away" in screen.frame)
    nats_server.start()
    await screen.until(lambda: "LIVE" in screen.frame)
    await desk.reconnected()
    await desk.publish(rows_of(AAA=1.0, ZZZ=2.0))
    await screen.until(lambda: "ZZZ" in screen.frame)

    screen.type("\x03")
    assert await screen.ended() == 0
    await screen.until(screen.restored)
    assert "Traceback" not in screen.written


async def test_watch_restores_the_terminal_when_it_is_ended(
    cli: Cli, desk: OwnLists, nats_server: NatsServer, terminal: MakeTerminal
) -> None:
    await desk.publish(rows_of(AAA=1.0))
    screen = terminal(80, 24)
    await screen.start(cli, "watch", "gappers_up", "--nats", nats_server.url)
    await screen.until(lambda: "AAA" in screen.frame)
    assert screen.process is not None
    screen.process.terminate()
    assert await screen.ended() == 0
    await screen.until(screen.restored)


async def test_watch_says_on_the_terminal_what_it_waits_for(
    cli: Cli, nats_server: NatsServer, terminal: MakeTerminal
) -> None:
    nats_server.kill()
    screen = terminal(80, 24)
    await screen.start(cli, "watch", "gappers_up", "--nats", nats_server.url)
    await screen.until(lambda: "cannot reach NATS" in screen.written)
    assert screen.frames() == []
    screen.type("q\x03")
    assert await screen.ended() == 0
    assert screen.restored()


async def test_tail_ends_when_the_list_is_removed(cli: Cli, desk: OwnLists, nats_server: NatsServer) -> None:
    await desk.publish(rows_of(A=1.0))
    process = await cli.start("tail", "gappers_up", "--nats", nats_server.url)
    async with running(process):
        await line_of(process.stdout)
        desk.beating = False
        await remove_list(desk.bus, "gappers_up")
        said = await line_of(process.stderr)
        if "no ranker has published it yet" in said:  # a new stream may answer late, which is said, and waited out
            said = await line_of(process.stderr)
        assert "no list named 'gappers_up'" in said
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 2
