"""Minute flat files on disk, as the provider would have them."""

from __future__ import annotations

import datetime as dt
import gzip
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from gapscan.market.sessions import MINUTE_MS, epoch_ms, previous_trading_day

OPEN, CLOSE = 570, 960  # the regular session, in minutes since midnight
READING = 90.0  # seconds at most for all files, each read by a process of the lowest priority
HEADER = "ticker,volume,open,close,high,low,window_start,transactions"


class Minute(NamedTuple):
    """One bar; `minute` since midnight in New York."""

    symbol: str
    minute: int
    volume: float

    def line(self, date: dt.date) -> str:
        start = (epoch_ms(date, dt.time()) + self.minute * MINUTE_MS) * 1_000_000
        return f"{self.symbol},{self.volume},10,10.1,10.2,9.9,{start},3"


def minutes_path(root: Path, date: dt.date) -> Path:
    """Where the minute bars of a day belong."""
    return root / "us_stocks_sip" / "minute_aggs_v1" / f"{date:%Y}" / f"{date:%m}" / f"{date}.csv.gz"


def write_lines(root: Path, date: dt.date, lines: Iterable[str], header: str = HEADER) -> Path:
    """Write a file of these lines; its path."""
    path = minutes_path(root, date)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in (header, *lines)).encode()))
    return path


def write_minutes(root: Path, date: dt.date, bars: Iterable[Minute]) -> Path:
    """Write a file of these bars; its path."""
    return write_lines(root, date, (bar.line(date) for bar in bars))


def even_day(symbols: Sequence[str], shares: float) -> list[Minute]:
    """The same number of shares in every minute of the regular session."""
    return [Minute(symbol, minute, shares) for symbol in symbols for minute in range(OPEN, CLOSE)]


def sessions_before(date: dt.date, number: int) -> list[dt.date]:
    """The newest first."""
    days = [previous_trading_day(date)]
    while len(days) < number:
        days.append(previous_trading_day(days[-1]))
    return days
