"""Days of a backtest that are done, kept until what they depend on is another."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from gapscan import __version__
from gapscan.backtesting.market_day import BASELINE_SESSIONS, sessions_before
from gapscan.backtesting.one_day import DayResult, DayTask
from gapscan.backtesting.past_curves import curve_days
from gapscan.files import replace_file
from gapscan.flatfiles.column_cache import source_of
from gapscan.flatfiles.files import FlatFiles
from gapscan.market.sessions import next_trading_day
from gapscan.ranking.spec import shipped_lists

if TYPE_CHECKING:
    import datetime as dt

    import pyarrow as pa

log = logging.getLogger(__name__)

_FORMAT: Final = 4


class KeptDays:
    """Two files a day in a folder: the entries, which say what they depend on, and the controls."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, task: DayTask) -> DayResult | None:
        """A day, if it was done with the same lists, options and files."""
        path = self._path(task.date, "entries")
        try:
            if not path.exists():
                return None
            entries, controls = _table(path), _table(self._path(task.date, "controls"))
            said = entries.schema.metadata or {}
            if said.get(b"key") != key_of(task) or (controls.schema.metadata or {}).get(b"key") != said[b"key"]:
                return None
            lacks = tuple(msgspec.json.decode(said[b"lacks"], type=list[str]))
            entries, controls = entries.replace_schema_metadata(None), controls.replace_schema_metadata(None)
            symbols, sessions = int(said[b"symbols"]), int(said[b"sessions"])
            return DayResult(task.date, entries, controls, symbols, lacks, curve_sessions=sessions)
        except Exception as error:  # noqa: BLE001  # any bytes: the day is computed again
            log.warning("%s cannot be used, the day is computed again: %s", path, error)
            return None

    def write(self, task: DayTask, result: DayResult) -> None:
        """Keep a day. Raises OSError."""
        assert result.entries is not None
        assert result.controls is not None
        key = key_of(task)
        said = {b"key": key, b"symbols": str(result.symbols).encode(), b"lacks": msgspec.json.encode(result.lacks)}
        said[b"sessions"] = str(result.curve_sessions).encode()
        replace_file(self._path(task.date, "controls"), _packed(result.controls.replace_schema_metadata({b"key": key})))
        replace_file(self._path(task.date, "entries"), _packed(result.entries.replace_schema_metadata(said)))

    def _path(self, date: dt.date, kind: str) -> Path:
        return self._folder / f"{date}.{kind}.arrow"


def key_of(task: DayTask) -> bytes:
    """What a day's result depends on, its files included. Both forms give the same."""
    files = FlatFiles(Path(task.directory))
    daily = files.days("day_aggs_v1")
    paths = [files.path("minute_aggs_v1", task.date), files.root / "splits.csv", files.root / "splits.json"]
    paths += [files.path("day_aggs_v1", date) for date in sessions_before(task.date, daily)]
    paths.append(files.path("day_aggs_v1", next_trading_day(task.date)))
    minutes = set(files.days("minute_aggs_v1"))
    paths += [files.path("minute_aggs_v1", day) for day in curve_days(task.date, BASELINE_SESSIONS, minutes)]
    sources = [source_of(path) for path in paths if path.exists()]
    rules = shipped_lists().gate.text
    said = (_FORMAT, __version__, rules, replace(task, form="fast"), sources)
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest().encode()


def _table(path: Path) -> pa.Table:
    from pyarrow import ipc

    with ipc.open_file(path) as reader:
        table = reader.read_all()
    table.validate(full=True)
    return table


def _packed(table: pa.Table) -> bytes:
    import pyarrow as pa
    from pyarrow import ipc

    sink = pa.BufferOutputStream()
    with ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())
