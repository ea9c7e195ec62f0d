"""The server of `gapscan up`: it has a login, and keeps the port that it took over its restarts."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from msgspec import Struct

from gapscan.bus.client import BusOptions
from gapscan.config import NatsSection
from gapscan.errors import ConfigError
from gapscan.protocol.names import PREFIX
from gapscan.supervisor import nats_server, ports
from gapscan.supervisor.process import Process

_POLL_SECONDS: Final = 0.01
_END_SECONDS: Final = 5.0


class Login(Struct, frozen=True):
    """The one user of an embedded server: only who can read run.json gets in."""

    user: str
    password: str

    def environment(self) -> dict[str, str]:
        """How the server is told, and nobody else: a command line is there for every user of the machine to read."""
        return {"GAPSCAN_EMBEDDED_USER": self.user, "GAPSCAN_EMBEDDED_PASSWORD": self.password}


def new_login() -> Login:
    """A user with a new password, which begins with a letter: NATS takes what looks like a number for one."""
    return Login("gapscan", f"p{secrets.token_hex(16)}")


class EmbeddedServer:
    """Makes the server's process, starts it, and says how it is reached."""

    def __init__(self, prefix: str = PREFIX) -> None:
        self._prefix = prefix
        self.login = new_login()
        self._ports_file = nats_server.PortsFile()
        self._port = 0
        self._store = Path()
        self._process: Process | None = None

    @property
    def url(self) -> str:
        """Where it listens, once it has started."""
        return f"nats://127.0.0.1:{self._port}"

    @property
    def options(self) -> BusOptions:
        """How to connect to it."""
        return BusOptions(self.url, self.login.user, self.login.password, prefix=self._prefix)

    def section(self, given: NatsSection) -> NatsSection:
        """What the settings say of streams, with the way to this server: theirs leads to another."""
        return NatsSection(
            url=self.url,
            user=self.login.user,
            password=self.login.password,
            prefix=self._prefix,
            replicas=given.replicas,
            delta_max_age=given.delta_max_age,
            delta_max_bytes=given.delta_max_bytes,
            state_max_bytes=given.state_max_bytes,
            events_max_age=given.events_max_age,
            events_max_bytes=given.events_max_bytes,
        )

    def process(self, port: int, store: Path, started: Callable[[], None]) -> Process:
        """The process, not yet started; port 0 takes a free one. `started` is called after each start."""
        self._port, self._store = port, store
        env = {**nats_server.RUNTIME, **self.login.environment()}
        self._process = Process("nats", self._command(self._ports_file), env, started)
        return self._process

    async def start(self, seconds: float) -> None:
        """Start it, and return when it listens. Raises ConfigError when it ends before, BusError after `seconds`."""
        assert self._process is not None  # for the type checker: process() came before
        await self._process.start()
        self._port = self._port or await self._port_taken(self._process)
        self._process.command = self._command()
        await ports.listening(self._port, seconds, self._process.lives)

    async def restart(self) -> None:
        """End the process; whoever keeps it starts it again."""
        if self._process is not None:
            self._process.ask_to_end()
            await self._process.ended(_END_SECONDS)

    def _command(self, ports_file: nats_server.PortsFile | None = None) -> list[str]:
        return nats_server.command(self._port, self._store, ports_file, nats_server.embedded_conf())

    async def _port_taken(self, process: Process) -> int:
        while (port := self._ports_file.port()) is None:
            if process.pid is None:
                raise ConfigError("nats-server did not start", remedy="nats.log in the data directory says why")
            await asyncio.sleep(_POLL_SECONDS)
        return port

    def close(self) -> None:
        """Remove what was written down of its port."""
        self._ports_file.close()
