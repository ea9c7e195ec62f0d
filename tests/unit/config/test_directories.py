"""`~` in a setting is the user's home, whichever directory it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from gapscan.config import Config, FeedSection, directory_of
from gapscan.errors import ConfigError
from gapscan.feed.day_reader import FOLDER
from gapscan.feed.volume_curves import CurveLoader
from gapscan.obs import Tally, logger


def test_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert directory_of("~/kept") == tmp_path / "kept"
    config = Config(feed=FeedSection(cache_dir="~/kept", flat_files="~/files"))
    loader = CurveLoader(None, None, config, Tally(logger("test")))  # type: ignore[arg-type]  # asks nobody yet
    assert loader._reader is not None
    assert loader._reader._cache == tmp_path / "kept" / FOLDER
    assert loader._reader.files.root == tmp_path / "files" / "us_stocks_sip"


def test_none() -> None:
    assert directory_of("") is None


def test_a_home_of_nobody() -> None:
    with pytest.raises(ConfigError, match="directory ~nosuchuser/x"):
        directory_of("~nosuchuser/x")
