"""A real nats-server for tests: on a free port, killable, startable again on the same port and store."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from gapscan.bus.client import BusOptions
from gapscan.supervisor import nats_server, ports

PASSWORD, READER_PASSWORD, GAPPERS_PASSWORD = "writers-secret", "readers-secret", "gappers-secret"
PROGRAM_PASSWORD = "programs-secret"
ACCOUNTS = {
    "GAPSCAN_PASSWORD": PASSWORD,
    "GAPSCAN_READER_PASSWORD": READER_PASSWORD,
    "GAPSCAN_GAPPERS_PASSWORD": GAPPERS_PASSWORD,
    "GAPSCAN_PROGRAM_PASSWORD": PROGRAM_PASSWORD,
    "GAPSCAN_SYSTEM_PASSWORD": "systems-secret",
}


class NatsServer:
    """One server process; `data` keeps its store over restarts.

    With `accounts` it has those of accounts.conf, of which a function may make others.
    `more` is added to its configuration, and can be changed with `reconfigure`; `env` is added to its environment.
    """

    def __init__(
        self, data: Path, *, accounts: bool | Callable[[str], str] = False, more: str = "", **env: str
    ) -> None:
        self.data = data
        self._accounts = accounts
        self._more = more
        self._env = {**os.environ, **ACCOUNTS, **env}
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._ports: nats_server.PortsFile | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def services(self) -> BusOptions:
        """How the services connect to a server with accounts."""
        return BusOptions(self.url, "gapscan", PASSWORD)

    @property
    def reader(self) -> BusOptions:
        """How whoever reads lists connects to it."""
        return BusOptions(self.url, "reader", READER_PASSWORD, inbox_prefix="_INBOX_reader")

    @property
    def program(self) -> BusOptions:
        """How a program that acts on events does, where accounts.conf lets one in."""
        return BusOptions(self.url, "program", PROGRAM_PASSWORD, inbox_prefix="_INBOX_program")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, and return once it listens."""
        self.data.mkdir(parents=True, exist_ok=True)
        self._ports = self._ports or nats_server.PortsFile()
        file = self._ports
        self._process = subprocess.Popen(self._command(file), env=self._env)
        deadline = time.monotonic() + 20
        while self.port == 0:
            self.port = file.port() or 0
            assert self._process.poll() is None, "nats-server ended; its log is in " + str(self.data)
            assert time.monotonic() < deadline, "nats-server does not say its port"
            time.sleep(0.005)
        while ports.is_free(self.port):
            assert time.monotonic() < deadline, "nats-server does not listen"
            time.sleep(0.005)

    def _command(self, file: nats_server.PortsFile) -> list[str]:
        command = nats_server.command(self.port, self.data, file)
        command[0] = os.environ.get("NATS_SERVER", command[0])  # another version of it
        if self._more or self._accounts:
            conf = nats_server.server_conf()
            shutil.copy(conf, self.data)  # included files are looked for beside the one that includes them
            if self._accounts:
                text = conf.with_name("accounts.conf").read_text("utf-8")
                (self.data / "accounts.conf").write_text(text if self._accounts is True else self._accounts(text))
            command[command.index("-c") + 1] = str(self._write())
        return command

    def _write(self) -> Path:
        both = self.data / "both.conf"
        accounts = 'include "accounts.conf"\n' if self._accounts else ""
        both.write_text(f'include "server.conf"\n{accounts}{self._more}\n')
        return both

    def reload(self, accounts: Callable[[str], str]) -> None:
        """Have it read other accounts, as an operator does who changed the file."""
        path = self.data / "accounts.conf"
        path.write_text(accounts(path.read_text("utf-8")))
        os.kill(self.pid, signal.SIGHUP)

    def reconfigure(self, more: str) -> None:
        """Have it read another configuration while it runs; what is connected hears of it at once."""
        assert self._more
        self._more = more
        self._write()
        self.signal("reload")

    async def restart_with(self, more: str) -> None:
        """kill -9, and start it again with another configuration."""
        assert self._more
        self._more = more
        await self.restart()

    def signal(self, what: str) -> None:
        """What `nats-server --signal` knows: reload, ldm ..."""
        subprocess.run([nats_server.binary(), "--signal", f"{what}={self.pid}"], check=True)

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    async def restart(self, pause: float = 0.0) -> None:
        """kill -9, and start it again on the same port and store."""
        await asyncio.to_thread(self.kill)
        await asyncio.sleep(pause)
        await asyncio.to_thread(self.start)

    def close(self) -> None:
        """End it, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
        if self._ports is not None:
            self._ports.close()


@asynccontextmanager
async def server_with(path: Path, more: str) -> AsyncIterator[NatsServer]:
    """A server with `more` in its configuration, for as long as the block."""
    server = NatsServer(path / "nats-server", more=more)
    try:
        await asyncio.to_thread(server.start)
        yield server
    finally:
        await asyncio.to_thread(server.close)
