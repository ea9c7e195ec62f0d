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

from gapscan.flatfiles.files import FlatFiles
from gapscan.market.sessions import MINUTE_MS, NS_PER_MS, previous_trading_day, session_times
from tests.bench.registry import Benchmark, Figure
from tests.support.flatfiles import HEADER

DAY: Final = dt.date(2026, 11, 20)
SYMBOLS, BARS = 11_000, 2_000_000
LISTS: Final = ("gappers_up", "winners", "losers", "momentum_up", "most_active")
_MINUTES: Final = 960
_ROUNDS: Final = 3
_PROBE: Final = """
import datetime as dt, resource, sys, time
import msgspec
from gapscan.backtesting.entries import EntryLog
from gapscan.backtesting.fast_form import FastForm
from gapscan.backtesting.loading import DayLoader
from gapscan.backtesting.one_day import DayTask, backtest_day
from gapscan.backtesting.plain_form import PlainForm
from gapscan.backtesting.variants import list_set, variants_of
from gapscan.ranking.spec import shipped_lists
from pathlib import Path

root, date, rounds, *names = sys.argv[1:]
definitions = [spec.definition for spec in shipped_lists().specs]
five = variants_of([one for one in definitions if one.name in names])
found = {}

def timed(name, step):
    began = time.process_time()
    result = step()
    found.setdefault(name, []).append(time.process_time() - began)
    return result

def entries(form):
    lists = list_set(five, shipped_lists())
    log = EntryLog(len(lists.specs), len(day.symbols), 7, with_controls=False)
    return log.add_all(form(day, lists).run())

for _ in range(int(rounds)):
    day = timed("load", lambda: DayLoader(Path(root)).load(dt.date.fromisoformat(date)))
    timed("fast", lambda: entries(FastForm))
found["memory"] = [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000]
for variants in (five, variants_of(definitions)):
    task = DayTask(root, day.date, tuple(variants))
    timed("whole" if variants is five else "all", lambda: backtest_day(day, task))
timed("plain", lambda: entries(PlainForm))
print(msgspec.json.encode(found).decode())
"""


def write_day(root: Path) -> None:
    """Minutes of the day, and the daily bars of the one before, of which prices start a few percent away."""
    dice = np.random.default_rng(1)
    rate = np.exp(dice.normal(0, 1.6, SYMBOLS))
    counts = np.clip(rate / rate.sum() * BARS * 3, 1, 900)
    counts = np.clip(counts * BARS / counts.sum(), 1, 900).astype(int)
    files, start = FlatFiles(root), session_times(DAY).pre * NS_PER_MS
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
    _write(files.path("minute_aggs_v1", DAY), lines)
    _write(files.path("day_aggs_v1", previous_trading_day(DAY)), before)


def _write(path: Path, lines: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("\n".join([*lines, ""]).encode(), 6))


def backtest() -> Sequence[Figure]:
    """CPU seconds of one process; the first load reads the gzip file, later ones kept columns."""
    with tempfile.TemporaryDirectory() as folder:
        write_day(Path(folder))
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", _PROBE, folder, str(DAY), str(_ROUNDS), *LISTS], capture_output=True, check=True
        )
        seconds = time.perf_counter() - began
    found = msgspec.json.decode(done.stdout, type=dict[str, list[float]])
    fast, cold, kept = min(found["fast"]), found["load"][0], min(found["load"][1:])
    return [
        Figure("backtest: five lists over a day of 2.0 M minute bars, entries", fast, "s"),
        Figure(
            "backtest: the live code stepped through the same day, by that",
            found["plain"][0] / fast,
            "times",
            12,
            "",
            True,
        ),
        Figure("backtest: gzip file to entries", cold + fast, "s"),
        Figure("backtest: kept columns to entries", kept + fast, "s"),
        Figure("backtest: five lists with outcomes and controls", found["whole"][0], "s"),
        Figure(
            "backtest: all shipped lists with outcomes and controls, by the first", found["all"][0] / fast, "times", 2.5
        ),
        Figure("backtest: resident memory, reading included", found["memory"][0], "MB"),
        Figure("backtest: this benchmark, wall clock", seconds, "s"),
    ]


BENCHMARKS: dict[str, Benchmark] = {"backtest": backtest}
