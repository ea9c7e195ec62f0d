"""DATA_DIR/run.json: what `gapscan up` has running, for scripts and for commands that look for it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
import psutil
from msgspec import Struct

from gapscan.config import user_data_dir
from gapscan.errors import ConfigError
from gapscan.files import replace_file

FILE_NAME: Final = "run.json"


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


def read_default() -> RunFile | None:
    """The set that runs where `gapscan up` keeps its data by default; None when there is none, or no home for it."""
    try:
        return read(user_data_dir())
    except ConfigError:
        return None


def read(data: Path) -> RunFile | None:
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
