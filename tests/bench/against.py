"""The build before beside this one, in one run: each benchmark in turn in both, so that both meet the same machine.

A shared machine's speed swings by half within minutes. Runs of the two builds therefore alternate, the first one too,
and what is compared are the medians, and the ratios of neighbouring runs.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
from rich.table import Table

from tests.bench.registry import Figure, median

HERE: Final = Path(__file__).resolve().parents[2]
_PYTHON: Final = Path(".venv") / "bin" / "python"


class _Report(msgspec.Struct):
    machine: str
    figures: list[Figure]


@contextmanager
def checkout(revision: str) -> Iterator[Path]:
    """A checkout of `revision` with what it needs installed; a directory that is one already does as well."""
    if (Path(revision) / _PYTHON).exists():
        yield Path(revision).resolve()
        return
    with tempfile.TemporaryDirectory(prefix="gapscan-before-") as folder:
        before = Path(folder) / "gapscan"
        _git("worktree", "add", "--quiet", "--detach", str(before), revision)
        try:
            subprocess.run(["make", "-C", str(before), "--silent", ".venv/ready"], check=True)
            yield before
        finally:
            _git("worktree", "remove", "--force", str(before))


def _git(*arguments: str) -> None:
    subprocess.run(["git", "-C", str(HERE), *arguments], check=True)


def compared(before: Path, names: Sequence[str], runs: int) -> Table:
    """A table of all figures that both builds have: medians over `runs` runs of each, and the median ratio."""
    table = Table(title=f"this build against {before.name}, {runs} runs of each in turn", title_justify="left")
    for heading in ("figure", "before", "now", "unit", "now/before", "lowest", "highest"):
        table.add_column(heading, justify="left" if heading in ("figure", "unit") else "right")
    for name in names:
        pairs = [_pair(before, name, first=run % 2) for run in range(runs)]
        for figure in pairs[0][1]:
            _add_row(table, figure, pairs)
    return table


def _pair(before: Path, name: str, first: int) -> tuple[list[Figure], list[Figure]]:
    """One run of both builds; which comes first changes from pair to pair."""
    found = {where: _figures(where, name) for where in ((before, HERE) if first else (HERE, before))}
    return found[before], found[HERE]


def _figures(where: Path, name: str) -> list[Figure]:
    command = [str(where / _PYTHON), "-m", "tests.bench", "--only", name, "--json"]
    done = subprocess.run(command, cwd=where, capture_output=True, check=False)
    if done.returncode:
        print(f"{name} failed in {where.name}: {done.stderr.decode()[-300:]}", file=sys.stderr)
        return []
    return msgspec.json.decode(done.stdout, type=_Report).figures


def _add_row(table: Table, figure: Figure, pairs: Sequence[tuple[list[Figure], list[Figure]]]) -> None:
    values = [
        (was.value, now.value)
        for before, after in pairs
        for was in before
        for now in after
        if was.name == now.name == figure.name
    ]
    if not values or any(was == 0 for was, _ in values):
        return
    ratios = [now / was for was, now in values]
    cells = (median([was for was, _ in values]), median([now for _, now in values]))
    spread = (median(ratios), min(ratios), max(ratios))
    table.add_row(figure.name, *(f"{cell:.4g}" for cell in cells), figure.unit, *(f"{ratio:.3f}" for ratio in spread))
