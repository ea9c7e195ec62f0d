"""`gapscan config check --nats` on real servers: what is there, what is missing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from gapscan.bus.client import BusOptions, connect
from tests.support.nats import PASSWORD, READER_PASSWORD, NatsServer


async def check(server: NatsServer, path: Path, **variables: str) -> tuple[int, list[str]]:
    """The exit code, and what it says beside the file."""
    found = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "gapscan_cli", "config", "check", "--nats", server.url],
        env={"PATH": "/usr/bin:/bin", "HOME": str(path), **variables}, cwd=path, capture_output=True,
    )  # fmt: skip
    return found.returncode, (found.stdout + found.stderr).decode().splitlines()[1:]


async def test_a_server_that_has_all(nats_server: NatsServer, tmp_path: Path) -> None:
    code, lines = await check(nats_server, tmp_path)
    assert code == 0
    assert len(lines) >= 6
    assert all(line.startswith("ok: ") for line in lines)
    async with connect(BusOptions(nats_server.url), "test") as bus:
        assert await bus.js.streams_info() == []


@pytest.mark.parametrize(
    ("more", "missing"),
    [
        ("jetstream: disabled", "JetStream: "),
        ("max_payload: 64KB", "messages of 65536 bytes"),
        ("jetstream { max_file_store: 100MB }", "lower state_max_bytes and delta_max_bytes"),
        ("", "with 3 replicas"),
    ],
)
async def test_a_server_that_lacks_something(tmp_path: Path, more: str, missing: str) -> None:
    server = NatsServer(tmp_path / "nats-server", more=more)
    try:
        server.start()
        code, lines = await check(server, tmp_path, **({} if more else {"GAPSCAN_NATS_REPLICAS": "3"}))
    finally:
        server.close()
    assert code == 1
    (fault,) = [line for line in lines if not line.startswith("ok: ")]
    assert fault.startswith("missing: ")
    assert missing in fault


async def test_the_login_of_the_settings(tmp_path: Path) -> None:
    server = NatsServer(tmp_path / "nats-server", accounts=True)
    try:
        server.start()
        writer = {"GAPSCAN_NATS_USER": "gapscan", "GAPSCAN_NATS_PASSWORD": PASSWORD}
        assert (await check(server, tmp_path, **writer))[0] == 0
        reader = {"GAPSCAN_NATS_USER": "reader", "GAPSCAN_NATS_PASSWORD": READER_PASSWORD}
        code, lines = await check(server, tmp_path, **reader, GAPSCAN_NATS_INBOX_PREFIX="_INBOX_reader")
        assert code == 1
        assert any(line.startswith("missing: publishing") for line in lines)
        code, lines = await check(server, tmp_path)
        assert (code, "refuses these credentials" in lines[0]) == (1, True)
    finally:
        server.close()


async def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    for key in ("CREDENTIALS", "NKEY", "TLS_CA", "TLS_CERT"):
        found = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-m", "gapscan_cli", "config", "check"],
            env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), f"GAPSCAN_NATS_{key}": "/no/such"},
            cwd=tmp_path, capture_output=True,
        )  # fmt: skip
        assert found.returncode == 2
        assert "/no/such" in found.stderr.decode()
        assert "No such file or directory" in found.stderr.decode()
