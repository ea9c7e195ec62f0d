"""The server as compose.yaml starts it, with passwords that NATS would misread, and with TLS."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gapscan.bus.client import BusOptions, connect
from gapscan.bus.topology import Retention, ensure_shared
from gapscan.errors import BusError
from gapscan.supervisor import nats_server, ports
from tests.support.deploy import COMPOSE, DEPLOY, documents
from tests.support.nats import NatsServer
from tests.support.processes import started
from tests.support.until import PATIENCE, until

ENV_FILE = {
    "GAPSCAN_PASSWORD": "12345",
    "GAPSCAN_READER_PASSWORD": "a; b #{$x}\\",
    "GAPSCAN_SYSTEM_PASSWORD": "true",
}
_VARIABLE = re.compile(r"\$\{(\w+):\?\}")


def interpolated(text: str) -> str:
    """As compose puts in what .env has."""
    return _VARIABLE.sub(lambda found: ENV_FILE[found[1]], text)


@asynccontextmanager
async def as_compose_does(folder: Path) -> AsyncIterator[tuple[str, str]]:
    """The container's command with its files, on ports of this machine; its address, and the monitor's."""
    service: dict[str, Any] = documents(COMPOSE)[0]["services"]["nats"]
    for volume in service["volumes"]:
        source, target, *_ = volume.split(":")
        if target.startswith("/etc/nats/"):
            (folder / Path(target).name).write_text((DEPLOY / source).read_text("utf-8"))
    client, monitor = ports.free_port(), ports.free_port()
    places = {"/etc/nats": str(folder), "4222": str(client), "8222": str(monitor), "/data": str(folder / "data")}
    command = service["command"]
    for place, here in places.items():
        assert sum(place in part for part in command) == 1
        command = [part.replace(place, here) for part in command]
    env = {name: interpolated(value) for name, value in service["environment"].items()}
    options = {"env": {**os.environ, **env}, "stderr": asyncio.subprocess.DEVNULL}
    async with started(nats_server.binary(), "-a", "127.0.0.1", *command, **options) as process:
        await ports.listening(client, PATIENCE, lambda: process.returncode is None)
        yield f"nats://127.0.0.1:{client}", f"http://127.0.0.1:{monitor}"


def reached(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


async def test_the_server_of_compose(tmp_path: Path) -> None:
    async with as_compose_does(tmp_path) as (url, monitor):
        async with connect(BusOptions(url, "gapscan", ENV_FILE["GAPSCAN_PASSWORD"]), "test") as bus:
            await ensure_shared(bus, Retention())
        reader = BusOptions(url, "reader", ENV_FILE["GAPSCAN_READER_PASSWORD"], inbox_prefix="_INBOX_reader")
        async with connect(reader, "test") as bus:
            assert bus.connected
        # What compose and Kubernetes ask for its health.
        for path in ("/healthz", "/healthz?js-server-only=true", "/healthz?js-enabled-only=true"):
            await until(lambda path=path: asyncio.to_thread(reached, monitor + path), path)  # type: ignore[misc]


def with_tls(folder: Path, text: str) -> str:
    """nats.conf with its example of TLS in force."""
    found = re.search(r"^# tls \{\n(?:#.*\n)+?# \}\n", text, re.MULTILINE)
    assert found
    block = re.sub(r"^# ", "", found[0], flags=re.MULTILINE)
    return text.replace(found[0], block.replace("/etc/gapscan", str(folder)))


async def test_tls_as_nats_conf_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = ["-keyout", str(tmp_path / "nats.key"), "-out", str(tmp_path / "nats.pem")]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject, *made]
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
    tls = with_tls(tmp_path, (DEPLOY / "nats.conf").read_text("utf-8"))
    block = re.sub(r"^include.*$", "", tls, flags=re.MULTILINE)
    server = NatsServer(tmp_path / "nats", accounts=lambda text: text + block)
    server.start()
    try:
        options = replace(server.services, url=server.url.replace("nats://", "tls://"))
        with pytest.raises(BusError):  # nobody vouches for this certificate
            async with connect(options, "test"):
                pass
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nats.pem"))
        async with connect(options, "test") as bus:
            await ensure_shared(bus, Retention())
            assert bus.connected
    finally:
        server.close()
