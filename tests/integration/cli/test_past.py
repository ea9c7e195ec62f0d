"""Commands about the past, as their users type them."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet
import pytest

from gapscan.bus.client import Bus, BusOptions
from gapscan.bus.definitions import write_definition
from gapscan.bus.topology import Retention, ensure_shared
from gapscan.protocol.messages import ListDefinition
from tests.support.cli import Cli, Terminal, assert_error
from tests.support.nats import NatsServer
from tests.support.tape import START, PlayedList, played_list, recorded, recording

DEFINITION = ListDefinition("winners", "Winners.", "volume > 0", ["-change_percent"], 30, [])


@pytest.fixture
async def past(bus: Bus, nats_server: NatsServer) -> PlayedList:
    """Some minutes of a list, from 09:30:30 on 2026-11-27."""
    await ensure_shared(bus, Retention())
    await write_definition(bus, DEFINITION)
    played = await played_list(bus, "winners")
    async with recording(BusOptions(nats_server.url)) as recorder:
        for _ in range(60):
            await played.step(4000)
        await recorded(recorder, played)
    return played


@pytest.fixture(autouse=True)
def _address(cli: Cli, nats_server: NatsServer) -> None:
    cli.env["GAPSCAN_NATS_URL"] = nats_server.url


async def test_top_as_it_was(cli: Cli, past: PlayedList) -> None:
    when = START + 37_000  # 09:31:07
    expected = past.rows_at(when) or []
    shown = json.loads((await cli.run("top", "winners", "--at", "09:31:07", "--json")).out)
    assert shown["state"] == "past"
    assert shown["when"] == when
    assert [row["symbol"] for row in shown["rows"]] == [row["symbol"] for row in expected]
    table = (await cli.run("top", "winners", "--at", "2026-11-27 09:31:07")).out
    assert "PAST, as it was at   Fri 2026-11-27 09:31:07 ET" in table
    assert "live" not in table
    lines = (await cli.run("top", "winners", "--at", "09:31:07", "--day", "2026-11-27", "--csv")).out
    assert [row["symbol"] for row in csv.DictReader(io.StringIO(lines))] == [row["symbol"] for row in expected]


async def test_times_that_are_none_are_refused_with_an_example(cli: Cli, past: PlayedList) -> None:
    assert_error(await cli.run("top", "winners", "--at", "half past nine"), 2, "09:31:07")
    for early in ("04:00", "09:30:02"):
        assert_error(await cli.run("top", "winners", "--at", early), 2, "its past begins at 2026-11-27 09:30:31 ET")
    assert_error(await cli.run("top", "winners", "--at", "19:00"), 2, "the tape ends before")
    assert_error(await cli.run("top", "losers", "--at", "09:31"), 2, "nothing is recorded of a list named losers")
    assert_error(await cli.run("top", "winners", "--day", "today"), 2, "--day goes with --at")


async def test_when(cli: Cli, past: PlayedList) -> None:
    symbol = next(row["symbol"] for _, rows in past.truth for row in rows)
    stays = json.loads((await cli.run("when", symbol, "--json")).out)
    assert {stay["reason"] for stay in stays if stay["left"]} == {"idle"}
    assert all(stay["list"] == "winners" and stay["symbol"] == symbol for stay in stays)
    text = (await cli.run("when", symbol, "winners")).out
    assert len(text.splitlines()) == len(stays) + 1
    assert [line.endswith("   it had not traded for long") for line in text.splitlines()[1:]] == [
        stay["left"] is not None for stay in stays
    ]
    assert (await cli.run("when", "NOBODY")).out == "NOBODY was in no list\n"
    assert "symbols are case-sensitive" in (await cli.run("when", "nobody", "winners")).out
    assert_error(await cli.run("when", symbol, "loosers"), 2, "nothing is recorded of a list named loosers")
    for more in ((), ("winners",)):
        assert_error(await cli.run("when", symbol, *more, "--day", "yesterday"), 2, "nothing of yesterday is recorded")


async def test_history_and_its_proof(cli: Cli, bus: Bus, past: PlayedList) -> None:
    shown = (await cli.run("history")).out
    assert "winners" in shown
    assert "Fri 2026-11-27 09:30:31 ET" in shown
    kept = json.loads((await cli.run("history", "--json")).out)
    assert kept["lists"][0]["gaps"] == []
    assert kept["bytes"]["real"] > 0
    proof = await cli.run("history", "verify")
    assert proof.code == 0
    assert "all as they were recorded" in proof.out
    await bus.js.publish("gapscan.tape.winners.20261127.1431", b"{}")
    proof = await cli.run("history", "verify")
    assert proof.code == 1
    assert "was added" in proof.out


async def test_without_a_past(cli: Cli, bus: Bus) -> None:
    await ensure_shared(bus, Retention())
    await write_definition(bus, DEFINITION)
    for command in (("history",), ("history", "verify"), ("when", "AAPL")):
        assert_error(await cli.run(*command), 2, "nothing is recorded")


async def test_export(cli: Cli, past: PlayedList, tmp_path: Path) -> None:
    out = tmp_path / "day"
    result = await cli.run("history", "export", "--day", "today", "--out", str(out))
    assert result.code == 0, result.err
    lists = pyarrow.parquet.read_table(out / "lists.parquet").to_pylist()
    moves = pyarrow.parquet.read_table(out / "moves.parquet").to_pylist()
    minutes = sorted({int(line["minute"].timestamp() * 1000) for line in lists})
    assert len(minutes) >= 3
    for minute in minutes:
        rows = past.rows_at(minute - 1000) or []
        assert [line["symbol"] for line in lists if line["minute"].timestamp() * 1000 == minute] == [
            row["symbol"] for row in rows
        ]
    held = {row["symbol"] for row in past.truth[0][1]}
    for move in moves:
        assert (move["symbol"] in held) is (move["action"] == "leave")
        assert move["reason"] == (None if move["action"] == "enter" else "idle")
        held ^= {move["symbol"]}
    nowhere = tmp_path / "none"
    assert_error(
        await cli.run("history", "export", "--day", "yesterday", "--out", str(nowhere)), 2, "nothing of yesterday"
    )
    assert list(nowhere.iterdir()) == []


async def test_the_past_is_played_in_a_pipe(cli: Cli, past: PlayedList) -> None:
    command = cli.command("watch", "winners", "--from", "09:31:00", "--speed", "60", "--top", "50")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, env=cli.env, cwd=cli.home)
    assert process.stdout is not None
    blocks: list[list[str]] = []
    async with asyncio.timeout(60):
        lines: list[str] = []
        while len(blocks) < 3:
            line = (await process.stdout.readline()).decode().rstrip()
            assert line or lines, "it ended"
            blocks, lines = (blocks, [*lines, line]) if line else ([*blocks, lines], [])
    process.terminate()
    await process.wait()
    truth = {-(-time // 1000): [row["symbol"] for row in rows] for time, rows in past.truth}
    for heading, _, *rows in blocks:
        assert "past" in heading
        assert "live" not in heading
        clock = re.search(r"09:3\d:\d\d", heading)
        assert clock is not None
        second = (START + 30_000) // 1000 + (int(clock[0][3:5]) - 31) * 60 + int(clock[0][6:])
        newest = max(each for each in truth if each <= second)
        assert [row.split()[1] for row in rows] == truth[newest]


RIGHT, UP = "\x1b[C", "\x1b[A"


def _second(frame: str) -> int:
    """Of when the frame is, epoch ms."""
    clock = re.search(r"09:3(\d):(\d\d) ET", frame)
    assert clock is not None, frame
    return START + 30_000 + (int(clock[1]) - 1) * 60_000 + int(clock[2]) * 1000


async def test_keys_go_through_the_past_and_back_to_what_is_live(
    cli: Cli, past: PlayedList, terminal: Callable[[int, int], Terminal]
) -> None:
    screen = terminal(110, 9)
    await screen.start(cli, "watch", "winners", "--from", "09:31:00", "--speed", "5")
    await screen.until(lambda: " PAST " in screen.frame and "5x" in screen.frame)
    screen.type(" ")
    await screen.until(lambda: "paused" in screen.frame)
    there = _second(screen.frame)

    def is_there() -> bool:
        wanted = [row["symbol"] for row in past.rows_at(there) or []]
        return _second(screen.frame) == there and _symbols(screen.frame) == wanted[:6]

    for key, seconds in ((RIGHT, 10), (UP, 60), (RIGHT, 10)):
        there += seconds * 1000
        screen.type(key)
        await screen.until(is_there)
    screen.type("+ ")
    await screen.until(lambda: "10x" in screen.frame)
    screen.type("l")
    await screen.until(lambda: " PAST " not in screen.frame and "winners" in screen.frame)
    assert _symbols(screen.frame)[0] == past.publisher.rows[0]["symbol"]
    screen.type("q")
    assert await screen.ended() == 0


def _symbols(frame: str) -> list[str]:
    return [row.split()[1] for row in frame.split("\n")[2:-1] if row.strip()]


async def test_speed_needs_a_time(cli: Cli, past: PlayedList) -> None:
    assert_error(await cli.run("watch", "winners", "--speed", "10"), 2, "--from")
    assert_error(await cli.run("watch", "winners", "--from", "04:00"), 2, "its past begins at 2026-11-27 09:30")
