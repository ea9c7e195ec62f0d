"""Child processes that no failing test leaves behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

_PATIENCE = 20.0


@asynccontextmanager
async def started(*command: str, **settings: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that does not outlive the block, whatever happens in it."""
    process = await asyncio.create_subprocess_exec(*command, **settings)
    try:
        yield process
    finally:
        await end_process(process)


async def end_process(process: asyncio.subprocess.Process) -> None:
    """End what still runs: by asking, so that it ends its own children; by force if it does not obey."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        # What it still says is read: a full pipe would keep it.
        await asyncio.wait_for(process.communicate(), _PATIENCE)
    except TimeoutError:
        process.kill()
        await process.wait()
