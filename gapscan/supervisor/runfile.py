"""DATA_DIR/run.json: what `gapscan up` has running, for scripts and for commands that look for it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec
import psutil
from msgspec import Struct

from gapscan.files import replace_file

FILE_NAME: Final = "run.json"


def default_data() -> Path:
    """Where `gapscan up` keeps its data unless told otherwise."""
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "gapscan"


DEFAULT_DATA: Final = default_data()


class RunningProcess(Struct):
    """One process of the set. At `metrics_url` Prometheus reads its figures; nats-server has none."""

    pid: int
    metrics_url: str | None = None


class RunFile(Struct):
    """The running set. `pid` is the supervisor's."""

    pid: int
    nats_url: str
    http_url: str | None
    simulated: bool
    services: dict[str, RunningProcess]


def write(data: Path, content: RunFile) -> None:
    """Say what runs on `data`. Raises OSError."""
    replace_file(data / FILE_NAME, msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")


def read(data: Path = DEFAULT_DATA) -> RunFile | None:
    """The set that runs on `data`, or None when there is none alive."""
    found = read_any(data)
    return found if found and psutil.pid_exists(found.pid) else None


def read_any(data: Path) -> RunFile | None:
    """The set that was last written down, alive or not."""
    try:
        return msgspec.json.decode((data / FILE_NAME).read_bytes(), type=RunFile)
    except (OSError, msgspec.DecodeError):
        return None


def remove(data: Path) -> None:
    """Nothing runs on `data` any more."""
    (data / FILE_NAME).unlink(missing_ok=True)
