"""Polygon's flat files: one gzipped CSV a day, with daily or with minute bars."""

from __future__ import annotations

import datetime as dt
import gzip
import logging
import math
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, NamedTuple

from gapscan.config import Config, directory_of
from gapscan.errors import ConfigError, DataError
from gapscan.market.sessions import NS_PER_MS

log = logging.getLogger(__name__)

COLUMNS = ("ticker", "volume", "open", "close", "high", "low", "window_start", "transactions")
Kind = Literal["day_aggs_v1", "minute_aggs_v1"]
_BLOCK: Final = 4 << 20  # characters of lines that are in memory at once, where a file is read in blocks


class Row(NamedTuple):
    """One bar; `start` in epoch ms."""

    symbol: str
    volume: float
    open: float
    close: float
    high: float
    low: float
    start: int
    transactions: int


class FlatFiles:
    """The days found below a directory, which is the root of the files or holds a folder `flatfiles`."""

    def __init__(self, directory: Path) -> None:
        nested = directory / "flatfiles"
        self.root = (nested if os.path.isdir(nested) else directory) / "us_stocks_sip"
        self.bad_rows = 0
        self._days: dict[Kind, list[dt.date]] = {}

    def days(self, kind: Kind) -> list[dt.date]:
        """The days there is a file for, ascending."""
        if kind not in self._days:
            paths = (self.root / kind).glob("[0-9]*/[0-9]*/*.csv.gz")
            names = (path.name.removesuffix(".csv.gz") for path in paths)
            self._days[kind] = sorted(dt.date.fromisoformat(name) for name in names if _DATE.fullmatch(name))
        return self._days[kind]

    def path(self, kind: Kind, date: dt.date) -> Path:
        """Where the file of a day is, or should be."""
        return self.root / kind / f"{date:%Y}" / f"{date:%m}" / f"{date}.csv.gz"

    def read(self, kind: Kind, date: dt.date) -> list[Row]:
        """The usable rows of a day. A bad row costs itself: it is counted, and the first of a file is logged.

        Raises DataError when there is no such file or it cannot be read.
        """
        path = self.path(kind, date)
        try:
            lines = gzip.decompress(path.read_bytes()).decode("utf-8-sig", "replace").splitlines()
        except FileNotFoundError:
            raise DataError(f"no flat file {path}", remedy=self._remedy(kind)) from None
        except (OSError, EOFError, zlib.error) as failure:
            raise _unreadable(path, failure) from failure
        return self._rows(lines, path)

    def blocks(self, kind: Kind, date: dt.date) -> Iterator[tuple[list[str], list[int]]]:
        """A day's lines without the header, some at a time, and where in a line each of COLUMNS is.

        Raises DataError when there is no such file or it cannot be read to its end.
        """
        path = self.path(kind, date)
        try:
            with gzip.open(path, "rt", encoding="utf-8-sig", errors="replace") as file:
                order = _order(file.readline().strip(), path)
                while lines := file.readlines(_BLOCK):
                    yield lines, order
        except FileNotFoundError:
            raise DataError(f"no flat file {path}", remedy=self._remedy(kind)) from None
        except (OSError, EOFError, zlib.error) as failure:
            raise _unreadable(path, failure) from failure

    def _rows(self, lines: list[str], path: Path) -> list[Row]:
        order = _order(lines[0] if lines else "", path)
        rows, bad = [], 0
        for number, line in enumerate(lines[1:], 2):
            try:
                rows.append(_row(line.split(","), order))
            except (ValueError, IndexError) as failure:
                bad += 1
                if bad == 1:
                    log.warning("%s line %d: %s (later bad rows of this file are only counted)", path, number, failure)
        self.bad_rows += bad
        return rows

    def _remedy(self, kind: Kind) -> str:
        days = self.days(kind)
        if not days:
            return f"put files into {self.root / kind}/YYYY/MM/"
        return f"there are {len(days)} days, {days[0]} to {days[-1]}"


def check_setting(config: Config) -> None:
    """Raises ConfigError when the settings name a directory of flat files that has none of minutes."""
    root = directory_of(config.feed.flat_files)
    if root is None:
        return
    folder = FlatFiles(root).root / "minute_aggs_v1"
    if not os.path.isdir(folder):
        raise ConfigError(
            f"flat_files in [feed]: there is no directory {folder}",
            remedy="name the directory that holds us_stocks_sip, or leave flat_files empty",
        )


_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def _unreadable(path: Path, failure: Exception) -> DataError:
    return DataError(f"cannot read {path}: {failure}", remedy="fetch the file again")


def _order(header: str, path: Path) -> list[int]:
    """Where in a line each of COLUMNS is."""
    found = header.split(",")
    missing = [column for column in COLUMNS if column not in found]
    if missing:
        raise DataError(f"{path} lacks the columns {', '.join(missing)}", remedy="fetch the file again")
    return [found.index(column) for column in COLUMNS]


def _row(fields: list[str], order: list[int]) -> Row:
    symbol, *texts = (fields[place] for place in order)
    volume, opened, close, high, low = (float(text) for text in texts[:5])
    row = Row(symbol, volume, opened, close, high, low, int(texts[5]) // NS_PER_MS, int(float(texts[6])))
    prices = (opened, close, high, low)
    if not symbol or not all(math.isfinite(price) and price > 0 for price in prices):
        raise ValueError(f"no symbol, or a price that is none: {','.join(fields)}")
    if not low <= min(opened, close) <= max(opened, close) <= high:
        raise ValueError(f"open or close outside low..high: {','.join(fields)}")
    if not (math.isfinite(volume) and volume >= 0):
        raise ValueError(f"volume is {volume}: {','.join(fields)}")
    return row
