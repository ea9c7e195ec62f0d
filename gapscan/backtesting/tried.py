"""How often a definition would have fired today and on the latest days of flat files: for whoever is writing one.

`python -m gapscan.backtesting.tried` answers a `Question` on its standard input, as JSON, at the lowest priority.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from gapscan.backtesting.api import Backtest, whole
from gapscan.backtesting.run import Options
from gapscan.backtesting.summary import ListSummary
from gapscan.backtesting.tape_day import tried_today
from gapscan.backtesting.variants import variants_of
from gapscan.bus.client import BusOptions, connect
from gapscan.errors import DataError, GapscanError
from gapscan.flatfiles.files import FlatFiles
from gapscan.market.sessions import HOURS, Hours, use_hours
from gapscan.protocol.api import NO_FILES, REFUSED, TriedAnswer, TriedEntry, TriedReturn, TriedToday
from gapscan.protocol.messages import ListDefinition

if TYPE_CHECKING:
    import pyarrow as pa

_LATEST: Final = 20  # entries that are shown
_LOWEST_PRIORITY: Final = 19
_RETURNS: Final = ("return_5m", "return_30m", "return_close")


class Question(msgspec.Struct):
    """A definition, and on how many of the latest days of `directory` it is to be tried.

    `nats` is where the tape is; `simulated`, whether that of the simulated market is meant, if that is known. `hours`
    are those that whoever asks goes by: the process that answers has read no settings.
    """

    definition: ListDefinition
    days: int = 5
    directory: str | None = None
    nats: BusOptions | None = None
    simulated: bool | None = None
    hours: Hours = HOURS


def answer(question: Question) -> TriedAnswer:
    """What the tape and the files tell. What the tape cannot is said in `today`.

    Raises GapscanError: what is wrong with the files, where there is no tape either.
    """
    use_hours(question.hours)
    today = asyncio.run(_today(question))
    try:
        return tried(question.definition, question.directory, question.days, today)
    except GapscanError as error:
        if today.fault:
            raise
        return TriedAnswer([], 0, 0.0, {}, [], [], [f"Of no day before: {error}"], {}, today)


async def _today(question: Question) -> TriedToday:
    if question.nats is None:
        return TriedToday(fault="no tape is asked for")
    try:
        async with connect(question.nats, "gapscan definition tried") as bus:
            return await tried_today(bus, question.definition, question.simulated)
    except GapscanError as error:
        return TriedToday(fault=error.message)


def tried(definition: ListDefinition, directory: str | None, days: int, today: TriedToday) -> TriedAnswer:
    """The answer for the latest `days` of `directory`. Raises ConfigError, DataError or SpecError."""
    if directory is None:
        raise DataError("there are no flat files", remedy="name their directory as flat_files in [feed]")
    there = FlatFiles(Path(directory)).days("minute_aggs_v1")[-days:]
    if not there:
        raise DataError(f"there are no minute files in {directory}", remedy="see docs/backtest.md")
    found = whole(Options(Path(directory), there[0], there[-1], variants_of([definition])))
    (summary,) = found.summary.lists
    return TriedAnswer(
        days=[day.isoformat() for day in found.summary.days],
        entries=summary.entries,
        entries_a_day=summary.entries_a_day,
        by_half_hour=summary.by_half_hour,
        followed=_followed(summary),
        latest=_latest(found),
        notes=[found.summary.relative_volume, *found.summary.unknown, *found.summary.lacks],
        faults=found.summary.faults,
        today=today,
    )


def _followed(summary: ListSummary) -> list[TriedReturn]:
    return [
        TriedReturn(name, each.entries.number, each.entries.mean, each.controls.mean, each.entries.share_above_zero)
        for name, each in summary.horizons.items()
    ]


def _latest(found: Backtest) -> list[TriedEntry]:
    table: pa.Table = found.table
    rows = table.slice(max(0, table.num_rows - _LATEST)).to_pylist()
    return [
        TriedEntry(
            int(row["time"].timestamp() * 1000), row["symbol"], row["rank"], row["price"],
            *(row[name] for name in _RETURNS),
        )
        for row in reversed(rows)
    ]  # fmt: skip


def main() -> int:
    """Answer one question; the exit code: 0, NO_FILES or REFUSED. What is wrong is one line on the standard error."""
    if hasattr(os, "nice"):
        os.nice(_LOWEST_PRIORITY)
    try:
        question = msgspec.json.decode(sys.stdin.buffer.read(), type=Question)
        found = answer(question)
    except (GapscanError, msgspec.MsgspecError) as error:
        sys.stderr.write(f"{error}\n")
        return NO_FILES if isinstance(error, DataError) else REFUSED
    sys.stdout.buffer.write(msgspec.json.encode(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
