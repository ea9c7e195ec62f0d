"""A flat file read with numpy alone: several times slower than with pyarrow, but it knows each bad line."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gapscan.flatfiles.day_bars import COLUMNS, LONGEST, DayBars, Times, counts_of
from gapscan.flatfiles.gunzip import open_text

log = logging.getLogger(__name__)

_BLOCK: Final = 4 << 20  # characters of lines that are in memory at once
_NUMBERS: Final = ("volume", "open", "close", "high", "low")
_ROW: Final = np.dtype(
    [("ticker", f"U{LONGEST + 1}"), *((name, np.float64) for name in _NUMBERS), ("window_start", np.int64),
     ("transactions", np.float64), ("line", np.int64)]
)  # fmt: skip
_READ: Final = np.dtype([(name, _ROW[name]) for name in COLUMNS])
_ONE_BY_ONE: Final = 256  # lines, among which there is a bad one

Rows = NDArray[np.void]


def read_text(path: Path, order: Sequence[int]) -> tuple[DayBars, Times]:
    """The bars of a file and their lines' numbers; lines that are no bars are counted, the first is logged.

    `order` is where in a line each of COLUMNS is. Raises one of UNREADABLE for a file that cannot be read to its end.
    """
    parser = _Parser(path, order)
    blocks = [_columns(rows, parser) for rows in parser.blocks()] or [_columns(np.zeros(0, _ROW), parser)]
    joined = [np.concatenate(columns) for columns in zip(*blocks, strict=True)]
    of, start, volume, opened, close, high, low, transactions, lines = joined
    bars = DayBars(list(parser.code_of), of, start, volume, opened, close, high, low, transactions)
    return replace(bars, bad_lines=parser.bad_lines, first_fault=parser.first_fault), lines


def _columns(rows: Rows, parser: _Parser) -> tuple[NDArray[np.generic], ...]:
    trades = counts_of(rows["transactions"])
    numbers = (np.ascontiguousarray(rows[name]) for name in _NUMBERS)
    return parser.codes(rows["ticker"]), rows["window_start"].copy(), *numbers, trades, rows["line"].copy()


class _Parser:
    def __init__(self, path: Path, order: Sequence[int]) -> None:
        self.code_of: dict[str, int] = {}
        self.bad_lines = 0
        self.first_fault = ""
        self._path = path
        self._order = order

    def blocks(self) -> Iterator[Rows]:
        with open_text(self._path) as file:
            file.readline()
            line = 2
            while lines := file.readlines(_BLOCK):
                numbered = [(number, text) for number, text in enumerate(lines, line) if not text.isspace()]
                line += len(lines)
                yield self._parsed(numbered)

    def _parsed(self, lines: list[tuple[int, str]]) -> Rows:
        """All the lines that can be parsed. Nobody says which of them is bad: it is closed in on by halves."""
        try:
            return _parse(lines, self._order)
        except ValueError:
            if len(lines) > _ONE_BY_ONE:
                middle = len(lines) // 2
                return np.concatenate([self._parsed(part) for part in (lines[:middle], lines[middle:])])
            return np.concatenate([self._parsed_one(line) for line in lines])

    def _parsed_one(self, line: tuple[int, str]) -> Rows:
        number, text = line
        try:
            fields = text.rstrip("\r\n").split(",")
            symbol, *numbers, start, trades = (fields[place] for place in self._order)
            row = (symbol, *map(float, numbers), int(start), float(trades), number)
            return np.array([row], _ROW)
        except (ValueError, IndexError, OverflowError):
            self._bad(f"{self._path} line {number}: not a bar: {text.strip()[:200]}")
            return np.zeros(0, _ROW)

    def _bad(self, fault: str) -> None:
        self.bad_lines += 1
        if not self.first_fault:
            self.first_fault = fault
            log.warning("%s (later bad lines of this file are only counted)", fault)

    def codes(self, symbols: NDArray[np.str_]) -> NDArray[np.int32]:
        """The codes of the symbols, which mostly come one after the other; new ones are given one."""
        begins = np.flatnonzero(np.concatenate([[True], symbols[1:] != symbols[:-1]])[: len(symbols)])
        codes = [self.code_of.setdefault(symbol, len(self.code_of)) for symbol in symbols[begins].tolist()]
        return np.repeat(np.array(codes, np.int32), np.diff(begins, append=len(symbols)))


def _parse(lines: list[tuple[int, str]], order: Sequence[int]) -> Rows:
    rows = np.zeros(len(lines), _ROW)
    if not lines:
        return rows
    texts = [text for _, text in lines]
    found: Rows = np.loadtxt(texts, _READ, comments=None, delimiter=",", usecols=order, ndmin=1)
    if len(found) != len(lines):
        raise ValueError("there are lines without a bar")
    for name in COLUMNS:
        rows[name] = found[name]
    rows["line"] = [number for number, _ in lines]
    return rows
