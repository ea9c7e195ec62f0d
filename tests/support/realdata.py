"""Where the real market days are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

VARIABLE = "GAPSCAN_TEST_DATA"
_BESIDE = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def real_data() -> Path:
    """The directory of the real data; the test that asks is skipped (in CI: fails) when it is absent."""
    path = Path(os.environ.get(VARIABLE) or _BESIDE)
    if not (path / "flatfiles").is_dir():
        message = f"the real market days are not at {path}: set {VARIABLE} to their directory"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path
