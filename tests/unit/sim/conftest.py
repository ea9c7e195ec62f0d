"""Small invented markets, flat files on disk, and the real days where they are at hand."""

from __future__ import annotations

import datetime as dt
import gzip
import os
from pathlib import Path
from typing import Any

import pytest

HEADER = "ticker,volume,open,close,high,low,window_start,transactions"


@pytest.fixture
def real_days() -> Path:
    """The directory of real days."""
    root = Path(__file__).parents[3]
    directory = Path(os.environ.get("GAPSCAN_TEST_DATA", root.parent / "shared" / "data"))
    if not (directory / "flatfiles").is_dir():
        pytest.skip(f"no real market days in {directory}; set GAPSCAN_TEST_DATA")
    return directory


@pytest.fixture
def write_day(tmp_path: Path) -> Any:
    """Writes a flat file of given rows, and returns the root directory."""

    def write(date: dt.date, rows: list[str], kind: str = "day_aggs_v1") -> Path:
        path = tmp_path / "us_stocks_sip" / kind / f"{date:%Y}" / f"{date:%m}" / f"{date}.csv.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress("\n".join([HEADER, *rows]).encode()))
        return tmp_path

    return write
