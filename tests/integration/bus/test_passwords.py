"""Passwords in a real server's environment: what `gapscan config check` lets pass logs in, what it names would not."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from gapscan.bus.client import connect
from gapscan.config import check_passwords
from gapscan.config.nats_passwords import reads_as_text
from gapscan.errors import ConfigError
from gapscan.supervisor import nats_server
from tests.support.cli import Cli
from tests.support.nats import NatsServer

MISREAD = ("12345", "0123", "1k", "-5", "1.5", "true", "Off", "a b", " a", "a ", "a;b", "$x", "a'b", "a,b", "a}b", "{a",
           "[a", "a\\b", "(a", "2024-01-01T00:00:00Z", "12-34", '"q"', ".5")  # fmt: skip
TEXT = ("plain", "p0123", "a=b", "a:b", "a//b", "a@b", "a%b", "include", "True_", "x" * 100, "a*b>c|d&e")


@pytest.mark.parametrize("password", [*TEXT, *(f"'{one}'" for one in (*MISREAD, *TEXT, "a#b", "ä€") if "'" not in one)])
async def test_what_passes_logs_in(tmp_path: Path, password: str) -> None:
    assert reads_as_text(password)
    server = NatsServer(tmp_path, accounts=True, GAPSCAN_READER_PASSWORD=password)
    server.start()
    try:
        options = server.reader
        options.password = password.strip("'")
        async with connect(options, "reader") as bus:
            assert bus.connected
    finally:
        server.close()


@pytest.mark.parametrize("password", MISREAD)
def test_what_is_refused_would_not_work(tmp_path: Path, password: str) -> None:
    with pytest.raises(ConfigError, match="GAPSCAN_READER_PASSWORD") as caught:
        check_passwords({"GAPSCAN_READER_PASSWORD": password, "GAPSCAN_PASSWORD": "fine"})
    if len(password) > 3:
        assert password not in str(caught.value)
    conf = tmp_path / "one.conf"
    conf.write_text("authorization { user: reader, password: $GAPSCAN_READER_PASSWORD }\nport: -1\n")
    env = {**os.environ, "GAPSCAN_READER_PASSWORD": password}
    checked = subprocess.run([nats_server.binary(), "-t", "-c", str(conf)], env=env, check=False, capture_output=True)
    # Blanks around it and quotes are not refused, but are no part of the password then.
    assert checked.returncode != 0 or password.strip(' "') != password


async def test_config_check_says_it(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    refused = await cli.run("config", "check", env={"GAPSCAN_PASSWORD": "12345"})
    assert refused.code == 2
    assert "GAPSCAN_PASSWORD" in refused.err
    assert "12345" not in refused.err
    for fine in ({"GAPSCAN_PASSWORD": "'12345'"}, {"GAPSCAN_NATS_PASSWORD": "12345"}):
        assert (await cli.run("config", "check", env=fine)).code == 0
