"""Whole backtests over simulated files: the same bytes however they run, interrupted ones, bad files, the command."""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import signal
import subprocess
import sys
import threading
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import gapscan
from gapscan.backtesting import run as running
from gapscan.backtesting.api import whole
from gapscan.backtesting.chosen import chosen_lists
from gapscan.backtesting.one_day import DayResult, DayTask, run_day
from gapscan.backtesting.run import Options, WorkerDiedError
from gapscan.backtesting.variants import variants_of
from gapscan.errors import ConfigError, DataError
from gapscan.sim.flat_files import write_flat_files
from tests.support.cli import Cli, assert_error

FILES = ("entries.parquet", "entries.csv", "summary.json", "report.html")
pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four days of a small simulated market, with the daily bars before them."""
    root = tmp_path_factory.mktemp("market")
    write_flat_files(root, days=4, symbols=120, seed=3, last=dt.date(2024, 3, 8))
    return root


FIRST, LAST = "2024-03-05", "2024-03-08"


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


def run(market: Path, out: Path, **options: object) -> dict[str, bytes]:
    gapscan.backtest(first=FIRST, last=LAST, flat_files=market, out=out, vary=["gap_percent=1,3"], **options)  # type: ignore[arg-type]
    return bytes_of(out)


def test_the_same_bytes_with_one_worker_with_two_and_on_dask(market: Path, tmp_path: Path) -> None:
    expected = run(market, tmp_path / "one")
    assert run(market, tmp_path / "again") == expected
    assert run(market, tmp_path / "two", workers=2) == expected
    local: Any = import_module("distributed").LocalCluster
    with local(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster:
        assert run(market, tmp_path / "dask", dask=cluster.scheduler_address) == expected
    table = pq.read_table(tmp_path / "one" / "entries.parquet")
    with open(tmp_path / "one" / "entries.csv", newline="") as file:
        assert sum(1 for _ in csv.DictReader(file)) == table.num_rows > 100
    assert table.equals(gapscan.backtest(first=FIRST, last=LAST, flat_files=market, vary=["gap_percent=1,3"]))


LOST = threading.Event()


def lose(cluster: Any) -> None:
    """What it computes is taken from it, as when its scheduler is gone."""
    dask: Any = import_module("distributed")
    with dask.Client(cluster, set_as_default=False) as other:
        other.cancel([dask.Future(key, other) for key in list(cluster.scheduler.tasks)], force=True)


def first_day_at_once(task: DayTask) -> DayResult:
    """The other days, when the cluster is lost."""
    if task.date.isoformat() != FIRST:
        LOST.wait(60)
    return run_day(task)


def test_a_cluster_that_is_lost_is_said_and_its_days_are_kept(
    market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "run_day", first_day_at_once)
    local: Any = import_module("distributed").LocalCluster
    with local(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as cluster:
        lists, dates = variants_of(chosen_lists([])), (dt.date.fromisoformat(FIRST), dt.date.fromisoformat(LAST))
        options = Options(market, *dates, lists, dask=cluster.scheduler_address, out=tmp_path)
        with pytest.raises(WorkerDiedError, match="did not compute all days"):
            whole(options, lambda *_: lose(cluster))
        LOST.set()
    assert list((tmp_path / "days").glob("*.entries.arrow"))


def test_a_run_goes_on_where_it_stopped(market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, done = run(market, tmp_path / "whole"), list[dt.date]()

    def interrupted(task: DayTask) -> DayResult:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(task.date)
        return run_day(task)

    monkeypatch.setattr(running, "run_day", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(market, tmp_path / "out")
    done.insert(0, dt.date.min)  # two more, and no third
    monkeypatch.setattr(running, "run_day", lambda task: done.append(task.date) or run_day(task))  # type: ignore[func-returns-value]
    assert run(market, tmp_path / "out") == expected
    assert sorted(done[1:]) == [dt.date(2024, 3, day) for day in (5, 6, 7, 8)]


def test_other_lists_are_computed_anew(market: Path, tmp_path: Path) -> None:
    run(market, tmp_path / "out")
    again = gapscan.backtest("winners", first=FIRST, last=LAST, flat_files=market, out=tmp_path / "out")
    assert set(again.column("list").to_pylist()) == {"winners"}


def cut_off(market: Path, files: Path, bad: str) -> Path:
    """The same files, but for one that is cut off; where that is."""
    for path in market.rglob("*.csv.gz"):
        link = files / path.relative_to(market)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path)
    found = files / "us_stocks_sip" / bad
    whole = found.read_bytes()
    found.unlink()
    found.write_bytes(whole[: len(whole) // 2])
    return found


def test_a_bad_file_costs_its_day_and_is_named(market: Path, tmp_path: Path) -> None:
    broken = tmp_path / "files"
    bad = cut_off(market, broken, "minute_aggs_v1/2024/03/2024-03-06.csv.gz")
    found = gapscan.backtest("winners", first=FIRST, last=LAST, flat_files=broken, out=tmp_path / "out", workers=2)
    assert {day.isoformat() for day in found.column("date").to_pylist()} == {"2024-03-05", "2024-03-07", "2024-03-08"}
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert list(summary["faults"]) == ["2024-03-06"]
    assert str(bad) in summary["faults"]["2024-03-06"]
    assert str(bad) in (tmp_path / "out" / "report.html").read_text()
    with pytest.raises(DataError, match="no day could be used"):
        gapscan.backtest("winners", first="2024-03-06", last="2024-03-06", flat_files=broken)


def test_a_bad_file_of_daily_bars_costs_averages_its_session(market: Path, tmp_path: Path) -> None:
    broken, out = tmp_path / "files", tmp_path / "out"
    bad = cut_off(market, broken, "day_aggs_v1/2024/03/2024-03-01.csv.gz")
    gapscan.backtest("winners", first=FIRST, last=LAST, flat_files=broken, out=out)
    summary = json.loads((out / "summary.json").read_text())
    assert (len(summary["days"]), summary["faults"]) == (4, {})
    assert sum(str(bad) in text for text in summary["lacks"]) == 4, "of each day that needs it"
    assert any("daily bars of 19 of the 20 sessions before" in text for text in summary["lacks"])


def test_a_bad_file_of_the_next_session_leaves_its_open_unknown(market: Path, tmp_path: Path) -> None:
    broken = tmp_path / "files"
    bad = cut_off(market, broken, "day_aggs_v1/2024/03/2024-03-08.csv.gz")
    found = gapscan.backtest("winners", first="2024-03-07", last="2024-03-07", flat_files=broken, out=tmp_path / "out")
    assert found.num_rows > 0
    assert found.column("return_next_open").null_count == found.num_rows
    lacks = json.loads((tmp_path / "out" / "summary.json").read_text())["lacks"]
    assert any("the next open is not known" in text and str(bad) in text for text in lacks)


def test_days_that_are_not_there(market: Path) -> None:
    with pytest.raises(ConfigError, match="has no day from 2020-01-01"):
        gapscan.backtest(first="2020-01-01", last="2020-01-31", flat_files=market)
    with pytest.raises(ConfigError, match="is before"):
        gapscan.backtest(first=LAST, last=FIRST, flat_files=market)


async def test_the_command(market: Path, tmp_path: Path) -> None:
    own, cli = tmp_path / "own.toml", Cli(tmp_path)
    own.write_text('[lists.cheap]\nwhere = "price < 20 and change_percent > 1"\nsort = ["-change_percent"]\n')
    files = ("--from", FIRST, "--to", LAST, "--flat-files", str(market))
    done = await cli.run(
        "backtest", "gappers_up", str(own), *files, "--out", str(tmp_path / "out"), "--where", "price > 5", "--step",
        "2m", "--slippage", "10",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert done.out.splitlines()[0] == "2024-03-05 to 2024-03-08: 4 days"
    assert "cheap[price > 5]" in done.out
    assert "entries are in" in done.err
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count("<svg") >= 4
    assert "http" not in page
    for wrong, said in {
        ("gappers_upp",): "did you mean gappers_up?",
        ("gappers_up", "--vary", "rvol=2"): "compares rvol",
        ("gappers_up", "--step", "2h"): "from 1m to 60m",
        ("gappers_up", "--entry", "best"): "next_open or price",
        ("gappers_up", "--slippage", "nan"): "a slippage of nan basis points",
        ("gappers_up", "--dask", "nowhere"): "no Dask scheduler at nowhere: missing port number",
        ("gappers_up", "--out", str(own / "out")): "cannot be written: Not a directory (give --out another directory)",
    }.items():
        assert_error(await cli.run("backtest", *wrong, *files), 2, said)


async def test_the_two_commands_of_the_readme(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    wrote = await cli.run("sim", "--write-flatfiles", "flatfiles", "--days", "1", "--symbols", "60")
    assert wrote.code == 0, wrote.err
    (command,) = wrote.out.splitlines()
    done = await cli.run(*command.split()[1:])
    assert done.code == 0, done.err
    assert "most_active" in done.out


def test_an_interrupted_command_ends_its_workers(market: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gapscan_cli", "backtest", "--from", FIRST, "--to", LAST, "--flat-files",
               str(market), "--out", str(tmp_path / "out"), "--workers", "2"]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as process:
        until = time.monotonic() + 60
        while not list((tmp_path / "out").rglob("*.entries.arrow")) and process.poll() is None:
            assert time.monotonic() < until
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode in (0, 130)
    assert (b"the same command goes on there" in said) == (process.returncode == 130), said
    assert list((tmp_path / "out" / "days").glob("*.entries.arrow"))
    assert sorted(path.name for path in (tmp_path / "out").glob("*.*")) in ([], sorted(FILES))
