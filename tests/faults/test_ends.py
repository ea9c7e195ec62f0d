"""Services and `up` end when they are asked to, whatever they are waiting for, and recover what NATS has lost."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from nats.js.errors import NotFoundError

from gapscan.bus.client import Bus, connect
from gapscan.bus.definitions import read_definitions
from gapscan.client.api import follow
from gapscan.protocol import names
from tests.support.processes import started
from tests.support.up import running_set


@pytest.mark.parametrize("service", ["ranker", "hot", "feed", "bridge"])
async def test_a_service_that_waits_for_nats_ends_when_asked(service: str) -> None:
    settings = {"NATS_URL": "nats://127.0.0.1:1", "POLYGON_SIMULATED": "true", "BRIDGE_PORT": "0"}
    env = {**os.environ, **{f"GAPSCAN_{name}": value for name, value in settings.items()}}
    command = (sys.executable, "-m", "gapscan.supervisor.run_service", service)
    async with started(*command, env=env, stderr=asyncio.subprocess.PIPE) as process:
        assert process.stderr is not None
        while b"waiting for NATS" not in await asyncio.wait_for(process.stderr.readline(), 30):
            assert process.returncode is None
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) == 0


async def _up(data: Path, *more: str) -> tuple[int, bytes]:
    command = (
        sys.executable,
        "-m",
        "gapscan_cli",
        "up",
        "--data",
        str(data),
        "--nats-port",
        "0",
        "--http-port",
        "0",
        *more,
    )
    pipe = asyncio.subprocess.PIPE
    async with started(*command, *more, stdout=pipe, stderr=pipe) as process:
        _, errors = await asyncio.wait_for(process.communicate(), 25)
        assert process.returncode is not None
        return process.returncode, errors


async def test_up_gives_up_at_once_when_a_part_cannot_start(tmp_path: Path) -> None:
    code, errors = await _up(tmp_path / "data", "--replay", str(tmp_path), "--day", "2024-07-01")
    assert code == 2
    assert b"ended before it was ready" in errors
    assert not (tmp_path / "data" / "run.json").exists()


async def test_up_says_when_its_data_directory_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    code, errors = await _up(tmp_path / "file" / "data")
    assert code == 2
    assert b"cannot be written" in errors
    assert b"Traceback" not in errors


async def _has_reference(bus: Bus) -> bool:
    with suppress(NotFoundError):
        return (await bus.js.stream_info(names.DEFAULT.stream_reference)).state.messages > 0
    return False


@pytest.mark.timeout(120)
async def test_lists_come_back_after_nats_has_lost_everything(tmp_path: Path) -> None:
    """All streams are gone: lists begin a new epoch, and the feed tells again what the ranker has to know."""
    async with (
        running_set(tmp_path, symbols=400, start="09:40", speed=20) as up,
        connect(up.nats, "test") as bus,
    ):
        while "most_active" not in {definition.name for definition in await read_definitions(bus)}:
            await asyncio.sleep(0.05)
        epochs: list[str] = []
        async for view in follow("most_active", bus=bus):
            if not view.rows or view.state != "live" or view.epoch in epochs:
                continue
            epochs.append(view.epoch)
            if len(epochs) == 2:
                assert len(view.rows) > 20
                break
            for info in await bus.js.streams_info():
                await bus.js.delete_stream(info.config.name or "")
        while not await _has_reference(bus):  # the feed tells it again with its next scan
            await asyncio.sleep(0.05)
