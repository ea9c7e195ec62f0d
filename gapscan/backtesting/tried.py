"""How often a definition would have fired on the latest days of flat files: for whoever is writing one.

`python -m gapscan.backtesting.tried DIR` answers a `Question` on its standard input, as JSON, at the lowest priority.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from gapscan.backtesting.api import Backtest, whole
from gapscan.backtesting.run import Options
from gapscan.backtesting.summary import ListSummary
from gapscan.backtesting.variants import variants_of
from gapscan.errors import DataError, GapscanError
from gapscan.flatfiles.files import FlatFiles
from gapscan.protocol.api import NO_FILES, REFUSED, TriedAnswer, TriedEntry, TriedReturn
from gapscan.protocol.messages import ListDefinition

if TYPE_CHECKING:
    import pyarrow as pa

_LATEST: Final = 20  # entries that are shown
_LOWEST_PRIORITY: Final = 19
_RETURNS: Final = ("return_5m", "return_30m", "return_close")


class Question(msgspec.Struct):
    """A definition, and on how many of the latest days it is to be tried."""

    definition: ListDefinition
    days: int = 5


def tried(definition: ListDefinition, directory: Path, days: int = 5) -> TriedAnswer:
    """The answer for the latest `days` of `directory`. Raises ConfigError, DataError or SpecError."""
    there = FlatFiles(directory).days("minute_aggs_v1")[-days:]
    if not there:
        raise DataError(f"there are no minute files in {directory}", remedy="see docs/backtest.md")
    found = whole(Options(directory, there[0], there[-1], variants_of([definition])))
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


def main(arguments: Sequence[str]) -> int:
    """Answer one question; the exit code: 0, NO_FILES or REFUSED. What is wrong is one line on the standard error."""
    (directory,) = arguments
    if hasattr(os, "nice"):
        os.nice(_LOWEST_PRIORITY)
    try:
        question = msgspec.json.decode(sys.stdin.buffer.read(), type=Question)
        answer = tried(question.definition, Path(directory), question.days)
    except (GapscanError, msgspec.MsgspecError) as error:
        sys.stderr.write(f"{error}\n")
        return NO_FILES if isinstance(error, DataError) else REFUSED
    sys.stdout.buffer.write(msgspec.json.encode(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
