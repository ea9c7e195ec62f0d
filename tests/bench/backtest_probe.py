"""One measurement of a backtest in a process of its own, as JSON: `python -m tests.bench.backtest_probe WHAT DIR DAY`.

WHAT is `fast`, `plain` (the live code, stepped), or with outcomes and controls too `five` or `all` (shipped lists).
"""

from __future__ import annotations

import datetime as dt
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa

from gapscan.backtesting.entries import EntryLog
from gapscan.backtesting.fast_form import FastForm
from gapscan.backtesting.loading import DayLoader
from gapscan.backtesting.market_day import MarketDay
from gapscan.backtesting.one_day import DayTask, backtest_day
from gapscan.backtesting.plain_form import PlainForm
from gapscan.backtesting.variants import list_set, variants_of
from gapscan.flatfiles.arrow_reader import available
from gapscan.market.sessions import session_times
from gapscan.ranking.spec import shipped_lists
from tests.bench.memory import peak_mb

LISTS: Final = ("gappers_up", "winners", "losers", "momentum_up", "most_active")
_DEFINITIONS: Final = [spec.definition for spec in shipped_lists().specs]
_FIVE: Final = variants_of([one for one in _DEFINITIONS if one.name in LISTS])
_Timed = dict[str, float]


def _timed(found: _Timed, name: str, step: Callable[[], object]) -> None:
    """CPU seconds under the name, and those of the clock under `name_clock`."""
    cpu, clock = time.process_time(), time.perf_counter()
    step()
    found[name], found[f"{name}_clock"] = time.process_time() - cpu, time.perf_counter() - clock


def _entries(form: type[FastForm] | type[PlainForm], day: MarketDay) -> None:
    lists = list_set(_FIVE, shipped_lists())
    EntryLog(len(lists.specs), len(day.symbols), 7, with_controls=False).add_all(form(day, lists).run())


def main(what: str, root: str, date: str) -> None:
    """Measure, and print."""
    found: _Timed = {}
    days: list[MarketDay] = []
    session_times(dt.date.fromisoformat(date)), available()  # loading libraries is not counted, nor is it of the others
    _timed(found, "load", lambda: days.append(DayLoader(Path(root)).load(dt.date.fromisoformat(date))))
    (day,) = days
    if what in ("five", "all"):
        pa.array([""])  # nor here: this loads pandas
        task = DayTask(root, day.date, tuple(_FIVE if what == "five" else variants_of(_DEFINITIONS)))
        _timed(found, what, lambda: backtest_day(day, task))
    else:
        _timed(found, what, lambda: _entries(FastForm if what == "fast" else PlainForm, day))
    found["memory"] = peak_mb()
    print(msgspec.json.encode(found).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
