"""Which NATS a command talks to: --nats, else the settings, else what `up` runs, else the default."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec import structs

from gapscan import runfile
from gapscan.bus.options import DEFAULT_INBOX_PREFIX
from gapscan.errors import BusError
from gapscan.pids import birth_of
from gapscan_cli.connection import find_nats

RUNNING = "nats://127.0.0.1:1"
WRITTEN, VARIABLE, GIVEN = (f"nats://host:{port}" for port in (2, 3, 4))
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


def write_run(data: Path, pid: int, *, login: bool = False) -> None:
    name, password = ("up", "secret") if login else (None, None)
    found = runfile.RunFile(pid, RUNNING, None, simulated=True, services={}, nats_user=name, nats_password=password)
    runfile.write(data, found)


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


def test_the_number_of_a_set_that_has_ended_is_another_process_s_now(data: Path) -> None:
    gone = runfile.RunFile(os.getpid(), RUNNING, None, simulated=True, services={}, birth="another boot/1")
    runfile.write(data, gone)
    assert find_nats(None, None, None).url == "nats://127.0.0.1:4222"
    with pytest.raises(BusError, match="no gapscan is running"):
        find_nats(None, None, data)
    runfile.write(data, structs.replace(gone, birth=birth_of(os.getpid())))
    assert find_nats(None, None, None).url == RUNNING


def test_settings_with_a_byte_order_mark(data: Path) -> None:
    Path("gapscan.toml").write_text(f'[nats]\nurl = "{WRITTEN}"\n', "utf-8-sig")
    assert find_nats(None, None, None).url == WRITTEN


def test_the_default_written_down_counts_as_written(data: Path) -> None:
    write_run(data, os.getpid())
    Path("gapscan.toml").write_text('[nats]\nurl = "nats://127.0.0.1:4222"\n')
    assert find_nats(None, None, None).url == "nats://127.0.0.1:4222"


@pytest.fixture
def contexts(data: Path) -> Path:
    """Those of the nats command."""
    folder = data.parent / ".config" / "nats" / "context"
    folder.mkdir(parents=True)
    for name in ("given", "chosen", "selected"):
        (folder / f"{name}.json").write_text(f'{{"url": "nats://{name}:4222", "user": "{name}", "password": "x"}}')
    (folder.parent / "context.txt").write_text("selected\n")
    return folder


def test_which_context_wins(data: Path, contexts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_nats(None, None, None).url == "nats://selected:4222"
    write_run(data, os.getpid())
    assert find_nats(None, None, None).url == RUNNING
    assert find_nats(None, None, None).completed().user is None
    monkeypatch.setenv("NATS_CONTEXT", "chosen")
    assert find_nats(None, None, None).url == "nats://chosen:4222"
    assert find_nats(None, None, None, "given").completed().user == "given"
    assert find_nats(None, None, data).url == RUNNING
    Path("gapscan.toml").write_text(f'[nats]\nurl = "{WRITTEN}"\nuser = "me"\npassword = "y"\n')
    assert find_nats(None, None, None).url == WRITTEN
    found = find_nats(None, None, None, "given")
    assert (found.url, found.completed().user, found.completed().password) == ("nats://given:4222", "me", "y")
    found = find_nats(GIVEN, None, None, "given")
    assert (found.url, found.context) == (GIVEN, "given")


def test_a_set_that_has_ended(data: Path) -> None:
    write_run(data, NOBODY)
    assert find_nats(None, None, None).url == "nats://127.0.0.1:4222"
    with pytest.raises(BusError, match="no gapscan is running"):
        find_nats(None, None, data)


def test_the_login_of_the_set_goes_to_its_own_server_alone(data: Path) -> None:
    write_run(data, os.getpid(), login=True)
    Path("gapscan.toml").write_text('[nats]\nuser = "me"\npassword = "mine"\ninbox_prefix = "_INBOX_me"\n')

    def login(nats: str | None) -> tuple[str | None, str | None, str]:
        found = find_nats(nats, None, None)
        return (found.user, found.password, found.inbox_prefix or DEFAULT_INBOX_PREFIX)

    own, other = ("up", "secret", "_INBOX"), ("me", "mine", "_INBOX_me")
    assert [login(url) for url in (None, RUNNING, "nats://localhost:1")] == [own] * 3
    elsewhere = (GIVEN, "nats://127.0.0.1:2", "nats://10.0.0.1:1", "nats://127.0.0.1", "nats://127.0.0.1:99999")
    assert [login(url) for url in elsewhere] == [other] * 5
    write_run(data, NOBODY, login=True)
    assert login(RUNNING) == other


def test_the_login_of_a_set_that_was_started_again(data: Path) -> None:
    """It has another one; who followed the first is let in by the second."""
    write_run(data, os.getpid(), login=True)
    found = find_nats(None, None, data)
    again = runfile.RunFile(os.getpid(), RUNNING, None, True, {}, nats_user="up", nats_password="other")
    runfile.write(data, again)
    assert found.completed().login_at("127.0.0.1", 1) == ("up", "other", None)
    write_run(data, NOBODY)
    assert found.completed().login_at("127.0.0.1", 1) == ("up", "other", None)
