"""Own courses of volume of past days: which sessions they are of, what relative volume says by them, what is kept."""

from __future__ import annotations

import datetime as dt
import gzip
import logging
from pathlib import Path
from typing import Any

import pytest

from gapscan.backtesting import one_day, past_curves
from gapscan.backtesting.kept_days import key_of
from gapscan.backtesting.one_day import DayTask, Form, run_day
from gapscan.backtesting.past_curves import curve_days
from gapscan.backtesting.variants import variants_of
from gapscan.protocol.messages import ListDefinition
from tests.support.flatfiles import HEADER, even_day, minutes_path, sessions_before, write_minutes

DAY = dt.date(2024, 3, 8)
SESSIONS = 12
ANYBODY = ListDefinition("anybody", "", "rvol >= 2", ["-volume"], 10, ["regular"])


def write_days(root: Path, *, sessions: int = SESSIONS) -> None:
    """Sessions of 1,000 shares a minute, then a day of 3,000; daily bars of the day before."""
    for day in sessions_before(DAY, sessions)[:sessions]:
        write_minutes(root, day, even_day(["A"], 1_000))
    write_minutes(root, DAY, even_day(["A"], 3_000))
    before = sessions_before(DAY, 1)[0]
    path = minutes_path(root, before)
    daily = Path(str(path).replace("minute_aggs_v1", "day_aggs_v1"))
    daily.parent.mkdir(parents=True, exist_ok=True)
    daily.write_bytes(gzip.compress(f"{HEADER}\nA,390000,10,10,10,10,0,300\n".encode()))


def entries(root: Path, form: Form = "fast") -> list[dict[str, Any]]:
    found = run_day(DayTask(str(root), DAY, tuple(variants_of([ANYBODY])), form=form))
    assert found.fault == ""
    assert found.entries is not None
    rows: list[dict[str, Any]] = found.entries.to_pylist()
    return rows


@pytest.mark.parametrize("form", ["fast", "plain"])
def test_a_symbol_is_held_against_its_own_course_where_there_are_minutes(tmp_path: Path, form: Form) -> None:
    write_days(tmp_path)
    (entry,) = entries(tmp_path, form)
    assert (entry["rvol"], entry["rvol_source"]) == (3.0, "own")
    assert entry["stayed_minutes"] > 380, "at every minute of the session it has traded three times the usual"


def test_without_minutes_of_the_sessions_before_it_is_the_markets_course(tmp_path: Path) -> None:
    write_days(tmp_path, sessions=0)
    (entry, *_) = entries(tmp_path)
    assert entry["rvol_source"] == "market"


def test_only_the_latest_sessions_count() -> None:
    before = sessions_before(DAY, 30)
    assert curve_days(DAY, 20, {*before, DAY}) == before[:20]
    assert curve_days(DAY, 20, set(before[5:])) == before[5:20]


def test_what_was_read_of_a_day_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_days(tmp_path)
    first = entries(tmp_path)
    kept = [minutes_path(tmp_path, day).with_name(f"{day}.volumes.npz") for day in sessions_before(DAY, SESSIONS)]
    assert all(path.exists() for path in kept)
    one_day._loader.cache_clear()
    monkeypatch.setattr(past_curves, "read_day", lambda files, date: pytest.fail(f"{date} was read again"))
    assert entries(tmp_path) == first


def test_a_session_that_cannot_be_read_is_left_out_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_days(tmp_path)
    bad = sessions_before(DAY, SESSIONS)[3]
    minutes_path(tmp_path, bad).write_bytes(b"no gzip")
    with caplog.at_level(logging.WARNING):
        (entry,) = entries(tmp_path)
    assert entry["rvol_source"] == "own"
    assert f"are without those of {bad}" in caplog.text


def test_a_day_that_is_done_depends_on_the_sessions_before(tmp_path: Path) -> None:
    write_days(tmp_path)
    task = DayTask(str(tmp_path), DAY, tuple(variants_of([ANYBODY])))
    before = key_of(task)
    write_minutes(tmp_path, sessions_before(DAY, SESSIONS)[-1], even_day(["A"], 500))
    assert key_of(task) != before
