"""Dividends beside flat files: `dividends.csv` or `dividends.json` in us_stocks_sip (flatfiles/reference_files.py).

The columns are ticker, ex_dividend_date (YYYY-MM-DD) and cash_amount (USD a share); `distribution_type`, which may be
missing, is as the provider names it: recurring, special, spinoff ...
"""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from typing import Final, NamedTuple

from gapscan.flatfiles.reference_files import Row, read_rows

_COLUMNS: Final = ("ticker", "ex_dividend_date", "cash_amount")
_USUAL: Final = "recurring"


class FileDividend(NamedTuple):
    """From `date` on, a share is traded without `amount` (USD); `kind` as the provider names it."""

    symbol: str
    date: dt.date
    amount: float
    kind: str


def read_dividends(root: Path) -> list[FileDividend] | None:
    """The dividends of the file in `root`, by date; None where there is no file. A bad row costs itself: it is logged.

    Raises DataError when the file cannot be read, or has other columns.
    """
    found = read_rows(root, "dividends", _COLUMNS, _dividend)
    return None if found is None else sorted(found, key=lambda one: (one.date, one.symbol, one.amount))


def _dividend(row: Row) -> FileDividend:
    symbol, date = row["ticker"], dt.date.fromisoformat(row["ex_dividend_date"])
    amount = float(row["cash_amount"])
    if not symbol or not isinstance(symbol, str) or not 0 < amount < math.inf:
        raise ValueError(f"no symbol, or an amount that is none: {dict(row)}")
    return FileDividend(symbol, date, amount, str(row.get("distribution_type") or _USUAL))
