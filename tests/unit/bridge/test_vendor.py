"""The page's libraries are those that were published, and have their licences beside them."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

import gapscan.bridge

VENDOR = Path(gapscan.bridge.__file__).parent / "static" / "vendor"
_ROW = re.compile(r"^\| (\S+) \| (\S+) \| (\S+) \| (\S+) \| ([0-9a-f]{64}) \|$", re.MULTILINE)


def _rows() -> list[tuple[str, ...]]:
    return _ROW.findall((VENDOR / "README.md").read_text("utf-8"))


def test_every_file_is_named() -> None:
    found = {str(path.relative_to(VENDOR)) for path in VENDOR.rglob("*") if path.is_file()}
    assert found == {"README.md", *(row[0] for row in _rows()), *(f"{row[1]}/LICENSE" for row in _rows())}


@pytest.mark.parametrize("row", _rows(), ids=lambda row: row[1])
def test_a_file_is_as_it_was_published(row: tuple[str, ...]) -> None:
    file, package, version, licence, digest = row
    body = (VENDOR / file).read_bytes()
    assert hashlib.sha256(body).hexdigest() == digest
    assert f"v{version}".encode() in body[:400], "it says its version"
    assert licence == "Apache-2.0"
    assert "Apache License" in (VENDOR / package / "LICENSE").read_text("utf-8")
