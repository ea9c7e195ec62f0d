"""Which NATS a command talks to: --nats, else the settings, else what `up` runs, else the default."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gapscan.errors import BusError
from gapscan.supervisor import runfile
from gapscan_cli.connection import find_nats

RUNNING, WRITTEN, VARIABLE, GIVEN = (f"nats://host:{port}" for port in (1, 2, 3, 4))
NOBODY = 2**22 + 1  # no process has this id


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The usual data directory, in a place without any settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    data = tmp_path / "gapscan"
    data.mkdir()
    return data


def write_run(data: Path, pid: int) -> None:
    runfile.write(data, runfile.RunFile(pid, RUNNING, None, simulated=True, services={}))


def test_what_wins(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_nats(None, None, None).url == "nats://127.0.0.1:4222"
    write_run(data, os.getpid())
    assert find_nats(None, None, None).url == RUNNING
    Path("gapscan.toml").write_text(f'[nats]\nurl = "{WRITTEN}"\nuser = "me"\n')
    assert find_nats(None, None, None).url == WRITTEN
    assert find_nats(None, None, data).url == RUNNING
    monkeypatch.setenv("GAPSCAN_NATS_URL", VARIABLE)
    assert find_nats(None, None, None).url == VARIABLE
    found = find_nats(GIVEN, None, data)
    assert (found.url, found.user) == (GIVEN, "me")


def test_the_default_written_down_counts_as_written(data: Path) -> None:
    write_run(data, os.getpid())
    Path("gapscan.toml").write_text('[nats]\nurl = "nats://127.0.0.1:4222"\n')
    assert find_nats(None, None, None).url == "nats://127.0.0.1:4222"


def test_a_set_that_has_ended(data: Path) -> None:
    write_run(data, NOBODY)
    assert find_nats(None, None, None).url == "nats://127.0.0.1:4222"
    with pytest.raises(BusError, match="no gapscan is running"):
        find_nats(None, None, data)
