"""Splits beside flat files, which themselves tell of none: `splits.csv` or `splits.json` in us_stocks_sip.

The CSV has the columns ticker, execution_date (YYYY-MM-DD), split_from and split_to, others are left alone. The JSON
is what the provider's reference of splits answers, `{"results": [...]}`, or the array alone, its fields named alike.
"""

from __future__ import annotations

import csv
import datetime as dt
import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from gapscan.errors import DataError

log = logging.getLogger(__name__)

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
    for path, rows_of in ((root / "splits.csv", _csv_rows), (root / "splits.json", _json_rows)):
        if path.is_file():
            try:
                rows = rows_of(path.read_bytes().decode("utf-8-sig"))
            except (OSError, ValueError, csv.Error) as failure:
                raise DataError(f"cannot read {path}: {failure}", remedy="mend it, or take it away") from failure
            return _splits(rows, path)
    return None


def _csv_rows(text: str) -> list[Mapping[str, Any]]:
    reader = csv.DictReader(text.splitlines())
    missing = [column for column in _COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise ValueError(f"it lacks the columns {', '.join(missing)}")
    return list(reader)


def _json_rows(text: str) -> list[Mapping[str, Any]]:
    document = msgspec.json.decode(text)
    rows = document.get("results") if isinstance(document, dict) else document
    return [*msgspec.convert(rows or [], list[dict[str, Any]])]


def _splits(rows: list[Mapping[str, Any]], path: Path) -> list[FileSplit]:
    found, bad = set(), 0
    for number, row in enumerate(rows, 1):
        try:
            found.add(_split(row))
        except (KeyError, TypeError, ValueError) as failure:
            bad += 1
            if bad == 1:
                log.warning("%s: split %d is left out: %s (later ones are only counted)", path, number, failure)
    if bad > 1:
        log.warning("%s: %d splits are left out", path, bad)
    return sorted(found, key=lambda split: (split.date, split.symbol))


def _split(row: Mapping[str, Any]) -> FileSplit:
    symbol, date = row["ticker"], dt.date.fromisoformat(row["execution_date"])
    old, new = float(row["split_from"]), float(row["split_to"])
    if not symbol or not isinstance(symbol, str) or not (0 < old < math.inf and 0 < new < math.inf):
        raise ValueError(f"no symbol, or shares that are none: {dict(row)}")
    return FileSplit(symbol, date, old, new)
