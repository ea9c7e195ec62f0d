"""What recordings may take of a disk: whole days, the oldest go first."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Final

from msgspec import Struct

_DAY_MS: Final = 86_400_000
# A day of recording begins before the market's, in summer and in winter: so each has reference data of its own.
_BEGINS_MS: Final = 7 * 3_600_000  # UTC


class Bound(Struct, frozen=True):
    """So many days at most are kept, today's among them, in so many bytes at most."""

    days: int = 10
    max_bytes: int = 20 * 1024**3


def day_of(at: int) -> int:
    """The day of recording that the moment `at` (epoch ms) is of: a number."""
    return (at - _BEGINS_MS) // _DAY_MS


def tidy(directory: Path, bound: Bound, today: int) -> bool:
    """Delete what is too much, but nothing of `today`; whether what is left is within the bound. Raises OSError."""
    days = [(day, list(files)) for day, files in groupby(_files(directory), key=_day_of_file)]
    size = sum(_bytes(files) for _, files in days)
    left = len(days)
    for day, files in days:
        if day >= today or (left <= bound.days and size <= bound.max_bytes):
            break
        left, size = left - 1, size - _bytes(files)
        for file in files:
            file.unlink(missing_ok=True)
    return size <= bound.max_bytes


def _files(directory: Path) -> list[Path]:
    """Those of recordings, oldest first: what has another name is somebody else's."""
    found = (*directory.glob("*-live.gz"), *directory.glob("*-reference.gz"))
    return sorted(path for path in found if path.name.partition("-")[0].isdecimal())


def _day_of_file(path: Path) -> int:
    return day_of(int(path.name.partition("-")[0]))


def _bytes(files: Iterable[Path]) -> int:
    return sum(file.stat().st_size for file in files)
