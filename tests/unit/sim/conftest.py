"""Small invented markets, flat files on disk, and the real days where they are at hand."""

from __future__ import annotations

import datetime as dt
import gzip
from pathlib import Path
from typing import Any

import pytest

from tests.support.realdata import real_data

HEADER = "ticker,volume,open,close,high,low,window_start,transactions"


@pytest.fixture
def real_days() -> Path:
    """The directory of real days."""
    return real_data()


@pytest.fixture
def write_day(tmp_path: Path) -> Any:
    """Writes a flat file of given rows, and returns the root directory."""

    def write(date: dt.date, rows: list[str], kind: str = "day_aggs_v1") -> Path:
        path = tmp_path / "us_stocks_sip" / kind / f"{date:%Y}" / f"{date:%m}" / f"{date}.csv.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress("\n".join([HEADER, *rows]).encode()))
        return tmp_path

    return write
