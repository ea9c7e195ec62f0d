"""Backtests of a real day of minutes, against a plain computation with pandas that shares nothing with the package."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from gapscan.backtesting.one_day import DayTask, Form, run_day
from gapscan.backtesting.variants import variants_of
from gapscan.ranking.spec import shipped_lists
from tests.support.realdata import real_data

pytestmark = [pytest.mark.realdata, pytest.mark.timeout(180)]

DAY, BEFORE = dt.date(2023, 8, 4), dt.date(2023, 8, 3)
PRE = pd.Timestamp("2023-08-04 04:00", tz="America/New_York")
OPEN, CLOSE, END = 330, 720, 960  # minutes from there
LISTS = ("gappers_up", "winners", "most_active")
HORIZONS = (1, 5, 15, 30, 60)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files, linked: parsed columns are kept beside the links."""
    root, source = tmp_path_factory.mktemp("files"), real_data()
    for path in (source / "flatfiles").rglob("2023-08-0[34].csv.gz"):
        link = root / path.relative_to(source / "flatfiles")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path)
    return root


def read(root: Path, kind: str, day: dt.date) -> pd.DataFrame:
    path = root / "us_stocks_sip" / kind / f"{day:%Y/%m}" / f"{day}.csv.gz"
    return pd.read_csv(path, dtype={"ticker": str}, keep_default_na=False)


def entries_of(root: Path, lists: tuple[str, ...], form: Form = "fast") -> pd.DataFrame:
    definitions = [spec.definition for spec in shipped_lists().specs if spec.name in lists or not lists]
    result = run_day(DayTask(str(root), DAY, tuple(variants_of(definitions)), form=form))
    assert result.fault == ""
    assert result.entries is not None
    found: pd.DataFrame = result.entries.to_pandas()
    return found


class Plain:
    """The day as a table of minutes and symbols, carried forward; minute m is what was known when it had passed."""

    def __init__(self, root: Path) -> None:
        bars = read(root, "minute_aggs_v1", DAY)
        start = pd.to_datetime(bars["window_start"], unit="ns", utc=True).dt.as_unit("ns")
        bars["minute"] = ((start - PRE).dt.total_seconds() // 60).astype(int)
        self.bars = bars[(bars["volume"] > 0) & bars["minute"].between(0, END - 1)].sort_values(["ticker", "minute"])
        self.symbols = sorted(self.bars["ticker"].unique())
        daily = read(root, "day_aggs_v1", BEFORE).set_index("ticker").reindex(self.symbols)
        self.prev_close, self.average = daily["close"].to_numpy(), daily["volume"].to_numpy()
        self.price = self.table("close").ffill().to_numpy()
        self.volume = self.table("volume").fillna(0).cumsum().to_numpy()
        mean = self.bars[["open", "high", "low", "close"]].mean(axis=1)
        self.bars["dollars"] = mean * self.bars["volume"]
        self.dollars = self.table("dollars").fillna(0).cumsum().to_numpy()
        regular = self.bars[self.bars["minute"].between(OPEN, CLOSE - 1)]
        first = regular.groupby("ticker").first().reindex(self.symbols)
        when = np.arange(END)[:, None]
        self.open = np.where(when >= first["minute"].to_numpy(), first["open"].to_numpy(), np.nan)
        traded = self.table("minute").ffill().to_numpy()
        self.idle = when - traded  # whole minutes since the end of the last bar, less than one of them more

    def table(self, column: str) -> pd.DataFrame:
        table = self.bars.pivot(index="minute", columns="ticker", values=column)
        return table.reindex(index=range(END), columns=self.symbols)


def share_of_volume(minute: int) -> float:
    """The share of a usual day's volume that has traded by then."""
    from tests.support.market import share_at

    return share_at(int(PRE.timestamp() * 1000) + minute * 60_000)


def ranked(plain: Plain, name: str) -> list[tuple[str, int, int, int]]:
    """Symbol, minute, rank and minutes of stay of all entries, minute by minute."""
    members: set[int] = set()
    found: list[tuple[str, int, int, int]] = []
    inside: dict[int, tuple[int, int]] = {}
    last = CLOSE - 1 if name == "gappers_up" else END - 1
    for minute in range(1, last + 1):
        known = Known.after(plain, minute)
        passes = {relax: (known.price >= relax) & condition(name, relax, known) for relax in (1.0, 0.9)}
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
        at, regular = minute - 1, OPEN <= minute < CLOSE
        price, volume, opened = plain.price[at], plain.volume[at], plain.open[at]
        with np.errstate(invalid="ignore", divide="ignore"):
            gap = (np.where(np.isnan(opened), price, opened) / plain.prev_close - 1) * 100
            change = (price / plain.prev_close - 1) * 100
            expected = plain.average * share_of_volume(minute)
            rvol = np.where((expected >= 1000) & regular, volume / expected, np.nan)
        ramp = min(max((minute - OPEN - 5) / 25, 0.0), 1.0)
        return cls(minute, ramp, price, volume, plain.dollars[at], plain.average, gap, change, rvol)


def condition(name: str, relax: float, known: Known) -> np.ndarray:
    """The shipped lists' conditions, with thresholds at `relax` of themselves. No symbol has a curve of its own."""
    shares = (50_000 * (1 - known.ramp) + 100_000 * known.ramp) * relax
    usual = known.rvol >= 1.5 * known.ramp * relax
    much = np.isnan(known.rvol) & (known.volume >= 50_000 * relax)
    if known.minute >= CLOSE:
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
    ends = {f"{horizon}m": bought + horizon for horizon in HORIZONS if bought + horizon <= END}
    ends |= {"close": CLOSE} if bought < CLOSE else {}
    for horizon, end in ends.items():
        within = later[later["minute"] < end]
        found[f"return_{horizon}"] = (float(within.iloc[-1]["close"]) / price - 1) * 100
        found[f"best_{horizon}"] = (float(within["high"].max()) / price - 1) * 100
        found[f"worst_{horizon}"] = (float(within["low"].min()) / price - 1) * 100
    return found


@pytest.fixture(scope="module")
def plain(data: Path) -> Plain:
    return Plain(data)


@pytest.fixture(scope="module")
def found(data: Path) -> pd.DataFrame:
    return entries_of(data, LISTS)


@pytest.mark.parametrize("name", LISTS)
def test_entries_are_those_of_a_plain_computation(plain: Plain, found: pd.DataFrame, name: str) -> None:
    mine = found[found["list"] == name]
    minutes = ((mine["time"] - PRE).dt.total_seconds() // 60).astype(int)
    rows = zip(mine["symbol"], minutes, mine["rank"], mine["stayed_minutes"], strict=True)
    expected = ranked(plain, name)
    assert len(expected) > 20
    assert sorted(rows, key=lambda entry: (entry[1], entry[2], entry[0])) == expected


@pytest.mark.parametrize("name", LISTS)
def test_outcomes_are_those_of_a_plain_computation(plain: Plain, found: pd.DataFrame, name: str) -> None:
    columns = [column for column in found.columns if column.split("_")[0] in ("return", "best", "worst")]
    for _, row in found[found["list"] == name].iterrows():
        minute = int((row["time"] - PRE).total_seconds() // 60)
        expected = outcomes(plain, row["symbol"], minute)
        for column in ("entry_price", *columns):
            assert row[column] == pytest.approx(expected.get(column, np.nan), abs=1e-9, nan_ok=True), column


def test_both_forms_give_the_same_on_a_real_day(data: Path) -> None:
    fast, plain = entries_of(data, ()), entries_of(data, (), "plain")
    assert len(fast) > 1_000
    pd.testing.assert_frame_equal(fast, plain, check_exact=True)
