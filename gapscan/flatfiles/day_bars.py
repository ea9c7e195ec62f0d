"""The bars of one flat file as columns, and what makes a bar a bad one."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gapscan.market.columns import Bools, Floats

log = logging.getLogger(__name__)

COLUMNS: Final = ("ticker", "volume", "open", "close", "high", "low", "window_start", "transactions")
LONGEST: Final = 23  # characters of a symbol
PRICES: Final = ("open", "close", "high", "low")

Codes = NDArray[np.int32]
Counts = NDArray[np.int32]
Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DayBars:
    """Bars in the order of the file: bar i is of `symbols[of[i]]`. Each symbol is there once.

    `start` is in epoch nanoseconds, prices in USD, `volume` in shares (also fractions of one). `bad_lines` are left
    out; `first_fault` says what is wrong with the first of them, and in which line of which file.
    """

    symbols: list[str]
    of: Codes
    start: Times
    volume: Floats
    open: Floats
    close: Floats
    high: Floats
    low: Floats
    transactions: Counts
    bad_lines: int = 0
    first_fault: str = ""

    def __len__(self) -> int:
        return len(self.of)

    def only(self, kept: Bools, bad_lines: int, first_fault: str) -> DayBars:
        """The bars that are `kept`, and what is said of the others. Symbols without a bar are none."""
        columns = {name: getattr(self, name)[kept] for name in _ARRAYS}
        there = np.bincount(columns["of"], minlength=len(self.symbols)) > 0
        columns["of"] = (np.cumsum(there) - 1).astype(np.int32)[columns["of"]]
        symbols = [symbol for symbol, is_there in zip(self.symbols, there.tolist(), strict=True) if is_there]
        return DayBars(symbols, **columns, bad_lines=bad_lines, first_fault=first_fault)


_MOST_TRADES: Final = 2**31 - 1  # of a bar, such as none ever had
_ARRAYS: Final = ("of", "start", "volume", *PRICES, "transactions")


def no_bars() -> DayBars:
    """Of a day on which nothing traded."""
    counts, numbers = np.zeros(0, np.int32), np.zeros(0)
    return DayBars([], counts, np.zeros(0, np.int64), numbers, numbers, numbers, numbers, numbers, counts)


def counts_of(trades: NDArray[Any]) -> Counts:
    """Numbers of trades; what is missing counts as none."""
    counts: Counts = np.clip(np.nan_to_num(trades), -_MOST_TRADES, _MOST_TRADES).astype(np.int32)
    return counts


class UnreadableLineError(ValueError):
    """A line that a fast reader cannot make sense of, nor say where it is."""


def checked(bars: DayBars, path: Path, lines: Times | None = None) -> DayBars:
    """The usable bars. A bad one costs itself: it is counted, and the first of a file is logged.

    `lines` are the numbers of the bars' lines, ascending; without them the bars are the lines after the header.
    """
    bad = np.flatnonzero(~_usable(bars))
    if not len(bad):
        return bars
    at = int(bad[0])
    line = int(lines[at]) if lines is not None else at + 2
    fault = f"{path} line {line}: {_fault(bars, at)}"
    if not bars.first_fault:
        log.warning("%s (later bad lines of this file are only counted)", fault)
    kept = np.ones(len(bars), np.bool_)
    kept[bad] = False
    return bars.only(kept, bars.bad_lines + len(bad), bars.first_fault or fault)


def _usable(bars: DayBars) -> Bools:
    good_symbols = np.array([0 < len(symbol) <= LONGEST for symbol in bars.symbols], np.bool_)
    good = np.isfinite(bars.volume) & (bars.volume >= 0)
    if not good_symbols.all():
        good &= good_symbols[bars.of]
    # What is not a number fails each of these.
    good &= (bars.low > 0) & (bars.low <= bars.open) & (bars.low <= bars.close)
    good &= (bars.open <= bars.high) & (bars.close <= bars.high) & (bars.high < np.inf)
    return good


def _fault(bars: DayBars, at: int) -> str:
    symbol, volume = bars.symbols[bars.of[at]], float(bars.volume[at])
    prices = {name: float(getattr(bars, name)[at]) for name in PRICES}
    shown = ", ".join(f"{name} {price}" for name, price in prices.items())
    if not 0 < len(symbol) <= LONGEST:
        return f"no symbol: {symbol[:LONGEST]!r}"
    if not all(np.isfinite(price) and price > 0 for price in prices.values()):
        return f"{symbol} has a price that is none: {shown}"
    if not (np.isfinite(volume) and volume >= 0):
        return f"{symbol} has volume {volume}"
    return f"{symbol} has its open or close outside low..high: {shown}"
