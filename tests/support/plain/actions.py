"""What happens to shares overnight, by the files beside the flat files: splits, dividends, what is spun off."""

from __future__ import annotations

import datetime as dt
import json
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

Array = Any  # of numpy: a column, with a value for each symbol
LARGE = 0.03  # of the close before
FEW = 100  # old shares, for which a split gives more


class Split(NamedTuple):
    symbol: str
    date: dt.date
    ratio: float  # new shares for an old one

    @property
    def is_spin_off(self) -> bool:
        """1281 for 1000 are no shares that somebody got, but what prices before are divided by."""
        return self.ratio > 1 and Fraction(self.ratio).limit_denominator(10_000).denominator > FEW


class Dividend(NamedTuple):
    symbol: str
    date: dt.date
    amount: float
    is_spin_off: bool


def splits(root: Path) -> list[Split]:
    """All that the file tells of."""
    return [
        Split(
            row["ticker"],
            dt.date.fromisoformat(row["execution_date"]),
            float(row["split_to"]) / float(row["split_from"]),
        )
        for row in _rows(root, "splits")
    ]


def dividends(root: Path) -> list[Dividend]:
    """The same, USD a share."""
    return [
        Dividend(
            row["ticker"], dt.date.fromisoformat(row["ex_dividend_date"]), float(row["cash_amount"]),
            "spin" in str(row.get("distribution_type") or "").lower(),
        )
        for row in _rows(root, "dividends")
    ]  # fmt: skip


def _rows(root: Path, name: str) -> list[dict[str, Any]]:
    table, answer = root / f"{name}.csv", root / f"{name}.json"
    if table.exists():
        return list(pd.read_csv(table, dtype=str, keep_default_na=False).to_dict("records"))
    if answer.exists():
        found = json.loads(answer.read_text())
        return list(found["results"] if isinstance(found, dict) else found)
    return []


class Today(NamedTuple):
    """Of the symbols: `ratio` of a split of the day, `spun` that by which a spin-off divides prices before; or NaN."""

    ratio: Array
    spun: Array

    @classmethod
    def of(cls, found: list[Split], date: dt.date, symbols: list[str]) -> Today:
        """Those of the day among all splits."""
        today = {one.symbol: one for one in found if one.date == date}
        real = [today[name].ratio if name in today and not today[name].is_spin_off else np.nan for name in symbols]
        factor = [today[name].ratio if name in today and today[name].is_spin_off else np.nan for name in symbols]
        return cls(np.array(real), np.array(factor))

    def distributions(self, paid: list[Dividend], symbols: list[str], plain: Array, now: Array) -> tuple[Array, Array]:
        """`ex_today` and `ex_amount`; the closes before in shares of then, and of today. What is paid is of the day."""
        kind = np.where(np.isnan(self.spun), "", "spin_off").astype("U8")
        amount = plain * (1 - 1 / self.spun)
        for at, symbol in enumerate(symbols):
            mine = [one for one in paid if one.symbol == symbol]
            total = sum(one.amount for one in mine)
            spins = any(one.is_spin_off for one in mine)
            if spins or (mine and total >= LARGE * now[at] and not kind[at]):
                kind[at], amount[at] = "spin_off" if spins else "dividend", total
        return kind, amount
