"""One supervised process."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from gapscan.supervisor.process import Process
from tests.support.until import until


async def test_a_process_whose_start_is_cancelled_is_known_and_can_be_ended() -> None:
    started: list[str] = []
    process = Process("sleeper", ["sleep", "60"], {}, lambda: started.append("sleeper"))
    start = asyncio.create_task(process.start())
    await asyncio.sleep(0)

    start.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await start

    assert start.cancelled()
    assert process.lives()
    assert started == ["sleeper"]
    process.ask_to_end()
    await process.ended(5)
    assert not process.lives()


async def test_a_process_that_cannot_be_started_is_tried_again(tmp_path: Path) -> None:
    command = tmp_path / "sleeper"
    process = Process("sleeper", [str(command)], {})
    keeper = asyncio.create_task(process.keep())
    await asyncio.sleep(0.05)
    assert not keeper.done(), "nobody else is ended by it"
    command.write_text("#!/bin/sh\nexec sleep 60\n")
    command.chmod(0o700)

    await until(process.lives, "its start")
    keeper.cancel()
    process.ask_to_end()
    await process.ended(5)
    with contextlib.suppress(asyncio.CancelledError):
        await keeper
