"""Backtests of days of minutes, against a plain computation with pandas that shares nothing with the package.

The days are a real one, invented ones of odd hours, and all that GAPSCAN_TEST_DATA has minutes of.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
import pytest

from gapscan.backtesting.one_day import DayTask, Form, run_day
from gapscan.backtesting.variants import variants_of
from gapscan.flatfiles.files import FlatFiles
from gapscan.market.sessions import previous_trading_day
from gapscan.ranking.spec import shipped_lists
from gapscan.sim.flat_files import write_flat_files
from tests.support.plain.backtest import LISTS, Plain, outcomes, ranked
from tests.support.realdata import VARIABLE, flat_files, real_data

pytestmark = pytest.mark.timeout(180)

KNOWN: Final = dt.date(2023, 8, 4)
HALF_DAY, CLOCKS_CHANGED = dt.date(2024, 7, 3), dt.date(2024, 3, 11)


def other_days() -> list[dt.date]:
    """Days that are not the known one, with the closes before them."""
    root = flat_files() if os.environ.get(VARIABLE) else None
    if root is None:
        return []
    files = FlatFiles(root)
    daily = set(files.days("day_aggs_v1"))
    return [day for day in files.days("minute_aggs_v1") if day != KNOWN and previous_trading_day(day) in daily]


class Day(NamedTuple):
    """A day, where its files are, and both its computations."""

    root: Path
    date: dt.date
    plain: Plain
    found: pd.DataFrame


@pytest.fixture(
    scope="module",
    params=[pytest.param(KNOWN, marks=pytest.mark.realdata), HALF_DAY, CLOCKS_CHANGED, *other_days()],
    ids=str,
)
def day(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Day:
    root, date = tmp_path_factory.mktemp("files"), request.param
    if date in (HALF_DAY, CLOCKS_CHANGED):
        invent(root, date)
    else:
        link(root, real_data() if date == KNOWN else flat_files() or root, date)
    return Day(root, date, Plain(root, date), entries_of(root, date, LISTS))


def invent(root: Path, date: dt.date) -> None:
    """A small market, of which one earlier session has no daily bars, and nobody knows of splits."""
    write_flat_files(root, days=1, symbols=400, seed=11, last=date)
    files = FlatFiles(root)
    files.path("day_aggs_v1", files.days("day_aggs_v1")[-5]).unlink()
    (files.root / "splits.csv").unlink()


def link(root: Path, source: Path, date: dt.date) -> None:
    """A day's minutes and the daily bars around it: parsed columns are kept beside the links."""
    files = FlatFiles(source)
    near = [files.path("day_aggs_v1", each) for each in files.days("day_aggs_v1") if abs((each - date).days) < 60]
    for path in (files.path("minute_aggs_v1", date), *near):
        made = root / "us_stocks_sip" / path.relative_to(files.root)
        made.parent.mkdir(parents=True, exist_ok=True)
        made.symlink_to(path.resolve())


def entries_of(root: Path, date: dt.date, lists: Iterable[str], form: Form = "fast") -> pd.DataFrame:
    definitions = [spec.definition for spec in shipped_lists().specs if spec.name in lists]
    result = run_day(DayTask(str(root), date, tuple(variants_of(definitions)), form=form))
    assert result.fault == ""
    assert result.entries is not None
    found: pd.DataFrame = result.entries.to_pandas()
    return found


@pytest.mark.parametrize("name", LISTS)
def test_entries_are_those_of_a_plain_computation(day: Day, name: str) -> None:
    mine = day.found[day.found["list"] == name]
    minutes = ((mine["time"] - day.plain.pre).dt.total_seconds() // 60).astype(int)
    rows = zip(mine["symbol"], minutes, mine["rank"], mine["stayed_minutes"], strict=True)
    expected = ranked(day.plain, name)
    assert len(expected) > {KNOWN: 20, HALF_DAY: 3, CLOCKS_CHANGED: 3}.get(day.date, -1)
    assert sorted(rows, key=lambda entry: (entry[1], entry[2], entry[0])) == expected


@pytest.mark.parametrize("name", LISTS)
def test_outcomes_are_those_of_a_plain_computation(day: Day, name: str) -> None:
    columns = [column for column in day.found.columns if column.split("_")[0] in ("return", "best", "worst")]
    for _, row in day.found[day.found["list"] == name].iterrows():
        minute = int((row["time"] - day.plain.pre).total_seconds() // 60)
        expected = outcomes(day.plain, row["symbol"], minute)
        for column in ("entry_price", *columns):
            assert row[column] == pytest.approx(expected.get(column, np.nan), abs=1e-9, nan_ok=True), column


def test_both_forms_give_the_same(day: Day) -> None:
    fast, plain = (entries_of(day.root, day.date, shipped_lists().names, form) for form in ("fast", "plain"))
    assert len(fast) > (1_000 if day.date == KNOWN else 100)
    pd.testing.assert_frame_equal(fast, plain, check_exact=True)
