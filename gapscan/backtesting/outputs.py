"""The files of a backtest: entries.parquet, entries.csv, summary.json and report.html. The same bytes on every run."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from gapscan.backtesting.report import report
from gapscan.backtesting.summary import Summary
from gapscan.files import replace_file

if TYPE_CHECKING:
    import pyarrow as pa


def write_outputs(folder: Path, entries: pa.Table, summary: Summary) -> None:
    """Write all of them, each in one step. Raises OSError."""
    replace_file(folder / "entries.parquet", _parquet(entries))
    replace_file(folder / "entries.csv", _csv(entries))
    replace_file(folder / "summary.json", summary_json(summary))
    replace_file(folder / "report.html", report(summary).encode())


def summary_json(summary: Summary) -> bytes:
    """The figures, indented for readers."""
    return msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n"


def _parquet(entries: pa.Table) -> bytes:
    from pyarrow import parquet

    sink = io.BytesIO()
    parquet.write_table(entries.combine_chunks(), sink, compression="zstd")
    return sink.getvalue()


def _csv(entries: pa.Table) -> bytes:
    from pyarrow import csv

    sink = io.BytesIO()
    csv.write_csv(entries, sink)
    return sink.getvalue()
