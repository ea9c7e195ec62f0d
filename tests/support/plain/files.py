"""The flat files, read with pandas: what was known of the symbols before a day, and what a day's minutes were."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.support.plain.actions import Today, dividends, splits
from tests.support.plain.clock import ZONE, Hours, hours

Array = Any  # of numpy: a column, with a value for each symbol
SESSIONS = 20  # of which averages are made
RANGES = 14  # of which the average true range begins
# The times at which the feed tells the usual volumes, minutes since midnight (docs/protocol.md: `knots`).
KNOTS = (
    *range(240, 570, 15), 570, 571, 572, *range(575, 600, 5), *range(600, 930, 15), *range(930, 960, 5),
    960, 961, 965, 975, 990, *range(1020, 1201, 30),
)  # fmt: skip
HOLE = 12  # days
KINDS = ("day_aggs_v1", "minute_aggs_v1")


class Files:
    """A directory in flat-file layout."""

    def __init__(self, data: Path) -> None:
        root = data / "flatfiles" if (data / "flatfiles").is_dir() else data
        self.root = root / "us_stocks_sip"
        self.daily, self.minutes = (
            sorted(dt.date.fromisoformat(path.name[:10]) for path in (self.root / kind).glob("*/*/*.csv.gz"))
            for kind in KINDS
        )

    def read(self, kind: str, date: dt.date) -> pd.DataFrame:
        """The bars of a day that have a volume, and whose prices can be."""
        path = self.root / kind / f"{date:%Y/%m}" / f"{date}.csv.gz"
        table = pd.read_csv(path, dtype={"ticker": str}, keep_default_na=False)
        for name in table.columns[1:]:
            table[name] = pd.to_numeric(table[name], errors="coerce")
        inside = table["open"].between(table["low"], table["high"]) & table["close"].between(
            table["low"], table["high"]
        )
        return table[inside & (table["low"] > 0) & (table["volume"] > 0)]

    @property
    def days(self) -> list[dt.date]:
        """The days of which there is either."""
        return sorted({*self.daily, *self.minutes})

    def day(self, date: dt.date) -> pd.DataFrame:
        """The daily bars; of a day that has none, those that its minutes make."""
        return self.read("day_aggs_v1", date) if date in self.daily else self._made(date)

    def _made(self, date: dt.date) -> pd.DataFrame:
        table, bells = self.read("minute_aggs_v1", date), hours(date)
        start = table["window_start"] // 1_000_000
        regular = table[(start >= bells.regular) & (start < bells.post)].groupby("ticker")
        official = table[start == bells.post].groupby("ticker")["open"].first()
        whole = table.groupby("ticker")[["volume", "transactions"]].sum()
        last, first = regular["close"].last(), regular["open"].first()
        close = official.reindex(whole.index).fillna(last)
        high, low = regular["high"].max().reindex(whole.index), regular["low"].min().reindex(whole.index)
        made = whole.assign(
            close=close, open=first.reindex(whole.index).fillna(close),
            high=np.fmax(high, close), low=np.fmin(low, close),
        )  # fmt: skip
        return made[made["close"].notna()].reset_index()


class Before:
    """What daily bars and earlier minutes say of the symbols, in shares of the day; NaN where they say nothing."""

    def __init__(self, files: Files, date: dt.date, symbols: list[str]) -> None:
        self.symbols, self._splits, self._date = symbols, splits(files.root), date
        today = Today.of(self._splits, date, symbols)
        self.split_ratio, split = today.ratio, ~np.isnan(today.ratio)
        days = _in_a_row([day for day in files.days if day < date])[-SESSIONS:]
        bars = [self._columns(files.day(day), day) for day in days]
        last = bars[-1]
        plain = self._raw(files.day(days[-1]))
        self.prev_close = np.where(split, last["close"], plain["close"])
        self.prev_high, self.prev_low, self.prev_volume = (
            np.where(split, np.nan, plain[name]) for name in ("high", "low", "volume")
        )
        paid = [one for one in dividends(files.root) if one.date == date]
        self.ex_today, self.ex_amount = today.distributions(paid, symbols, plain["close"], last["close"])
        volumes = np.array([one["volume"] for one in bars])
        trades = np.array([one["transactions"] for one in bars])
        self.sessions = np.sum(~np.isnan(volumes), axis=0)
        self.average_volume = _mean(volumes)
        self.average_trades, self.trades_deviation = _mean(trades), _deviation(trades)
        ranges, self.restricted = self._prices(bars)
        self.atr = np.where(split & np.isnan(self.prev_close), np.nan, ranges)  # as the close, in shares of today
        self.curves, self.curve_sessions = self._usual(files, [day for day in files.minutes if day in days])

    def _raw(self, table: pd.DataFrame) -> dict[str, Array]:
        table = table.drop_duplicates("ticker", keep="last").set_index("ticker").reindex(self.symbols)
        names = ("open", "high", "low", "close", "volume", "transactions")
        return {name: table[name].to_numpy(float) for name in names}

    def _columns(self, table: pd.DataFrame, day: dt.date) -> dict[str, Array]:
        columns, ratio = self._raw(table), self._ratio_since(day)
        columns |= {name: np.round(columns[name] / ratio, 4) for name in ("open", "high", "low", "close")}
        return columns | {"volume": columns["volume"] * ratio}

    def _ratio_since(self, day: dt.date) -> Array:
        """Shares of the day for one of an earlier one."""
        ratio = dict.fromkeys(self.symbols, 1.0)
        for symbol, when, new in self._splits:
            if day < when <= self._date and symbol in ratio:
                ratio[symbol] *= new
        return np.array(list(ratio.values()))

    def _prices(self, bars: list[dict[str, Array]]) -> tuple[Array, list[bool | None]]:
        ranges, restricted = [], []
        for at in range(len(self.symbols)):
            rows = [[one[name][at] for name in ("high", "low", "close")] for one in bars]
            rows = [row for row in rows if not np.isnan(row[2])]
            true = [max(b[0], a[2]) - min(b[1], a[2]) for a, b in pairwise(rows)]
            average = np.nan if len(true) < RANGES else sum(true[:RANGES]) / RANGES
            for one in true[RANGES:]:
                average = (average * (RANGES - 1) + one) / RANGES
            ranges.append(average)
            restricted.append(None if len(rows) < 2 else bool(rows[-1][1] <= 0.9 * rows[-2][2] * (1 + 1e-9)))
        return np.array(ranges), restricted

    def usual(self, minute: float) -> Array:
        """The mean volume by that minute of the day, at these KNOTS and straight between them."""
        right = next((at for at, knot in enumerate(KNOTS) if knot > minute), len(KNOTS) - 1) or 1
        begin, end = KNOTS[right - 1], KNOTS[right]
        low, high = (np.float32(self.curves[knot]).astype(float) for knot in (begin, end))
        return np.asarray(low + (high - low) * min(max((minute - begin) / (end - begin), 0.0), 1.0))

    def _usual(self, files: Files, days: list[dt.date]) -> tuple[dict[int, Array], Array]:
        """The mean of the cumulative volume at the beginning of each minute (since midnight), in whole shares."""
        total, sessions = np.zeros((len(self.symbols), 1440)), np.zeros(len(self.symbols))
        place = {symbol: at for at, symbol in enumerate(self.symbols)}
        for day in days:
            table, ratio = files.read("minute_aggs_v1", day), self._ratio_since(day)
            minute = minute_of(table)
            at = table["ticker"].map(place)
            known = (at.notna() & minute.between(240, 1199)).to_numpy()
            where, when = at[known].to_numpy(int), minute[known].to_numpy(int)
            traded = np.zeros((len(self.symbols), 1440))
            np.add.at(traded, (where, when + 1), table["volume"][known].to_numpy(float))
            total += np.cumsum(traded, axis=1) * ratio[:, None]
            sessions += traded.sum(axis=1) > 0
        means = np.rint(total / np.where(sessions > 0, sessions, np.nan)[:, None])
        return dict(enumerate(means.T)), sessions


def minute_of(table: pd.DataFrame) -> pd.Series[int]:
    """The minute since midnight in New York in which each bar begins."""
    start = pd.to_datetime(table["window_start"], unit="ns", utc=True).dt.tz_convert(ZONE)
    return start.dt.hour * 60 + start.dt.minute


def _in_a_row(days: list[dt.date]) -> list[dt.date]:
    """Those after the last hole of a week and a half: the feed asks for no older ones."""
    holes = [at for at, pair in enumerate(pairwise(days), 1) if (pair[1] - pair[0]).days >= HOLE]
    return days[holes[-1] :] if holes else days


def _mean(rows: Array) -> Array:
    count = np.sum(~np.isnan(rows), axis=0)
    return np.nansum(rows, axis=0) / np.where(count > 0, count, np.nan)


def _deviation(rows: Array) -> Array:
    count, mean = np.sum(~np.isnan(rows), axis=0), _mean(rows)
    squares = np.nansum((rows - mean) ** 2, axis=0)
    return np.sqrt(squares / np.where(count > 1, count - 1, np.nan))


class Minutes:
    """What a day's minute file says had happened by the end of each minute: of the first `n` minutes at [n]."""

    def __init__(self, files: Files, date: dt.date, symbols: list[str], bells: Hours) -> None:
        table = files.read("minute_aggs_v1", date)
        table["minute"] = (table["window_start"] // 1_000_000 - bells.pre) // 60_000
        number = (bells.closed - bells.pre) // 60_000
        table = table[table["minute"].between(0, number - 1)]

        def column(name: str, rows: pd.DataFrame = table) -> pd.DataFrame:
            found = rows.pivot(index="minute", columns="ticker", values=name)
            return found.reindex(index=range(-1, number), columns=symbols)

        def known(found: pd.DataFrame) -> Array:
            return found.to_numpy(float)

        first, last = (bells.regular - bells.pre) // 60_000, (bells.post - bells.pre) // 60_000
        regular = table[table["minute"].between(first, last - 1)]
        self.price = known(column("close").ffill())
        self.volume = known(column("volume").fillna(0).cumsum())
        self.traded = known(column("minute").ffill())
        self.minute_high, self.minute_low = known(column("high").ffill()), known(column("low").ffill())
        self.open = _first(known(column("open", regular)))
        self.high = known(column("high", regular).cummax().ffill())
        self.low = known(column("low", regular).cummin().ffill())


def _first(rows: Array) -> Array:
    """Of each column, the first value that there was, from then on."""
    found = np.full(rows.shape, np.nan)
    held = np.full(rows.shape[1], np.nan)
    for at, row in enumerate(rows):
        held = np.where(np.isnan(held), row, held)
        found[at] = held
    return found
