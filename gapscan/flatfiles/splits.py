"""Splits beside flat files: `splits.csv` or `splits.json` in us_stocks_sip (flatfiles/reference_files.py).

The columns are ticker, execution_date (YYYY-MM-DD), split_from and split_to.
"""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from typing import Final, NamedTuple

from gapscan.flatfiles.reference_files import Row, read_rows

_COLUMNS: Final = ("ticker", "execution_date", "split_from", "split_to")


class FileSplit(NamedTuple):
    """From `date` on, `split_from` old shares are `split_to` new ones."""

    symbol: str
    date: dt.date
    split_from: float
    split_to: float


def read_splits(root: Path) -> list[FileSplit] | None:
    """The splits of the file in `root`, by date; None where there is no file. A bad row costs itself: it is logged.

    Raises DataError when the file cannot be read, or has other columns.
    """
    found = read_rows(root, "splits", _COLUMNS, _split)
    return None if found is None else sorted(found, key=lambda split: (split.date, split.symbol))


def _split(row: Row) -> FileSplit:
    symbol, date = row["ticker"], dt.date.fromisoformat(row["execution_date"])
    old, new = float(row["split_from"]), float(row["split_to"])
    if not symbol or not isinstance(symbol, str) or not (0 < old < math.inf and 0 < new < math.inf):
        raise ValueError(f"no symbol, or shares that are none: {dict(row)}")
    return FileSplit(symbol, date, old, new)
