"""Folders that commands write into: what cannot be written is named, with what to do."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from gapscan.errors import ConfigError
from gapscan_cli.commands.services import record
from gapscan_cli.folders import written


def test_a_folder_is_made(tmp_path: Path) -> None:
    with written(tmp_path / "a" / "b", "--out"):
        assert (tmp_path / "a" / "b").is_dir()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(ConfigError, match=r"file/out cannot be written: Not a directory") as raised,
        written(tmp_path / "file" / "out", "--out"),
    ):
        raise AssertionError("it is not tried")
    assert raised.value.remedy == "give --out another directory"


def test_a_disk_that_becomes_full_is_said_of_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"{tmp_path} cannot be written: No space left"), written(tmp_path, "--out"):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_an_error_of_another_file_goes_on_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), written(tmp_path / "out", "--out"):
        (tmp_path / "elsewhere").read_bytes()
    with pytest.raises(OSError, match="memory") as raised, written(tmp_path / "out", "--out"):
        raise OSError(errno.ENOMEM, "Cannot allocate memory")
    assert not isinstance(raised.value, ConfigError)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "entries.csv").mkdir()
    with pytest.raises(ConfigError, match=r"entries.csv cannot be written: Is a directory"), written(tmp_path, "--out"):
        (tmp_path / "entries.csv").write_text("")


def test_a_recording_that_cannot_be_written_does_not_begin(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be written"):
        record(tmp_path / "file" / "days")
