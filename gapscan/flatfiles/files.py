"""Polygon's flat files: one gzipped CSV a day, with daily or with minute bars."""

from __future__ import annotations

import datetime as dt
import logging
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Literal

from gapscan.config import Config, directory_of
from gapscan.errors import ConfigError, DataError
from gapscan.flatfiles import column_cache
from gapscan.flatfiles.arrow_reader import available, read_arrow
from gapscan.flatfiles.day_bars import COLUMNS, DayBars, Times, UnreadableLineError, checked
from gapscan.flatfiles.gunzip import UNREADABLE, open_text, readable_lines
from gapscan.flatfiles.text_reader import read_text

log = logging.getLogger(__name__)

Kind = Literal["day_aggs_v1", "minute_aggs_v1"]


class FlatFiles:
    """The days found below a directory, which is the root of the files or holds a folder `flatfiles`.

    `cached` keeps the parsed columns of each file for the next time (column_cache.py). Without pyarrow (extra
    `backtest`) files are read by numpy, several times slower, and nothing is kept.
    """

    def __init__(self, directory: Path, *, cached: bool = False) -> None:
        nested = directory / "flatfiles"
        self.root = (nested if os.path.isdir(nested) else directory) / "us_stocks_sip"
        self.bad_rows = 0
        self._cached = cached
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

    def read(self, kind: Kind, date: dt.date) -> DayBars:
        """The usable bars of a day. A bad one costs itself: it is counted, and the first of a file is logged.

        Raises DataError when there is no such file or it cannot be read to its end.
        """
        path = self.path(kind, date)
        try:
            bars = self._kept(path)
            if bars is None:
                bars = self._parsed(path)
        except FileNotFoundError:
            raise DataError(f"no flat file {path}", remedy=self._remedy(kind)) from None
        except UNREADABLE as failure:
            after = f" after line {lines:,}" if (lines := readable_lines(path)) else ""
            raise DataError(f"cannot read {path}{after}: {failure}", remedy="fetch the file again") from failure
        self.bad_rows += bars.bad_lines
        return bars

    def _kept(self, path: Path) -> DayBars | None:
        return column_cache.kept(path) if self._cached and available() else None

    def _parsed(self, path: Path) -> DayBars:
        order = _order(path)
        if not available():
            _warn_once()
            return checked(*_text(path, order))
        try:
            bars = checked(read_arrow(path), path)
        except UnreadableLineError:
            bars = checked(*_text(path, order))  # slow, but it knows which
        if self._cached:
            column_cache.keep(path, bars)
        return bars

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


def _order(path: Path) -> list[int]:
    """Where in a line each of COLUMNS is."""
    with open_text(path) as file:
        found = file.readline().strip().split(",")
    missing = [column for column in COLUMNS if column not in found]
    if missing:
        raise DataError(f"{path} lacks the columns {', '.join(missing)}", remedy="fetch the file again")
    return [found.index(column) for column in COLUMNS]


def _text(path: Path, order: list[int]) -> tuple[DayBars, Path, Times]:
    bars, lines = read_text(path, order)
    return bars, path, lines


@lru_cache(maxsize=1)
def _warn_once() -> None:
    log.warning("pyarrow is not installed: flat files are read slowly (pip install 'gapscan[backtest]')")
