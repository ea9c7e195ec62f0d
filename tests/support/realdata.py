"""Where the real market days are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

VARIABLE = "GAPSCAN_TEST_DATA"
_BESIDE = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def real_data() -> Path:
    """The directory of the real data; the test that asks is skipped (in CI: fails) when it is absent."""
    path = _named()
    if not (path / "flatfiles").is_dir():
        absent(f"the real market days are not at {path}: set {VARIABLE} to their directory")
    return path


def flat_files() -> Path | None:
    """The same, or any directory in flat-file layout that the variable names; None where there is none."""
    path = _named()
    return path if any((path / name).is_dir() for name in ("flatfiles", "us_stocks_sip")) else None


def absent(why: str) -> None:
    """Skip the test, in CI fail it."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


def _named() -> Path:
    return Path(os.environ.get(VARIABLE) or _BESIDE)
