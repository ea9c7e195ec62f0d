"""`gapscan.backtest`: list definitions over past days, as a table of entries with what followed each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gapscan.backtesting.chosen import chosen_lists
from gapscan.backtesting.one_day import DayResult
from gapscan.backtesting.outcomes import Buying, EntryRule
from gapscan.backtesting.run import Options, Progress, days_of, run
from gapscan.backtesting.summary import Summary, summarized
from gapscan.backtesting.variants import parse_vary, variants_of
from gapscan.errors import DataError
from gapscan.flatfiles.files import FlatFiles
from gapscan.flatfiles.splits import read_splits

if TYPE_CHECKING:
    import pyarrow as pa


def backtest(
    lists: Sequence[str] | str = (),
    *,
    first: dt.date | str,
    last: dt.date | str,
    flat_files: Path | str,
    vary: Sequence[str] = (),
    where: Sequence[str] = (),
    step: int = 1,
    entry: EntryRule = "next_open",
    slippage_bps: float = 0.0,
    workers: int = 1,
    dask: str = "",
    out: Path | str | None = None,
    seed: int = 7,
) -> pa.Table:
    """All entries into the lists from day `first` to day `last` (YYYY-MM-DD), each with what followed.

    `lists` are names of shipped lists and TOML files of own ones; without any, all shipped lists. `vary` has texts such
    as "gap_percent=1,2,3", `where` further conditions; both make variants beside the lists, told apart in column
    `list`. `step` is minutes from ranking to ranking. What was chosen at random beside the entries, and the figures,
    are in the files that are written to `out`; without it, nothing is written. The columns are in docs/backtest.md.

    Raises ConfigError for what is asked for wrongly, and DataError when no day could be read.
    """
    names = [lists] if isinstance(lists, str) else list(lists)
    options = Options(
        Path(flat_files),
        _date(first),
        _date(last),
        variants_of(chosen_lists(names), [parse_vary(text) for text in vary], where),
        step=step,
        buying=Buying(entry, slippage_bps),
        seed=seed,
        workers=workers,
        dask=dask,
        out=Path(out) if out is not None else None,
    )
    return whole(options).table


def _date(day: dt.date | str) -> dt.date:
    return day if isinstance(day, dt.date) else dt.date.fromisoformat(day)


class Backtest:
    """A backtest that is done: the results of its days, and the figures of all."""

    def __init__(self, results: list[DayResult], summary: Summary) -> None:
        self.results = results
        self.summary = summary

    @property
    def table(self) -> pa.Table:
        """The entries of all days."""
        import pyarrow as pa

        return pa.concat_tables([result.entries for result in self.results if result.entries is not None])


def whole(options: Options, progress: Progress | None = None) -> Backtest:
    """Run a backtest, and write what it found to `options.out`. Raises DataError when every day was lost."""
    from gapscan.backtesting.outputs import write_outputs

    days = days_of(options)
    results = run(options, days, progress)
    if all(result.fault for result in results):
        raise DataError(f"no day could be used: {results[0].fault}")
    knows_splits = read_splits(FlatFiles(options.directory).root) is not None
    found = Backtest(results, summarized(options, days, results, knows_splits))
    if options.out is not None:
        write_outputs(options.out, found.table, found.summary)
    return found
