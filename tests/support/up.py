"""`gapscan up` as its user starts it: a process of its own, on a free port, with a small simulated market."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gapscan import runfile
from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.running import with_login
from tests.support.nats import NatsServer

ALL = {"nats", "sim", "feed", "ranker", "hot", "events", "recorder", "bridge"}


class RunningSet:
    """A running `gapscan up` on the data directory `data`."""

    def __init__(self, root: Path, env: dict[str, str]) -> None:
        self.data = root / "data"
        self._env = {**os.environ, **env}
        self._env.pop("POLYGON_API_KEY", None)
        self._log = root / "up.log"
        self._process: asyncio.subprocess.Process | None = None

    def command(self) -> list[str]:
        return [
            sys.executable,
            "-m",
            "gapscan_cli",
            "up",
            "--data",
            str(self.data),
            "--nats-port",
            "0",
            "--http-port",
            "0",
        ]

    async def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.command(), env=self._env, stdout=log, stderr=log, start_new_session=True
            )
        async with asyncio.timeout(60):
            while not (self._mine() and self.pids_by_name().keys() >= ALL):
                assert self._process.returncode is None, self._log.read_text()
                await asyncio.sleep(0.02)

    def _mine(self) -> bool:
        found = runfile.read_any(self.data)
        return found is not None and self._process is not None and found.pid == self._process.pid

    @property
    def nats(self) -> BusOptions:
        """How to reach its NATS, which asks for a login."""
        found = runfile.read(self.data)
        assert found is not None, self._log.read_text()
        return with_login(BusOptions(found.nats_url), self.data)

    def log(self) -> str:
        """What was logged so far."""
        return self._log.read_text()

    def pids_by_name(self) -> dict[str, int]:
        found = runfile.read_any(self.data)
        return {name: process.pid for name, process in found.services.items()} if found else {}

    def pid(self, name: str) -> int:
        return self.pids_by_name()[name]

    def pids(self) -> list[int]:
        return list(self.pids_by_name().values())

    async def replaced(self, name: str, old: int) -> None:
        """Wait until a new process has taken the place of `old`."""
        async with asyncio.timeout(30):
            while self.pids_by_name().get(name, old) == old:
                await asyncio.sleep(0.02)

    async def interrupt(self, number: signal.Signals = signal.SIGINT) -> int:
        """Ctrl-C, or another signal, and the exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        return await asyncio.wait_for(self._process.wait(), 20)

    async def kill(self) -> None:
        """kill -9 of the supervisor alone."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def close(self) -> None:
        """End it, if it runs: by asking, so that it ends its own children; by force if it does not obey."""
        if self._process is None or self._process.returncode is not None:
            return
        try:
            await self.interrupt()
        finally:
            if self._process.returncode is None:
                await self.kill()


@asynccontextmanager
async def running_set(root: Path, *, symbols: int, start: str, speed: float, **more: str) -> AsyncIterator[RunningSet]:
    """Start a set, and end it."""
    running = RunningSet(
        root,
        {"GAPSCAN_SIM_SYMBOLS": str(symbols), "GAPSCAN_SIM_START": start, "GAPSCAN_SIM_SPEED": str(speed), **more},
    )
    try:
        await running.start()
        yield running
    finally:
        await running.close()


@asynccontextmanager
async def stored_set(root: Path) -> AsyncIterator[Bus]:
    """What a set of a simulated market that does not run has in NATS: a server alone, on the set's own store."""
    server = NatsServer(root / "data" / "simulated")
    await asyncio.to_thread(server.start)
    try:
        async with connect(BusOptions(server.url), "test") as bus:
            yield bus
    finally:
        await asyncio.to_thread(server.close)
