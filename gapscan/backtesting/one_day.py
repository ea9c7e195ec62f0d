"""The backtest of one day: from its files to tables of its entries, and of what was chosen at random beside them."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from gapscan.backtesting.controls import CONTROLS
from gapscan.backtesting.entries import Entries, EntryLog
from gapscan.backtesting.entry_rows import RowLog, entry_rows
from gapscan.backtesting.fast_form import FastForm
from gapscan.backtesting.hours_gate import HoursGate
from gapscan.backtesting.loading import DayLoader
from gapscan.backtesting.market_day import MarketDay
from gapscan.backtesting.outcomes import EXTREMES, RETURNS, Buying, DayBook, Outcomes
from gapscan.backtesting.plain_form import PlainForm
from gapscan.backtesting.variants import Variant, list_set
from gapscan.errors import DataError
from gapscan.market.columns import Floats, Ints
from gapscan.market.sessions import MINUTE_MS, Hours, hours_in_use
from gapscan.protocol.fields import NUMBER_FIELDS, Field
from gapscan.ranking.row_values import SHOWN
from gapscan.ranking.spec import ListSet, shipped_lists

if TYPE_CHECKING:
    import pyarrow as pa

Form = Literal["fast", "plain"]
_SOURCE: Final = "source"  # of a row's price: a scan or a bar, of which a past day knows nothing


@dataclass(frozen=True, slots=True)
class DayTask:
    """What one day's backtest depends on, beside its files; it is sent to other processes and machines."""

    directory: str
    date: dt.date
    variants: tuple[Variant, ...]
    step: int = 1
    buying: Buying = field(default_factory=Buying)
    seed: int = 7
    form: Form = "fast"
    hours: Hours = field(default_factory=hours_in_use)


@dataclass(frozen=True, slots=True)
class DayResult:
    """One day: `entries` and `controls` as tables, or the `fault` that the day was lost to. `lacks`: what data lack.

    `curve_sessions`: of how many sessions the symbols' usual volumes are.
    """

    date: dt.date
    entries: pa.Table | None = None
    controls: pa.Table | None = None
    symbols: int = 0
    lacks: tuple[str, ...] = ()
    fault: str = ""
    curve_sessions: int = 0


# A Dask worker has several threads: the daily files are shared, and CPython 3.11 parses in one thread at a time.
_SHARED: Final = Lock()
_HOURS: Final = HoursGate()
_PARSINGS: Final = 20


@lru_cache(maxsize=2)
def _loader(directory: str) -> DayLoader:
    """One a process: days that follow one another share most daily files."""
    return DayLoader(Path(directory))


def prepare_day(directory: str, date: dt.date) -> None:
    """Read the minutes of a day, and keep them, for itself and for the days that it is a session before of."""
    _loader(directory).prepare(date)


def run_day(task: DayTask) -> DayResult:
    """The backtest of one day. A file that cannot be used costs the day, and is named."""
    with _HOURS.going_by(task.hours):  # a process of its own has read no settings
        return _run_day(task)


def _run_day(task: DayTask) -> DayResult:
    try:
        with _SHARED:
            day = _loader(task.directory).load(task.date)
    except DataError as error:
        return DayResult(task.date, fault=str(error))
    return backtest_day(day, task)


def backtest_day(day: MarketDay, task: DayTask) -> DayResult:
    """The backtest of a day that was loaded."""
    lists = _compiled(task)
    log, seen = EntryLog(len(lists.specs), len(day.symbols), task.seed), RowLog(day)
    if task.form == "fast":
        entries = log.add_all(FastForm(day, lists, SHOWN).run(task.step), seen)
    else:
        entries = log.add_all(PlainForm(day, lists).run(task.step))
    controls = _controls(day, entries, task)  # before the rows: there are many, and the room for them is used again
    rows = seen.rounded() if task.form == "fast" else entry_rows(day, entries.minute, entries.place, task.step)
    followed = DayBook(day).follow(entries.minute, entries.place, rows[_PRICE], task.buying)
    table, sessions = _entries_table(day, task, entries, rows, followed), day.curve_sessions
    return DayResult(day.date, table, controls, len(day.symbols), day.lacks, curve_sessions=sessions)


def _compiled(task: DayTask) -> ListSet:
    """The lists. On threads of a Dask worker, CPython 3.11.7 was seen to fail in parsing with SystemError."""
    for _ in range(_PARSINGS):
        with suppress(SystemError), _SHARED:
            return list_set(task.variants, shipped_lists())
    return list_set(task.variants, shipped_lists())


_PRICE: Final = [each.name for each in NUMBER_FIELDS].index("price")


def _controls(day: MarketDay, entries: Entries, task: DayTask) -> pa.Table:
    import pyarrow as pa

    chosen = np.flatnonzero(entries.controls >= 0)
    at, places = chosen // CONTROLS, entries.controls.ravel().take(chosen)
    minutes = entries.minute[at]
    prices = _prices_at(day, minutes, places) if task.buying.rule == "price" else np.full(len(at), np.nan)
    followed = DayBook(day).follow(minutes, places, prices, task.buying, extremes=False)
    columns: dict[str, Any] = {"date": _date(day, len(at)), "list": _labels(task, entries.of[at])}
    columns |= {name: _nullable(followed.columns[name]) for name in RETURNS}
    return pa.table(columns)


def _prices_at(day: MarketDay, minutes: Ints, places: Ints) -> Floats:
    """Each symbol's last price after so many minutes."""
    bars = day.minutes
    order = np.argsort(bars.symbol, kind="stable")
    keys = bars.symbol[order].astype(np.int64) * 2 * day.length + bars.minute[order]
    found: Floats = bars.close[order][np.searchsorted(keys, places * 2 * day.length + minutes) - 1]
    return found


def _entries_table(day: MarketDay, task: DayTask, entries: Entries, rows: Floats, followed: Outcomes) -> pa.Table:
    import pyarrow as pa

    time = day.times.pre + entries.minute * MINUTE_MS
    bought = np.where(followed.bought >= 0, day.times.pre + followed.bought * MINUTE_MS, 0)
    columns: dict[str, Any] = {
        "date": _date(day, len(entries)),
        "list": _labels(task, entries.of),
        "symbol": pa.array(day.symbols, pa.string()).take(pa.array(entries.place)),
        "time": pa.array(time, pa.timestamp("ms", "UTC")),
        "rank": pa.array(entries.rank, pa.int32()),
        "stayed_minutes": pa.array(entries.until - entries.minute, pa.int32()),
        "still_in": pa.array(entries.still_in),
        "bought_at": pa.array(bought, pa.timestamp("ms", "UTC"), mask=followed.bought < 0),
        "entry_price": _nullable(followed.price),
    }
    columns |= {name: _nullable(followed.columns[name]) for name in (*RETURNS, *EXTREMES)}
    columns |= {each.name: _shown(each, rows[at]) for at, each in enumerate(NUMBER_FIELDS) if each.name != _SOURCE}
    return pa.table(columns)


def _date(day: MarketDay, size: int) -> pa.Array:
    import pyarrow as pa

    return pa.repeat(pa.scalar(day.date, pa.date32()), size)


def _labels(task: DayTask, of: Ints) -> pa.Array:
    import pyarrow as pa

    labels = pa.array([variant.label for variant in task.variants], pa.string())
    return labels.take(pa.array(of))


def _nullable(values: Floats) -> pa.Array:
    import pyarrow as pa

    return pa.array(values, pa.float64(), mask=np.isnan(values))


def _shown(shown: Field, values: Floats) -> pa.Array:
    """A field of the rows, with its own type; what is missing is null."""
    import pyarrow as pa

    missing = np.isnan(values)
    if shown.type == "boolean":
        return pa.array(values == 1.0, mask=missing)
    if not shown.is_coded and shown.type != "integer":
        return _nullable(values)
    whole = pa.array(np.where(missing, 0, values).astype(np.int64), mask=missing)
    return pa.array(shown.words, pa.string()).take(whole) if shown.is_coded else whole
