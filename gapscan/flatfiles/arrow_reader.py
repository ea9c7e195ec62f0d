"""A flat file read with pyarrow (extra `backtest`): a market's minutes of a day in about a second.

It is read block by block into columns that stay: where there is much data, memory that is touched for the first time
costs more than parsing. Blocks are parsed in the system's memory: pyarrow's own pools keep some more of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from gapscan.flatfiles.day_bars import COLUMNS, PRICES, DayBars, UnreadableLineError, counts_of
from gapscan.flatfiles.gunzip import open_bytes

if TYPE_CHECKING:
    import pyarrow as pa

# Tickers are texts, whatever they look like (NA, INF, TRUE, 1E5): no type is guessed, and nothing means "missing".
_NUMBERS: Final = ("volume", *PRICES, "transactions")
_BLOCK: Final = 1 << 19  # bytes of text that are parsed at once
_LINE: Final = 55  # bytes of text a bar, as they mostly are: how many there will be
Convert = Callable[[str, NDArray[Any]], NDArray[Any]]
_TYPES: Final = dict.fromkeys(("volume", *PRICES), np.float64) | {"start": np.int64, "transactions": np.int32}


def available() -> bool:
    """Whether pyarrow is installed."""
    try:
        import pyarrow.csv  # noqa: F401
    except ImportError:
        return False
    return True


def read_arrow(path: Path) -> DayBars:
    """The bars of a file, line by line. Raises UnreadableLineError when there is a line that is none.

    Raises one of UNREADABLE for a file that cannot be read to its end.
    """
    import pyarrow as pa
    from pyarrow import csv

    types = {"ticker": pa.dictionary(pa.int32(), pa.string()), "window_start": pa.int64()}
    convert = csv.ConvertOptions(
        column_types=types | {name: pa.float64() for name in _NUMBERS},
        include_columns=list(COLUMNS), null_values=[], strings_can_be_null=False, check_utf8=True,
    )  # fmt: skip
    parse = csv.ParseOptions(quote_char=False, double_quote=False, escape_char=False, ignore_empty_lines=False)
    options = csv.ReadOptions(block_size=_BLOCK, use_threads=False)
    joined = JoinedBars(_text_size(path) // _LINE)
    try:
        with open_bytes(path) as file:  # pyarrow's own decompression refuses padding after the last member
            for batch in csv.open_csv(file, options, parse, convert, memory_pool=pa.system_memory_pool()):
                joined.add(batch)
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise UnreadableLineError(str(error)) from None
    return joined.bars()


def _text_size(path: Path) -> int:
    """How many bytes the last member of a gzip file has unpacked, by its trailer (RFC 1952): a guess at the whole."""
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 4))
        return int.from_bytes(file.read(4), "little")


class JoinedBars:
    """Batches of bars, one after the other in columns that have room for `expected` of them, and for more.

    By DLPack: pyarrow's `to_numpy` loads pandas where that is installed, which takes longer than a day's columns.
    """

    def __init__(self, expected: int) -> None:
        room = min(expected, _MOST_EXPECTED) + 1
        self._columns: dict[str, NDArray[Any]] = {name: np.empty(room, kind) for name, kind in _TYPES.items()}
        self._columns["of"] = np.empty(room, np.int32)
        self._code_of: dict[str, int] = {}
        self._tickers: pa.StringArray | None = None  # of the batch before
        self._codes = np.zeros(0, np.int32)
        self._size = 0

    def add(self, batch: pa.RecordBatch, convert: Convert = lambda name, values: values) -> None:
        """The bars of a batch with the columns COLUMNS, of which tickers are a dictionary, and numbers to `convert`."""
        here = slice(self._size, self._size + len(batch))
        if here.stop > len(self._columns["of"]):
            self._grow(here.stop)
        tickers = batch.column("ticker")
        self._columns["of"][here] = self._codes_of(tickers.dictionary)[np.from_dlpack(tickers.indices)]
        for name in ("volume", *PRICES):
            self._columns[name][here] = convert(name, np.from_dlpack(batch.column(name)))
        self._columns["start"][here] = convert("window_start", np.from_dlpack(batch.column("window_start")))
        trades = convert("transactions", np.from_dlpack(batch.column("transactions")))
        self._columns["transactions"][here] = counts_of(trades)
        self._size = here.stop

    def _codes_of(self, tickers: pa.StringArray) -> NDArray[np.int32]:
        """The codes of a batch's tickers. Kept columns have the same tickers in all of their batches."""
        if self._tickers is None or not tickers.equals(self._tickers):
            codes = [self._code_of.setdefault(symbol, len(self._code_of)) for symbol in tickers.to_pylist()]
            self._tickers, self._codes = tickers, np.array(codes, np.int32)
        return self._codes

    def _grow(self, needed: int) -> None:
        for name, column in self._columns.items():
            larger = np.empty(max(needed, 2 * len(column)), column.dtype)
            larger[: self._size] = column[: self._size]
            self._columns[name] = larger

    def bars(self) -> DayBars:
        """All of them."""
        columns: dict[str, Any] = {name: column[: self._size] for name, column in self._columns.items()}
        return DayBars(list(self._code_of), **columns)


_MOST_EXPECTED: Final = 20_000_000  # bars; a trailer may say anything
