"""Backtests of a generated day: 11,000 symbols, two million minute bars, from a gzip file or from kept columns."""

from __future__ import annotations

import datetime as dt
import gzip
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

import gapscan
from gapscan.flatfiles.files import FlatFiles
from gapscan.market.sessions import MINUTE_MS, NS_PER_MS, previous_trading_day, session_times
from tests.bench.backtest_probe import LISTS
from tests.bench.registry import Benchmark, Figure
from tests.support.flatfiles import HEADER

DAY: Final = dt.date(2026, 11, 20)
SYMBOLS, BARS = 11_000, 2_000_000
_MINUTES: Final = 960
_ROUNDS: Final = 3
_DAYS: Final = 4


def write_day(root: Path, day: dt.date = DAY) -> None:
    """Minutes of the day, and the daily bars of the one before, of which prices start a few percent away."""
    dice = np.random.default_rng(1)
    rate = np.exp(dice.normal(0, 1.6, SYMBOLS))
    counts = np.clip(rate / rate.sum() * BARS * 3, 1, 900)
    counts = np.clip(counts * BARS / counts.sum(), 1, 900).astype(int)
    files, start = FlatFiles(root), session_times(day).pre * NS_PER_MS
    weights = np.where((np.arange(_MINUTES) >= 330) & (np.arange(_MINUTES) < 720), 1.0, 0.07)
    lines, before = [HEADER], [HEADER]
    for number in range(SYMBOLS):
        size = int(counts[number])
        minutes = np.sort(dice.choice(_MINUTES, size, replace=False, p=weights / weights.sum()))
        base, name = np.exp(dice.normal(3, 1.2)) + 0.5, f"S{number:05d}"
        close = np.round(base * np.exp(dice.normal(0, 0.002, size).cumsum() + dice.normal(0, 0.03)), 2)
        opened = np.round(close * np.exp(dice.normal(0, 0.001, size)), 2)
        high, low = np.maximum(opened, close) + 0.01, np.minimum(opened, close) - 0.01
        volume = np.ceil(np.exp(dice.normal(5 + np.log(rate[number] + 1), 1.2, size)))
        rows = zip(volume, opened, close, high, low, start + minutes * MINUTE_MS * NS_PER_MS, strict=True)
        lines += [f"{name},{v:.0f},{o:.2f},{c:.2f},{h:.2f},{w:.2f},{t},9" for v, o, c, h, w, t in rows]
        before.append(f"{name},{volume.sum():.0f},{base:.2f},{base:.2f},{base:.2f},{base:.2f},{start},900")
    _write(files.path("minute_aggs_v1", day), lines)
    _write(files.path("day_aggs_v1", previous_trading_day(day)), before)


def _write(path: Path, lines: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("\n".join([*lines, ""]).encode(), 6))


_Found = dict[str, list[float]]


def _measure(found: _Found, module: str, *arguments: str, prefix: str = "") -> None:
    """Add what a process of its own measures."""
    command = [sys.executable, "-m", f"tests.bench.{module}", *arguments]
    done = subprocess.run(command, capture_output=True, check=True)
    for name, value in msgspec.json.decode(done.stdout, type=dict[str, float]).items():
        found.setdefault(prefix + name, []).append(value)


def backtest() -> Sequence[Figure]:
    """In turn, each in a process of its own: from the gzip file, from kept columns, Polars and DuckDB.

    CPU seconds, the least of a few rounds; where the others have two threads, seconds on the clock.
    """
    found: _Found = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_day(root)
        files = FlatFiles(root)
        read = (str(files.path("minute_aggs_v1", DAY)), str(files.path("day_aggs_v1", previous_trading_day(DAY))))
        for _ in range(_ROUNDS):
            for kept in root.rglob("*.columns.arrow"):
                kept.unlink()
            for prefix in ("cold_", "kept_"):
                _measure(found, "backtest_probe", "fast", folder, str(DAY), prefix=prefix)
            for what in ("five", "all"):
                _measure(found, "backtest_probe", what, folder, str(DAY))
            for engine in ("polars", "duckdb"):
                for threads in ("1", "2"):
                    prefix = f"{engine}_{threads}_"
                    _measure(found, "backtest_rivals", engine, *read, str(DAY), threads, prefix=prefix)
        _measure(found, "backtest_probe", "plain", folder, str(DAY))
    return _figures({name: min(values) for name, values in found.items()})


def _figures(least: dict[str, float]) -> list[Figure]:
    fast, clock = least["kept_fast"], least["kept_fast_clock"]
    cold = least["cold_load"] + least["cold_fast"]
    polars, duckdb = least["polars_1_entries"], least["duckdb_1_entries"]
    return [
        Figure("backtest: five lists over a day of 2.0 M minute bars, entries", fast, "s"),
        Figure("backtest: that, by the live code stepped", least["plain"] / fast, "times", 12, "", lower_bound=True),
        Figure("backtest: that, against Polars on one thread", fast / polars, "of its", 0.40),
        Figure("backtest: that, against Polars on two", clock / least["polars_2_entries"], "of its", 0.65),
        Figure("backtest: that, against DuckDB on one thread", fast / duckdb, "of its", 0.28),
        Figure("backtest: that, against DuckDB on two", clock / least["duckdb_2_entries"], "of its", 0.40),
        Figure("backtest: gzip file to entries", cold, "s", 22 / 12, "22 before"),
        Figure("backtest: that, against Polars", cold / (least["polars_1_read"] + polars), "of its", 0.55),
        Figure("backtest: kept columns to entries", least["kept_load"] + fast, "s", 22 / 25, "22 before"),
        Figure("backtest: five lists with outcomes and controls", least["five"], "s"),
        Figure(
            "backtest: all shipped lists with outcomes and controls, by the first", least["all"] / fast, "times", 2.5
        ),
        Figure("backtest: peak memory, from the gzip file", least["cold_memory"], "MB"),
        Figure("backtest: that, against Polars", least["cold_memory"] / least["polars_1_memory"], "of its", 0.3),
    ]


def backtest_days() -> Sequence[Figure]:
    """Seconds on the clock of four days from gzip files in two processes, times five; five lists with what followed."""
    days = [DAY]
    while len(days) < _DAYS:
        days.insert(0, previous_trading_day(days[0]))
    with tempfile.TemporaryDirectory() as folder:
        for day in days:
            write_day(Path(folder), day)
        began = time.perf_counter()
        gapscan.backtest(list(LISTS), first=days[0], last=days[-1], flat_files=folder, workers=2)
        seconds = (time.perf_counter() - began) * 20 / _DAYS
    return [Figure(f"backtest: 20 such days on two cores, by {_DAYS}", seconds, "s", 35)]


BENCHMARKS: dict[str, Benchmark] = {"backtest": backtest, "backtest_days": backtest_days}
