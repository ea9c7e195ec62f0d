"""A trading day's past as Parquet files. pyarrow is loaded here alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import UNSET

from gapscan.bus.client import BusOptions, connect
from gapscan.client.minutes import full_minutes
from gapscan.client.tape_lists import readers_of_day
from gapscan.client.tape_reader import PastView, TapeReader
from gapscan.client.timeline import moves_between
from gapscan.errors import ConfigError, NotRecordedError, ProtocolError
from gapscan.protocol.fields import FIELDS, Field
from gapscan.protocol.tape import Move
from gapscan_cli import output
from gapscan_cli.folders import written

Write = Callable[[list[dict[str, Any]]], None]

_GROUP = 50_000  # rows that are written at a time
_MOVES = ("list", "symbol", "time", "action", "rank", "price", "after_gap", "reason")


def export_day(options: BusOptions, day: str, out: Path) -> None:
    """Write moves.parquet and lists.parquet into `out`. Raises ConfigError without pyarrow, NotRecordedError."""
    pyarrow, parquet = _pyarrow()
    moves, lines = _schemas(pyarrow)
    paths = out / "moves.parquet", out / "lists.parquet"
    with (
        written(out, "--out"),
        _made_whole(*paths) as unfinished,
        parquet.ParquetWriter(unfinished[0], moves) as moves_file,
        parquet.ParquetWriter(unfinished[1], lines) as lists_file,
    ):

        def write_moves(found: list[dict[str, Any]]) -> None:
            moves_file.write_table(pyarrow.Table.from_pylist(found, moves))

        def write_rows(found: list[dict[str, Any]]) -> None:
            lists_file.write_table(pyarrow.Table.from_pylist(found, lines))

        minutes = asyncio.run(_export(options, day, write_moves, write_rows))
    output.say(f"{paths[0]}, {paths[1]}: {minutes} minutes of lists")


@contextmanager
def _made_whole(*paths: Path) -> Iterator[list[Path]]:
    """Files to write, which get these names when all is written; after an error there are none."""
    unfinished = [path.with_name(f"{path.name}.part") for path in paths]
    try:
        yield unfinished
        for part, path in zip(unfinished, paths, strict=True):
            part.replace(path)
    finally:
        for part in unfinished:
            part.unlink(missing_ok=True)


async def _export(options: BusOptions, day: str, write_moves: Write, write_rows: Write) -> int:
    """How many minutes of lists were written. A list's rows are written some at a time, whatever a day has."""
    minutes = 0
    async with connect(options, "gapscan history export") as bus:
        for reader, (begin, over) in await readers_of_day(bus, day):
            try:
                write_moves(list(_move_lines(reader, await moves_between(reader, begin, over))))
                minutes += await _export_minutes(reader, begin, over, write_rows)
            except ProtocolError as error:
                output.note(f"warning: not all of {reader.shelf.name} can be read: {error.message}")
    if not minutes:
        raise NotRecordedError(f"nothing of {day} is recorded")
    return minutes


async def _export_minutes(reader: TapeReader, begin: int, over: int, write_rows: Write) -> int:
    """What can be read is written, also before a ProtocolError."""
    minutes = 0
    lines: list[dict[str, Any]] = []
    try:
        async for view in full_minutes(reader, begin, over):
            minutes += 1
            lines += _row_lines(view)
            if len(lines) >= _GROUP:
                write_rows(lines)
                lines = []
    finally:
        write_rows(lines)
    return minutes


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError:
        raise ConfigError("an export needs pyarrow", remedy="pip install 'gapscan[export]'") from None
    return pyarrow, parquet


def _schemas(pyarrow: Any) -> tuple[Any, Any]:
    """Of moves, and of rows: symbols are texts, whatever they look like; times are UTC milliseconds."""
    time = pyarrow.timestamp("ms", tz="UTC")
    moves = pyarrow.schema(
        [
            ("list", pyarrow.string()),
            ("symbol", pyarrow.string()),
            ("time", time),
            ("action", pyarrow.string()),
            ("rank", pyarrow.int32()),
            ("price", pyarrow.float64()),
            ("after_gap", pyarrow.bool_()),
            ("reason", pyarrow.string()),
        ]
    )
    first = [("list", pyarrow.string()), ("minute", time), ("rank", pyarrow.int32()), ("symbol", pyarrow.string())]
    fields = [(field.name, _type(pyarrow, field)) for field in FIELDS.values()]
    return moves, pyarrow.schema([*first, ("simulated", pyarrow.bool_()), *fields])


def _type(pyarrow: Any, field: Field) -> Any:
    if field.unit == "epoch ms":
        return pyarrow.timestamp("ms", tz="UTC")
    return {"integer": pyarrow.int64(), "number": pyarrow.float64(), "boolean": pyarrow.bool_()}.get(
        field.type, pyarrow.string()
    )


def _move_lines(reader: TapeReader, moves: Iterable[Move]) -> Iterator[dict[str, Any]]:
    for move in moves:
        told = {name: getattr(move, name) for name in _MOVES[1:]}
        yield {"list": reader.shelf.name, **told, "reason": None if move.reason is UNSET else move.reason}


def _row_lines(view: PastView) -> Iterator[dict[str, Any]]:
    for rank, row in enumerate(view.rows, 1):
        yield {"list": view.list, "minute": view.when, "rank": rank, "simulated": view.simulated, **row}
