"""The directory that a set keeps its data in: made, locked, and cleared of what an earlier set left running."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

from gapscan import runfile
from gapscan.config import expanded
from gapscan.errors import ConfigError

LOCK_NAME: Final = "up.lock"


def made(data: Path) -> Path:
    """The data directory by its one full name, which the server's command line bears."""
    try:
        data = expanded(data).resolve()
        if not data.exists():
            data.mkdir(parents=True, mode=0o700)
        (data / LOCK_NAME).touch()
    except OSError as error:
        raise ConfigError(
            f"{data} cannot be written: {error.strerror}", remedy="give --data another directory"
        ) from None
    return data


@contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Only one set runs on a data directory: two servers on one store would ruin it."""
    with (data / LOCK_NAME).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(
                f"another gapscan is running on {data}", remedy="end it, or give --data another directory"
            ) from None
        yield


def end_orphans(data: Path) -> None:
    """End what a supervisor that was killed left behind: the server, which does not notice by itself."""
    found = runfile.read_any(data)
    if found is None or "nats" not in found.services:
        return
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(found.services["nats"].pid)
        if any(argument.startswith(f"{data}{os.sep}") for argument in process.cmdline()):
            _end(process)
    runfile.remove(data)


def _end(process: psutil.Process) -> None:
    try:
        process.terminate()
        process.wait(5)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(5)
