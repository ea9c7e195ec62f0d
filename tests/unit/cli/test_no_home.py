"""A user without a home, as in a container: what needs none works, all else says what to do."""

from __future__ import annotations

import pwd
from pathlib import Path

import pytest

from gapscan import runfile
from gapscan.config import load
from gapscan_cli.completion import own_names
from gapscan_cli.main import run


@pytest.fixture(autouse=True)
def _no_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What Python finds of a user that is a number, without HOME."""

    def unknown(uid: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.raises(RuntimeError):
        Path.home()


def test_settings_are_those_of_the_environment() -> None:
    loaded = load(env={"GAPSCAN_NATS_URL": "nats://host:1"})
    assert (loaded.path, loaded.config.nats.url) == (None, "nats://host:1")


def test_nothing_is_found_running() -> None:
    assert runfile.read() is None
    assert own_names() == []


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (("up",), "set HOME or XDG_DATA_HOME, or give --data DIR"),
        (("up", "--data", "~/data"), "name it in full"),
        (("lists", "remove", "mine"), "set HOME or XDG_CONFIG_HOME"),
    ],
)
def test_what_needs_a_home_says_so(
    arguments: tuple[str, ...], remedy: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    said = capfd.readouterr().err
    assert "home directory" in said
    assert remedy in said
    assert [*tmp_path.iterdir()] == [], "nothing is made in a directory named ~"
