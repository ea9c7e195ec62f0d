"""`gapscan` as its user runs it: real processes, with pipes or on a terminal."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import re
import struct
import sys
import termios
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import end_process
from tests.support.until import PATIENCE, until

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_FRAME = re.compile(r"\x1b\[\?2026h(.*?)\x1b\[\?2026l", re.DOTALL)
ALTERNATE_SCREEN, NORMAL_SCREEN = "\x1b[?1049h", "\x1b[?1049l"
SHOW_CURSOR = "\x1b[?25h"


@dataclass
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str


def assert_error(result: Result, code: int, *words: str) -> None:
    """One line on stderr, the right exit code, and no traceback."""
    assert (result.code, result.out) == (code, ""), result
    assert re.fullmatch(r"error: .+\n", result.err), result.err
    for word in words:
        assert word in result.err


class Cli:
    """Starts commands in an empty directory, without any settings of this machine."""

    def __init__(self, home: Path) -> None:
        self.home = home
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("GAPSCAN_", "XDG_", "POLYGON"))}
        self.env = {**kept, "HOME": str(home), "TERM": "xterm-256color"}

    def command(self, *arguments: str) -> tuple[str, ...]:
        """What starts `gapscan` with these arguments."""
        return (sys.executable, "-m", "gapscan_cli", *arguments)

    async def start(self, *arguments: str, **options: object) -> asyncio.subprocess.Process:
        """A running command with pipes, unless `options` say otherwise."""
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), asyncio.subprocess.PIPE)
        command = self.command(*arguments)
        settings = {**pipes, "cwd": self.home, "env": self.env, **options}
        return await asyncio.create_subprocess_exec(*command, **settings)  # type: ignore[arg-type]

    async def run(self, *arguments: str, env: dict[str, str] | None = None) -> Result:
        """A command from its start to its end."""
        async with running(await self.start(*arguments, env={**self.env, **(env or {})})) as process:
            out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
        return Result(process.returncode or 0, out.decode(), err.decode())

    async def python(self, program: str) -> str:
        """What a Python program says that this user runs."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, env=self.env, cwd=self.home
        )
        async with running(process):
            return (await asyncio.wait_for(process.communicate(), PATIENCE))[0].decode()


@asynccontextmanager
async def running(process: asyncio.subprocess.Process) -> AsyncIterator[asyncio.subprocess.Process]:
    """The process; it does not outlive the block, nor do those that it started."""
    try:
        yield process
    finally:
        await end_process(process)


class Terminal:
    """A pseudo terminal with one command on it; remembers all that was written to it."""

    def __init__(self, columns: int, lines: int) -> None:
        self._master, self._slave = pty.openpty()
        self.process: asyncio.subprocess.Process | None = None
        self.written = ""
        self._set_size(columns, lines)
        self.modes = termios.tcgetattr(self._slave)

    async def start(self, cli: Cli, *arguments: str) -> None:
        """Start a command whose terminal this is, Ctrl-C included."""
        self.process = await cli.start(
            *arguments,
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            preexec_fn=self._take_over,
        )
        asyncio.get_running_loop().add_reader(self._master, self._read)

    def _take_over(self) -> None:
        """In the command's process: uvloop calls this before it begins a session or has the files in their places."""
        os.setsid()
        fcntl.ioctl(self._slave, termios.TIOCSCTTY, 0)

    def _read(self) -> None:
        with suppress(OSError):
            self.written += os.read(self._master, 65536).decode("utf-8", "replace")

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def resize(self, columns: int, lines: int) -> None:
        """What a terminal window does when it is pulled."""
        self._set_size(columns, lines)

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    def frames(self) -> list[str]:
        """The frames that were painted, without colours."""
        return [_ESCAPES.sub("", frame).replace("\r", "") for frame in _FRAME.findall(self.written)]

    @property
    def frame(self) -> str:
        """The newest frame."""
        return (self.frames() or [""])[-1]

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until the terminal shows what is wanted."""
        await until(condition, self._showing)

    def _showing(self) -> str:
        return f"what the terminal does not show: its last frame is\n{self.frame}\nof\n{self.written[-2000:]!r}"

    async def ended(self) -> int:
        """The exit code."""
        assert self.process is not None
        return await asyncio.wait_for(self.process.wait(), PATIENCE)

    def restored(self) -> bool:
        """Whether the terminal is as it was before the command."""
        on_normal = self.written.rfind(NORMAL_SCREEN) >= self.written.rfind(ALTERNATE_SCREEN)
        return on_normal and termios.tcgetattr(self._slave) == self.modes

    def close(self) -> None:
        """End the command if it runs, and the terminal."""
        asyncio.get_running_loop().remove_reader(self._master)
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
        os.close(self._master)
        os.close(self._slave)
