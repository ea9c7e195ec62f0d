"""One supervised process."""

from __future__ import annotations

import asyncio
import contextlib

from gapscan.supervisor.process import Process


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
