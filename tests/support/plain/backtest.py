"""Entries of three shipped lists on a past day and what followed, with pandas; it shares nothing with backtests.

It is read first: a table of minutes and symbols, carried forward, and lists ranked one minute after the other.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from tests.support.market import share_at

LISTS = ("gappers_up", "winners", "most_active")
OPEN = 330  # minutes from 04:00
HORIZONS = (1, 5, 15, 30, 60)
SESSIONS = 20  # that averages are over
HALF_DAYS = (
    "2020-11-27", "2020-12-24", "2021-11-26", "2022-11-25", "2023-07-03", "2023-11-24", "2024-07-03", "2024-11-29",
    "2024-12-24", "2025-07-03", "2025-11-28", "2025-12-24", "2026-11-27", "2026-12-24", "2027-11-26",
)  # fmt: skip


def hours_of(day: dt.date) -> tuple[pd.Timestamp, int, int]:
    """When pre-market begins, and after how many minutes the regular session and post-market end."""
    pre = pd.Timestamp(f"{day} 04:00", tz="America/New_York")
    return (pre, 540, 780) if day.isoformat() in HALF_DAYS else (pre, 720, 960)


def path_of(root: Path, kind: str, day: dt.date) -> Path:
    return root / "us_stocks_sip" / kind / f"{day:%Y/%m}" / f"{day}.csv.gz"


def read(root: Path, kind: str, day: dt.date) -> pd.DataFrame:
    return pd.read_csv(path_of(root, kind, day), dtype={"ticker": str}, keep_default_na=False)


def sessions_before(root: Path, day: dt.date) -> list[pd.DataFrame]:
    """The daily bars of up to SESSIONS sessions before by symbol, the newest first."""
    paths = (root / "us_stocks_sip" / "day_aggs_v1").rglob("*.csv.gz")
    days = sorted(dt.date.fromisoformat(path.name[:10]) for path in paths)
    return [read(root, "day_aggs_v1", each).set_index("ticker") for each in days if each < day][: -SESSIONS - 1 : -1]


def opens_after(root: Path, day: dt.date) -> dict[str, float]:
    """The opens of the next session, if it is there: the first day of files within four days."""
    for days in range(1, 5):
        path = path_of(root, "day_aggs_v1", day + dt.timedelta(days))
        if path.exists():
            bars = read(root, "day_aggs_v1", day + dt.timedelta(days))
            return dict(zip(bars["ticker"], bars["open"], strict=True))
    return {}


class Plain:
    """The day as a table of minutes and symbols, carried forward; minute m is what was known when it had passed."""

    def __init__(self, root: Path, day: dt.date) -> None:
        self.pre, self.close, self.end = hours_of(day)
        bars = read(root, "minute_aggs_v1", day)
        start = pd.to_datetime(bars["window_start"], unit="ns", utc=True).dt.as_unit("ns")
        bars["minute"] = ((start - self.pre).dt.total_seconds() // 60).astype(int)
        self.bars = bars[(bars["volume"] > 0) & bars["minute"].between(0, self.end - 1)].sort_values(
            ["ticker", "minute"]
        )
        self.symbols = sorted(self.bars["ticker"].unique())
        daily = sessions_before(root, day)
        self.prev_close = daily[0]["close"].reindex(self.symbols).to_numpy()
        self.next_open = opens_after(root, day)
        volumes = pd.concat([session["volume"] for session in daily], axis=1).reindex(self.symbols)
        self.average = volumes.where(volumes > 0).mean(axis=1).to_numpy()
        self.price = self.table("close").ffill().to_numpy()
        self.volume = self.table("volume").fillna(0).cumsum().to_numpy()
        mean = self.bars[["open", "high", "low", "close"]].mean(axis=1)
        self.bars["dollars"] = mean * self.bars["volume"]
        self.dollars = self.table("dollars").fillna(0).cumsum().to_numpy()
        regular = self.bars[self.bars["minute"].between(OPEN, self.close - 1)]
        first = regular.groupby("ticker").first().reindex(self.symbols)
        when = np.arange(self.end)[:, None]
        self.open = np.where(when >= first["minute"].to_numpy(), first["open"].to_numpy(), np.nan)

    def table(self, column: str) -> pd.DataFrame:
        table = self.bars.pivot(index="minute", columns="ticker", values=column)
        return table.reindex(index=range(self.end), columns=self.symbols)

    def share_of_volume(self, minute: int) -> float:
        """The share of a usual day's volume that has traded by then."""
        return share_at(int(self.pre.timestamp() * 1000) + minute * 60_000)


def ranked(plain: Plain, name: str) -> list[tuple[str, int, int, int]]:
    """Symbol, minute, rank and minutes of stay of all entries, minute by minute."""
    members: set[int] = set()
    found: list[tuple[str, int, int, int]] = []
    inside: dict[int, tuple[int, int]] = {}
    last = (plain.close if name == "gappers_up" else plain.end) - 1
    for minute in range(1, last + 1):
        known = Known.after(plain, minute)
        passes = {relax: (known.price >= relax) & condition(name, relax, known, plain.close) for relax in (1.0, 0.9)}
        is_in = np.isin(np.arange(len(known.price)), list(members))
        candidates = np.flatnonzero(passes[1.0] | (is_in & passes[0.9])).tolist()
        key = {"gappers_up": known.gap, "winners": known.change, "most_active": known.dollars}[name]
        top = sorted(candidates, key=lambda one: (-key[one], -known.dollars[one], plain.symbols[one]))[:200]
        found += [(plain.symbols[one], *inside[one], minute - inside[one][0]) for one in members - set(top)]
        inside |= {one: (minute, rank) for rank, one in enumerate(top, 1) if one not in members}
        members = set(top)
    found += [(plain.symbols[one], *inside[one], last - inside[one][0]) for one in members]
    return sorted(found, key=lambda entry: (entry[1], entry[2], entry[0]))


class Known(NamedTuple):
    """What is known of all symbols after a minute. `ramp` goes from 0 to 1 between 09:35 and 10:00."""

    minute: int
    ramp: float
    price: np.ndarray
    volume: np.ndarray
    dollars: np.ndarray
    average: np.ndarray
    gap: np.ndarray
    change: np.ndarray
    rvol: np.ndarray

    @classmethod
    def after(cls, plain: Plain, minute: int) -> Known:
        at, regular = minute - 1, OPEN <= minute < plain.close
        price, volume, opened = plain.price[at], plain.volume[at], plain.open[at]
        with np.errstate(invalid="ignore", divide="ignore"):
            # In the order of docs/backtest.md: a change of 5 % sharp is above or below 5 by the last digit.
            gap = (np.where(np.isnan(opened), price, opened) - plain.prev_close) / plain.prev_close * 100
            change = (price - plain.prev_close) / plain.prev_close * 100
            expected = plain.average * plain.share_of_volume(minute)
            rvol = np.where((expected >= 1000) & regular, volume / expected, np.nan)
        ramp = min(max((minute - OPEN - 5) / 25, 0.0), 1.0)
        return cls(minute, ramp, price, volume, plain.dollars[at], plain.average, gap, change, rvol)


def condition(name: str, relax: float, known: Known, close: int) -> np.ndarray:
    """The shipped lists' conditions, with thresholds at `relax` of themselves. No symbol has a curve of its own."""
    shares = (50_000 * (1 - known.ramp) + 100_000 * known.ramp) * relax
    usual = known.rvol >= 1.5 * known.ramp * relax
    much = np.isnan(known.rvol) & (known.volume >= 50_000 * relax)
    if known.minute >= close:
        much &= known.volume >= known.average
    found: np.ndarray = {
        "gappers_up": (known.gap >= 2 * relax) & (known.volume >= shares),
        "winners": (known.change >= 5 * relax) & (known.volume >= 50_000 * (1 - known.ramp) * relax) & (usual | much),
        "most_active": known.dollars >= 1_000_000 * relax,
    }[name]
    return found


def outcomes(plain: Plain, symbol: str, minute: int) -> dict[str, float]:
    """What followed, from the symbol's bars."""
    bars = plain.bars[plain.bars["ticker"] == symbol]
    later = bars[bars["minute"] >= minute]
    if later.empty:
        return {}
    bought, price = int(later.iloc[0]["minute"]), float(later.iloc[0]["open"])
    found = {"entry_price": price}
    ends = {f"{horizon}m": bought + horizon for horizon in HORIZONS if bought + horizon <= plain.end}
    ends |= {"close": plain.close} if bought < plain.close else {}
    for horizon, end in ends.items():
        within = later[later["minute"] < end]
        found[f"return_{horizon}"] = (float(within.iloc[-1]["close"]) / price - 1) * 100
        found[f"best_{horizon}"] = (float(within["high"].max()) / price - 1) * 100
        found[f"worst_{horizon}"] = (float(within["low"].min()) / price - 1) * 100
    if symbol in plain.next_open:
        found["return_next_open"] = (plain.next_open[symbol] / price - 1) * 100
    return found
