"""A disk that is full: said at once, where; and everything goes on when there is room again."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from gapscan import runfile
from gapscan.bus.client import Bus, connect
from gapscan.client.api import Follower, ListView
from gapscan.runtime import end
from gapscan.service.status import collect
from tests.support.until import until
from tests.support.up import RunningSet, running_set

pytestmark = pytest.mark.timeout(180)

LIST, SIZE = "most_active", "48m"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small tmpfs")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"a small tmpfs cannot be mounted: {mounted.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def fill(file: Path) -> None:
    """Take all the room that there is."""
    with file.open("ab", buffering=0) as growing:
        try:
            while growing.write(b"0" * 4096):
                pass
        except OSError:
            pass


@asynccontextmanager
async def following(bus: Bus) -> AsyncIterator[list[ListView]]:
    views: list[ListView] = []

    async def follow() -> None:
        async for view in Follower(bus, LIST).views():
            views.append(view)

    task = asyncio.create_task(follow())
    try:
        yield views
    finally:
        await end(task)


async def problems(bus: Bus) -> list[str]:
    return (await collect(bus)).problems


def readiness(up: RunningSet) -> str:
    found = runfile.read_any(up.data)
    assert found is not None
    assert found.http_url is not None
    with urllib.request.urlopen(found.http_url + "readyz", timeout=5) as answer:
        return str(msgspec.json.decode(answer.read()).get("why", ""))


async def test_a_full_disk_is_said_and_got_over(small_disk: Path, tmp_path: Path) -> None:
    filler = small_disk / "filler"
    (small_disk / "up.log").symlink_to(tmp_path / "up.log")  # there is no room to say anything either
    async with running_set(small_disk, symbols=300, start="09:31", speed=20) as up, connect(up.nats, "test") as bus:
        await until(lambda: collected_healthy(bus), "all to be well")
        async with following(bus) as views:
            await until(lambda: views and views[-1].state == "live", "a live list")
            epoch, began = views[-1].epoch, len(views)
            await asyncio.to_thread(fill, filler)

            async def said() -> bool:
                await asyncio.to_thread(fill, filler)  # what is deleted meanwhile makes room
                return any("NATS has stored nothing for" in one for one in await problems(bus))

            await until(said, "status to say so", 30)
            (line,) = [one for one in await problems(bus) if "NATS has stored nothing for" in one]
            assert re.search(r"in .*(bucket gapscan-|gapscan\.)", line), line
            await until(lambda: views[-1].state == "stale", "the list to say that it is stale", 30)
            await until(lambda: asyncio.to_thread(lambda: LIST in readiness(up)), "the bridge to say so", 30)
            await asyncio.to_thread(fill, filler)
            os.kill(before := up.pid("hot"), signal.SIGKILL)  # what comes after it, there is no room to write down
            await until(lambda: "run.json cannot be written" in up.log() or up.pid("hot") != before, "its next start")
            filler.unlink()
            reached = views[-1].sequence
            await until(lambda: views[-1].sequence > reached + 2 and views[-1].state == "live", "the list to move", 60)
            await until(lambda: collected_healthy(bus), "all to be well again")
            assert {view.epoch for view in views} == {epoch}
            assert all(view.rows for view in views[began:])
            assert views[-1].link.mismatches == 0
            await until(lambda: up.pid("hot") != before, "the file to say what runs")
        assert "the disk is full" in up.log()


async def collected_healthy(bus: Bus) -> bool:
    report = await collect(bus)
    return report.healthy and LIST in report.lists
