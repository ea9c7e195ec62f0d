"""Where a user's files are; `~` in a setting is the user's home, whichever directory it names."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gapscan.config import Config, FeedSection, directory_of, user_config_dir, user_data_dir
from gapscan.errors import ConfigError
from gapscan.feed.day_reader import FOLDER
from gapscan.feed.volume_curves import CurveLoader
from gapscan.obs import Tally, logger


def test_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert directory_of("~/kept") == tmp_path / "kept"
    config = Config(feed=FeedSection(cache_dir="~/kept", flat_files="~/files"))
    loader = CurveLoader(None, None, config, Tally(logger("test")))  # type: ignore[arg-type]  # asks nobody yet
    assert loader.reader is not None
    assert loader.reader.cache == tmp_path / "kept" / FOLDER
    assert loader.reader.files.root == tmp_path / "files" / "us_stocks_sip"


def test_none() -> None:
    assert directory_of("") is None


def test_a_home_of_nobody() -> None:
    with pytest.raises(ConfigError, match="the home directory in ~nosuchuser/x is not known"):
        directory_of("~nosuchuser/x")


def test_the_users_own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform != "linux":
        pytest.skip("other systems have other conventions")
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable, usual, of in (
        ("XDG_CONFIG_HOME", ".config", user_config_dir),
        ("XDG_DATA_HOME", ".local/share", user_data_dir),
    ):
        for value in ("", None):
            monkeypatch.setenv(variable, value) if value is not None else monkeypatch.delenv(variable)
            assert of() == tmp_path / usual / "gapscan"
        monkeypatch.setenv(variable, str(tmp_path / "other"))
        assert of() == tmp_path / "other" / "gapscan"
