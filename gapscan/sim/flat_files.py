"""Days of the simulated market as flat files, in the provider's layout: something to try a backtest on."""

from __future__ import annotations

import datetime as dt
import gzip
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from gapscan.files import replace_file
from gapscan.flatfiles.day_bars import COLUMNS
from gapscan.flatfiles.files import FlatFiles, Kind
from gapscan.market.sessions import MINUTE_MS, NS_PER_MS, previous_trading_day, session_times
from gapscan.sim.source import MINUTES, DailyBars, Source
from gapscan.sim.synthetic import SyntheticSource
from gapscan.sim.tape import Floats, Ints, to_bars

BEFORE: Final = 20  # sessions of daily bars before the first day of minutes: what averages are made of
MOST_DAYS: Final = 60  # an invented market begins 90 sessions before its day
_LEVEL: Final = 6


def write_flat_files(
    root: Path,
    *,
    days: int,
    symbols: int,
    seed: int,
    last: dt.date,
    scenarios: Sequence[str] = (),
    on_day: Callable[[dt.date], None] | None = None,
) -> list[dt.date]:
    """Minutes and daily bars of the last `days` trading days up to `last`, daily bars before them, and the splits.

    `scenarios` happen on the last of them. The days of minutes, ascending; `on_day` is told of each that is written.
    Raises OSError.
    """
    source = SyntheticSource(last, seed, symbols, scenarios)
    sessions = [source.start_date]
    while len(sessions) < days + BEFORE:
        sessions.append(previous_trading_day(sessions[-1]))
    files, written = FlatFiles(root), sorted(sessions[:days])
    names = [listing.symbol for listing in source.listings]
    order = np.array(sorted(range(len(names)), key=names.__getitem__))
    listed = order[[not source.listings[place].otc for place in order.tolist()]]
    for date in sorted(sessions):
        _write(files, "day_aggs_v1", date, _daily(source, date, names, listed))
    _write_splits(files.root, source, names, sessions)
    _write_dividends(files.root, source, names, sessions)
    for date in written:
        _write(files, "minute_aggs_v1", date, _minutes(source, date, names, listed))
        if on_day:
            on_day(date)
    return written


def _daily(source: Source, date: dt.date, names: Sequence[str], listed: Ints) -> list[str]:
    bars: DailyBars | None = source.bars(date)
    assert bars is not None
    there = listed[bars.volume[listed] > 0]
    start = np.full(len(there), session_times(date).regular, np.int64)
    columns = (bars.volume, bars.open, bars.close, bars.high, bars.low)
    return _lines([names[place] for place in there.tolist()], [column[there] for column in columns], start,
                  bars.transactions[there])  # fmt: skip


def _minutes(source: Source, date: dt.date, names: Sequence[str], listed: Ints) -> list[str]:
    """All minute bars, by symbol and time."""
    tape, begin = source.open_day(date), session_times(date).pre
    found = [(number, to_bars(tape.minute(number))) for number in range(MINUTES)]
    place = np.concatenate([bars.symbol for _, bars in found])
    minute = np.repeat([number for number, _ in found], [len(bars.symbol) for _, bars in found])
    columns = {name: np.concatenate([getattr(bars, name) for _, bars in found])
               for name in ("volume", "open", "close", "high", "low", "trades")}  # fmt: skip
    rank = np.full(len(names), -1)
    rank[listed] = np.arange(len(listed))
    order = np.lexsort([minute, rank[place]])
    order = order[(rank[place[order]] >= 0) & (columns["volume"][order] > 0)]
    values = [columns[name][order] for name in ("volume", "open", "close", "high", "low")]
    start = begin + minute[order].astype(np.int64) * MINUTE_MS
    return _lines([names[at] for at in place[order].tolist()], values, start, columns["trades"][order])


def _lines(symbols: Sequence[str], values: Sequence[Floats], start: Ints, trades: Ints) -> list[str]:
    texts = [_texts(column) for column in values]
    times = (start * NS_PER_MS).tolist()
    rows = zip(symbols, *texts, times, np.maximum(trades, 1).tolist(), strict=True)
    return [",".join(map(str, row)) for row in rows]


def _texts(values: Floats) -> list[str]:
    """Numbers as the provider writes them: whole ones without a point."""
    return [f"{value:.0f}" if value.is_integer() else repr(value) for value in np.round(values, 4).tolist()]


def _write(files: FlatFiles, kind: Kind, date: dt.date, lines: Sequence[str]) -> None:
    text = "\n".join([",".join(COLUMNS), *lines, ""])
    replace_file(files.path(kind, date), gzip.compress(text.encode(), _LEVEL, mtime=0))


def _write_splits(root: Path, source: Source, names: Sequence[str], sessions: Sequence[dt.date]) -> None:
    splits = source.splits(min(sessions), max(sessions))
    rows = [f"{names[each.symbol]},{each.date},{each.split_from:g},{each.split_to:g}" for each in splits]
    replace_file(root / "splits.csv", "\n".join(["ticker,execution_date,split_from,split_to", *rows, ""]).encode())


def _write_dividends(root: Path, source: Source, names: Sequence[str], sessions: Sequence[dt.date]) -> None:
    dividends = source.dividends(min(sessions), max(sessions))
    rows = [f"{names[each.symbol]},{each.date},{each.amount:g},{each.kind}" for each in dividends]
    head = "ticker,ex_dividend_date,cash_amount,distribution_type"
    replace_file(root / "dividends.csv", "\n".join([head, *rows, ""]).encode())
