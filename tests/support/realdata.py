"""Where the real market days are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

VARIABLE = "GAPSCAN_TEST_DATA"
_BESIDE = Path(__file__).resolve().parents[2].parent / "shared" / "data"
_KNOWN = Path("flatfiles/us_stocks_sip/minute_aggs_v1/2023/08/2023-08-04.csv.gz")


def real_data() -> Path:
    """The directory of the days that tests know by their dates, which other days cannot stand in for.

    The test that asks is skipped (in CI: fails) when it is absent.
    """
    found = next((path for path in (_named(), _BESIDE) if (path / _KNOWN).exists()), None)
    if found is None:
        absent(f"the real market days are not at {_named()}: set {VARIABLE} to their directory")
    return found or _BESIDE


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
