"""DATA_DIR/run.json: what `gapscan up` has running, for scripts and for whoever looks for it.

It has the login of the set's own NATS, so that it is readable by the user alone who runs the set.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from gapscan.config import user_data_dir
from gapscan.errors import ConfigError
from gapscan.files import replace_file
from gapscan.pids import birth_of
from gapscan.protocol.names import PREFIX

FILE_NAME: Final = "run.json"
_THIS_MACHINE: Final = ("127.0.0.1", "localhost")


class RunningProcess(Struct):
    """One process of the set. At `metrics_url` Prometheus reads its figures; nats-server has none."""

    pid: int
    metrics_url: str | None = None


class RunFile(Struct):
    """The running set. `pid` is the supervisor's, and `birth` says which of the processes of that id it is; user and
    password are those of its NATS, and the set's names there begin with `prefix`.
    """

    pid: int
    nats_url: str
    http_url: str | None
    simulated: bool
    services: dict[str, RunningProcess]
    nats_user: str | None = None
    nats_password: str | None = None
    birth: str | None = None
    prefix: str = PREFIX

    @property
    def lives(self) -> bool:
        """Whether the supervisor runs. One that an earlier version started did not say when it was born."""
        found = birth_of(self.pid)
        return found is not None and self.birth in (None, found)

    def serves(self, url: str) -> bool:
        """Whether `url` is the set's NATS."""
        try:
            wanted = urlsplit(url)
            return wanted.hostname in _THIS_MACHINE and wanted.port == urlsplit(self.nats_url).port
        except ValueError:  # the port is none
            return False


def write(data: Path, content: RunFile) -> None:
    """Say what runs on `data`. Raises OSError."""
    text = msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
    replace_file(data / FILE_NAME, text, private=True)


def read(data: Path | None = None) -> RunFile | None:
    """The set that runs on `data`, by default the usual directory, or None when there is none alive."""
    try:
        found = read_any(data or user_data_dir())
    except ConfigError:  # there is no home for it
        return None
    return found if found and found.lives else None


def read_any(data: Path) -> RunFile | None:
    """The set that was last written down, alive or not."""
    try:
        return msgspec.json.decode((data / FILE_NAME).read_bytes(), type=RunFile)
    except (OSError, msgspec.DecodeError):
        return None


def remove(data: Path) -> None:
    """Nothing runs on `data` any more."""
    (data / FILE_NAME).unlink(missing_ok=True)
