"""A backtest over many days: here, in processes, or on a Dask cluster; one that was interrupted goes on."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from gapscan.backtesting.kept_days import KeptDays
from gapscan.backtesting.market_day import BASELINE_SESSIONS
from gapscan.backtesting.one_day import DayResult, DayTask, Form, prepare_day, run_day
from gapscan.backtesting.outcomes import Buying
from gapscan.backtesting.past_curves import curve_days
from gapscan.backtesting.variants import Variant
from gapscan.errors import ConfigError, GapscanError
from gapscan.flatfiles.arrow_reader import available
from gapscan.flatfiles.files import FlatFiles
from gapscan.market.sessions import is_trading_day

Progress = Callable[[DayResult, int, int], None]
_DAY = dt.timedelta(days=1)
_MOST_SLIPPAGE: Final = 10_000  # hundredths of a percent: twice the price
_MOST_SEED: Final = 1 << 64
_LONGEST_STEP: Final = 60


@dataclass(frozen=True, slots=True)
class Options:
    """What a backtest is of. `out` keeps each day that is done, so that the next run need not do it again.

    Raises ConfigError for a slippage, a seed or a step that is none.
    """

    directory: Path
    first: dt.date
    last: dt.date
    variants: Sequence[Variant]
    step: int = 1
    buying: Buying = field(default_factory=Buying)
    seed: int = 7
    workers: int = 1
    dask: str = ""
    out: Path | None = None
    form: Form = "fast"

    def __post_init__(self) -> None:
        slippage = self.buying.slippage_bps
        if not 0 <= slippage < _MOST_SLIPPAGE:
            raise ConfigError(f"a slippage of {slippage:g} basis points", remedy=f"from 0 to below {_MOST_SLIPPAGE:,}")
        if not 0 <= self.seed < _MOST_SEED:
            raise ConfigError(f"seed {self.seed} is too large or below 0", remedy="a whole number, such as 7")
        if not 1 <= self.step <= _LONGEST_STEP:
            raise ConfigError(f"a step of {self.step} minutes", remedy=f"from 1 to {_LONGEST_STEP}")


@dataclass(frozen=True, slots=True)
class Days:
    """The trading days of a backtest: those that there are minutes of, and those that there are none of."""

    there: list[dt.date]
    missing: list[dt.date]


class WorkerDiedError(GapscanError):
    """A process that computed a day ended: there may be too little memory for so many at once."""


def days_of(options: Options) -> Days:
    """Raises ConfigError when no day of the time has minutes."""
    files = FlatFiles(options.directory)
    there = set(files.days("minute_aggs_v1"))
    if options.last < options.first:
        raise ConfigError(f"{options.last} is before {options.first}", remedy="--from is the first day, --to the last")
    wanted = [options.first + _DAY * number for number in range((options.last - options.first).days + 1)]
    days = Days([day for day in wanted if day in there],
                [day for day in wanted if day not in there and is_trading_day(day)])  # fmt: skip
    if not days.there:
        known = sorted(there)
        remedy = f"there are {len(known)} days, {known[0]} to {known[-1]}" if known else "put minute files there"
        folder = files.root / "minute_aggs_v1"
        raise ConfigError(f"{folder} has no day from {options.first} to {options.last}", remedy=remedy)
    return days


def run(options: Options, days: Days, progress: Progress | None = None) -> list[DayResult]:
    """The results of all days, in their order. `progress` is told of each day that is done, and of how many there are.

    Raises ConfigError when what it needs is not installed, WorkerDiedError, and what a Dask cluster raises.
    """
    if not available():
        raise ConfigError("backtests need pyarrow", remedy="pip install 'gapscan[backtest]'")
    kept = KeptDays(options.out / "days") if options.out else None
    tasks = {date: _task(options, date) for date in days.there}
    found = {date: result for date, task in tasks.items() if kept and (result := kept.read(task))}
    done = 0
    for result in found.values():
        done += 1
        if progress:
            progress(result, done, len(tasks))
    for result in _computed(options, [task for date, task in tasks.items() if date not in found]):
        found[result.date] = result
        done += 1
        if kept and not result.fault:
            kept.write(tasks[result.date], result)
        if progress:
            progress(result, done, len(tasks))
    return [found[date] for date in days.there]


def _task(options: Options, date: dt.date) -> DayTask:
    directory = str(options.directory.absolute())
    variants = tuple(options.variants)
    return DayTask(directory, date, variants, options.step, options.buying, options.seed, options.form)


def _computed(options: Options, tasks: list[DayTask]) -> Iterator[DayResult]:
    if options.dask:
        return _on_dask(options.dask, tasks)
    if options.workers > 1 and len(tasks) > 1:
        return _in_processes(min(options.workers, len(tasks)), tasks)
    return map(run_day, tasks)


def _in_processes(workers: int, tasks: list[DayTask]) -> Iterator[DayResult]:
    # What interrupts the command ends its processes too, and they have nothing to say of it.
    quietly = (signal.SIGINT, signal.SIG_DFL)
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), signal.signal, quietly)
    try:
        # First come the files, each read once: what is kept of them then is there for the day, and for those after it.
        for directory, date in _files_of(tasks):
            pool.submit(prepare_day, directory, date)
        for future in as_completed([pool.submit(run_day, task) for task in tasks]):
            yield future.result()
    except BrokenProcessPool:
        raise WorkerDiedError("a worker process ended in the midst of a day", remedy="try fewer --workers") from None
    finally:
        pool.shutdown(cancel_futures=True)


def _files_of(tasks: list[DayTask]) -> list[tuple[str, dt.date]]:
    """The minute files that the days need, their own and those that symbols' usual volumes are of; the first first."""
    directory = tasks[0].directory
    there = set(FlatFiles(Path(directory)).days("minute_aggs_v1"))
    dates = {day for task in tasks for day in (task.date, *curve_days(task.date, BASELINE_SESSIONS, there))}
    return [(directory, date) for date in sorted(dates)]


def _on_dask(address: str, tasks: list[DayTask]) -> Iterator[DayResult]:
    try:
        dask: Any = import_module("distributed")
    except ImportError:
        raise ConfigError("--dask needs Dask", remedy="pip install 'gapscan[dask]'") from None
    try:
        # A client with an address that is none would be waited for at the end, and fail once more.
        resolved = import_module("distributed.comm").resolve_address(address)
        client = dask.Client(resolved, set_as_default=False, timeout="10s")
    except (OSError, ValueError) as error:
        raise ConfigError(f"no Dask scheduler at {address}: {error}", remedy="such as tcp://HOST:8786") from None
    with client:
        futures = client.map(run_day, tasks, pure=False)  # else equal calls would be one, failed ones too
        try:
            for _, result in dask.as_completed(futures, loop=client.loop, with_results=True):
                if isinstance(result, BaseException):  # when the scheduler is lost
                    raise result
                yield result
        except (dask.KilledWorker, dask.CancelledError, OSError, ImportError) as error:
            what = f"the Dask cluster at {address} did not compute all days: {error}"
            raise WorkerDiedError(
                what, remedy="workers need this gapscan with its extra backtest, and memory"
            ) from None
        finally:
            with suppress(Exception):
                client.cancel(futures)
