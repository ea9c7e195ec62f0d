"""A flat file read with pyarrow (extra `backtest`): a market's minutes of a day in about a second."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from gapscan.flatfiles.day_bars import COLUMNS, PRICES, DayBars, UnreadableLineError

if TYPE_CHECKING:
    import pyarrow as pa

# Tickers are texts, whatever they look like (NA, INF, TRUE, 1E5): no type is guessed, and nothing means "missing".
_NUMBERS: Final = ("volume", *PRICES, "transactions")
_BLOCK: Final = 1 << 20  # bytes of text that are parsed at once


def available() -> bool:
    """Whether pyarrow is installed."""
    try:
        import pyarrow.csv  # noqa: F401
    except ImportError:
        return False
    return True


def read_arrow(path: Path) -> DayBars:
    """The bars of a file, line by line. Raises UnreadableLineError when there is a line that is none.

    Raises OSError, EOFError or zlib.error for a file that cannot be read to its end.
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
    try:
        with gzip.open(path) as file:  # pyarrow's own decompression refuses padding after the last member
            table = csv.read_csv(file, options, parse, convert)
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise UnreadableLineError(str(error)) from None
    return bars_of(table.unify_dictionaries())


def bars_of(table: pa.Table) -> DayBars:
    """The columns of a table as they were read, or kept."""
    import pyarrow as pa

    tickers = table.column("ticker").combine_chunks()
    if isinstance(tickers, pa.ChunkedArray):
        tickers = tickers.chunk(0) if tickers.num_chunks else pa.array([], tickers.type)
    numbers = {name: table.column(name).to_numpy() for name in (*_NUMBERS, "window_start")}
    with np.errstate(invalid="ignore"):
        trades = np.nan_to_num(numbers["transactions"]).astype(np.int64)
    columns = {name: numbers[name] for name in ("volume", *PRICES)}
    start = numbers["window_start"]
    return DayBars(
        tickers.dictionary.to_pylist(), tickers.indices.to_numpy(), start=start, transactions=trades, **columns
    )
