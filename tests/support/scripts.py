"""Scripts as their users run them: in a process of their own, ended with Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from tests.support.until import PATIENCE, until

Action = Callable[[], Awaitable[object]]


class RunningScript:
    """A Python process, and what it has said so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.out: list[str] = []
        self.err: list[str] = []
        self._process = process
        assert process.stdout is not None
        assert process.stderr is not None
        self._readers = [
            asyncio.create_task(_collect(process.stdout, self.out)),
            asyncio.create_task(_collect(process.stderr, self.err)),
        ]

    async def says(self, wanted: str, meanwhile: Action | None = None) -> None:
        """Wait until one of its lines has `wanted` in it, doing something again and again meanwhile."""
        await self._has(self.out, wanted, meanwhile)

    async def complains(self, wanted: str) -> None:
        """The same on its standard error."""
        await self._has(self.err, wanted)

    async def _has(self, lines: list[str], wanted: str, meanwhile: Action | None = None) -> None:
        def found() -> bool:
            return any(wanted in line for line in lines)

        async def done() -> bool:
            if meanwhile is not None:
                await meanwhile()
            return found() or all(reader.done() for reader in self._readers)

        await until(done, lambda: f"{wanted!r} in {self.out} {self.err}")
        assert found(), f"it ended without saying {wanted!r}: {self.out} {self.err}"

    @property
    def ended(self) -> bool:
        return self._process.returncode is not None

    async def interrupt(self) -> int:
        """Ctrl-C, and the exit code."""
        self._process.send_signal(signal.SIGINT)
        return await self.end()

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()

    async def end(self) -> int:
        """Wait until it has ended by itself; the exit code."""
        await asyncio.wait_for(asyncio.gather(*self._readers), PATIENCE)
        return await asyncio.wait_for(self._process.wait(), PATIENCE)


async def _collect(stream: asyncio.StreamReader, lines: list[str]) -> None:
    while line := await stream.readline():
        lines.append(line.decode().rstrip("\n"))


@asynccontextmanager
async def running_script(*arguments: str, env: Mapping[str, str] | None = None) -> AsyncIterator[RunningScript]:
    """`python ARGUMENTS`, without any settings of this machine; it does not outlive the block."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GAPSCAN_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-u",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**kept, **(env or {})},
        limit=1 << 20,
    )
    script = RunningScript(process)
    try:
        yield script
    finally:
        if not script.ended:
            process.kill()
        await script.end()
