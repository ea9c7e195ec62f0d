"""One supervised process: started, started again when it dies, ended on request."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from gapscan.obs import logger
from gapscan.runtime import SUPERVISED_VARIABLE, Backoff

_HEALTHY_SECONDS: Final = 10.0
_log = logger("up")


class Process:
    """Keeps `command` running until cancelled. `started` is called after each start."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        env: Mapping[str, str],
        started: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.command = command
        self.restarts = 0
        self._env = env
        self._started = started
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process else None

    def lives(self) -> bool:
        """Whether it runs."""
        return self.pid is not None

    async def start(self) -> None:
        """Start it. A start that is cancelled is still finished: uvloop would leave a child that nobody knows."""
        starting = asyncio.ensure_future(self._spawn())
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            await starting
            raise

    async def _spawn(self) -> None:
        """The child has a session of its own, so that Ctrl-C reaches the supervisor alone."""
        self._process = await asyncio.create_subprocess_exec(
            *self.command,
            env={**os.environ, **self._env},
            stdin=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        self._started()

    async def keep(self) -> None:
        """Start it again whenever it ends."""
        backoff = Backoff(0.1, 5.0)
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            if not self.lives() and not await self._starts():
                await asyncio.sleep(backoff.next())
                continue
            code = await self._wait()
            if loop.time() - began > _HEALTHY_SECONDS:
                backoff.reset()
            self.restarts += 1
            wait = backoff.next()
            _log.warning("%s ended, starting it again", self.name, extra={"code": code, "in": round(wait, 2)})
            await asyncio.sleep(wait)

    async def _starts(self) -> bool:
        """Start it; False when the machine has no room for one more process, which the others are not to pay for."""
        try:
            await self.start()
        except OSError as error:
            _log.error("%s cannot be started, trying again: %s", self.name, error)
            return False
        return True

    async def _wait(self) -> int:
        assert self._process is not None  # for the type checker: start() came before
        return await self._process.wait()

    def ask_to_end(self) -> None:
        """Send SIGTERM."""
        self._signal(signal.SIGTERM)

    async def ended(self, seconds: float) -> None:
        """Wait for the end; after `seconds`, force it."""
        if self._process is None:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._process.wait()
        except TimeoutError:
            _log.warning("%s does not end, killing it", self.name)
            self._signal(signal.SIGKILL)
            await self._process.wait()

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)


def service_process(name: str, env: Mapping[str, str], started: Callable[[], None]) -> Process:
    """A gapscan service as a child of this process, which it does not outlive."""
    command = [sys.executable, "-m", "gapscan.supervisor.run_service", name]
    return Process(name, command, {**env, SUPERVISED_VARIABLE: "1"}, started)
