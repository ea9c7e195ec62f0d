"""A file is replaced in one step, or not at all."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gapscan.files import one_at_a_time, replace_file


def test_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c.json"
    replace_file(path, b"one")
    replace_file(path, b"two")
    assert path.read_bytes() == b"two"
    assert [found.name for found in path.parent.iterdir()] == ["c.json"]


def test_a_link_and_the_mode_stay(tmp_path: Path) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    path.write_bytes(b"one")
    path.chmod(0o600)
    link.symlink_to(path)
    replace_file(link, b"two")
    assert link.is_symlink()
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_writes_stays_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "lists.toml"
    path.write_bytes(b"one")
    path.chmod(0o600)
    os.chown(path, 12345, 23456)
    for private in (False, True):
        replace_file(path, b"two", private=private)
        found = path.stat()
        assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (12345, 23456, 0o600)


def test_what_fails_leaves_all_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    with pytest.raises(OSError, match="folder"):
        replace_file(path, b"two")
    assert [found.name for found in tmp_path.iterdir()] == ["folder"]


def test_many_at_once(tmp_path: Path) -> None:
    path = tmp_path / "file"
    contents = [bytes([65 + number]) * 100_000 for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(lambda content: replace_file(path, content), contents):
            assert path.read_bytes() in contents
    assert [found.name for found in tmp_path.iterdir()] == ["file"]


def test_a_private_file_is_the_owners_alone_from_the_beginning(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_bytes(b"of an older version, for all to read")
    path.chmod(0o644)
    replace_file(path, b"secret", private=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "below" / "file"
    with one_at_a_time(path), pytest.raises(TimeoutError), one_at_a_time(path.with_name("other"), seconds=0.0):
        pass
    with one_at_a_time(path, seconds=0.0):
        assert list(path.parent.iterdir()) == []


def test_a_file_system_without_locks_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(_handle: int, _how: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", no_locks)
    with one_at_a_time(tmp_path / "file"):
        replace_file(tmp_path / "file", b"one")
    assert (tmp_path / "file").read_bytes() == b"one"


def test_a_system_without_locks_has_the_client(tmp_path: Path) -> None:
    program = f"""
import sys
sys.modules["fcntl"] = None  # as on Windows
import gapscan
from pathlib import Path
from gapscan.files import one_at_a_time
print(gapscan.follow.__name__, gapscan.at.__name__)
with one_at_a_time(Path({str(tmp_path)!r}) / "file"):
    print("in")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["follow", "at", "in"]
