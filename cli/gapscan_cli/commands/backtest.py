"""`gapscan backtest`: list definitions over past days of flat files."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gapscan.errors import ConfigError
from gapscan_cli import output

if TYPE_CHECKING:
    from gapscan.backtesting.one_day import DayResult
    from gapscan.backtesting.outcomes import Buying
    from gapscan.backtesting.run import Options, Progress

_AT_ONCE = 0.2  # seconds
_HELP = "a name of a shipped list, or a TOML file of own lists; without any, all shipped lists"


def backtest(
    lists: Annotated[list[str] | None, typer.Argument(metavar="[LIST | FILE]...", help=_HELP)] = None,
    first: Annotated[str, typer.Option("--from", metavar="DAY", help="First day, YYYY-MM-DD.")] = "",
    last: Annotated[str, typer.Option("--to", metavar="DAY", help="Last day; without it, the first one alone.")] = "",
    flat_files: Annotated[
        Path | None,
        typer.Option(
            "--flat-files", metavar="DIR", help="Where us_stocks_sip is; without it, `flat_files` of the settings."
        ),
    ] = None,
    step: Annotated[str, typer.Option("--step", metavar="MINUTES", help="From ranking to ranking, such as 1m.")] = "1m",
    vary: Annotated[
        list[str] | None,
        typer.Option("--vary", metavar="FIELD=A,B", help="Also with these thresholds: 'gap_percent=1,2,3'."),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", metavar="EXPR", help="Also with this further condition: 'price < 20'."),
    ] = None,
    entry: Annotated[
        str,
        typer.Option("--entry", metavar="RULE", help="Bought at the open of the next bar (next_open), or the price."),
    ] = "next_open",
    slippage: Annotated[
        float, typer.Option("--slippage", metavar="BPS", help="Basis points by which buying is dearer than that.")
    ] = 0.0,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write entries.parquet, entries.csv, summary.json, report.html."),
    ] = None,
    workers: Annotated[int, typer.Option("--workers", metavar="N", min=1, help="Processes, a day each.")] = 1,
    dask: Annotated[str, typer.Option("--dask", metavar="ADDRESS", help="Run on this Dask cluster instead.")] = "",
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of what is chosen at random.")] = 7,
    config_file: Annotated[Path | None, typer.Option("--config", metavar="FILE", help="A settings file.")] = None,
) -> None:
    """What lists would have shown on past days, and what followed.

    Ranks minute bars of flat files by the rules that rank live, and says of every entry into a list what the price did
    then, beside symbols chosen at random. With --out, a run that is interrupted goes on where it stopped.

    \b
    Examples:
      gapscan backtest gappers_up --from 2024-07-01 --to 2024-07-31 --flat-files flatfiles
      gapscan backtest gappers_up --from 2024-07-01 --vary 'gap_percent=1,2,3,5' --out result
    """
    options = _options(lists or [], first, last or first, _directory(flat_files, config_file), vary or [], where or [])
    options = replace(
        options, step=_minutes(step), buying=_buying(entry, slippage), seed=seed, workers=workers, dask=dask, out=out
    )
    _run(options)


def _options(lists: list[str], first: str, last: str, directory: Path, vary: list[str], where: list[str]) -> Options:
    """What is backtested on which days."""
    from gapscan.backtesting.chosen import chosen_lists
    from gapscan.backtesting.run import Options
    from gapscan.backtesting.variants import parse_vary, variants_of

    variants = variants_of(chosen_lists(lists), [parse_vary(text) for text in vary], where)
    return Options(directory, _day("--from", first), _day("--to", last), variants)


def _buying(entry: str, slippage: float) -> Buying:
    from gapscan.backtesting.outcomes import Buying

    if entry not in ("next_open", "price"):
        raise ConfigError(f"--entry {entry} is not a rule", remedy="next_open or price")
    return Buying("next_open" if entry == "next_open" else "price", slippage)


def _run(options: Options) -> None:
    from gapscan.backtesting.api import whole
    from gapscan_cli.backtest_table import show
    from gapscan_cli.folders import written

    try:
        with written(options.out, "--out") if options.out else nullcontext(), _progress(options) as progress:
            found = whole(options, progress)
    except KeyboardInterrupt:
        again = f"the days that are done are in {options.out}: the same command goes on there"
        output.note(again if options.out else "nothing is kept; with --out, a run goes on where it stopped")
        raise
    show(found.summary)
    if options.out is not None:
        output.note(f"{found.table.num_rows} entries are in {options.out}; open {options.out / 'report.html'}")


def _day(option: str, text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        what = f"{text} is not a day" if text else "a day is needed"
        raise ConfigError(f"{option}: {what}", remedy="such as 2024-07-01") from None


def _minutes(text: str) -> int:
    number = text.removesuffix("m")
    if not number.isdecimal() or not 1 <= int(number) <= 60:
        raise ConfigError(f"--step {text}: not minutes", remedy="from 1m to 60m")
    return int(number)


def _directory(given: Path | None, config_file: Path | None) -> Path:
    """Where the flat files are, by the command line or the settings. The market's hours are always the settings'."""
    from gapscan import config as settings

    config = settings.load(config_file).config
    directory = given or settings.directory_of(config.feed.flat_files)
    if directory is None:
        raise ConfigError(
            "there are no flat files to go through", remedy="name their directory with --flat-files, or see gapscan sim"
        )
    return directory


@contextmanager
def _progress(options: Options) -> Iterator[Progress]:
    """A bar with the time left on the standard error, where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from gapscan.backtesting.run import days_of

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("days"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    console, left = Console(stderr=True), _TimeLeft()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading the first day", total=len(days_of(options).there))

        def on_day(result: DayResult, done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, description=f"{result.date}, {left.after(done, total)} left")
            if result.fault:
                output.note(f"{result.date} is lost: {result.fault}")

        yield on_day


class _TimeLeft:
    """By the days that are computed; those that were done before come at once, and say nothing."""

    def __init__(self) -> None:
        self._since, self._before = time.monotonic(), 0

    def after(self, done: int, total: int) -> str:
        now = time.monotonic()
        if now - self._since < _AT_ONCE:
            self._since, self._before = now, done
            return "some time"
        return _clock((now - self._since) / (done - self._before) * (total - done))


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
