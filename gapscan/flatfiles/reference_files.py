"""Files of the provider's reference beside flat files, which themselves tell of no events: as CSV, or as its answer.

The CSV has at least the columns that are needed, others are left alone. The JSON is what the provider's reference
answers, `{"results": [...]}`, or the array alone, its fields named alike.
"""

from __future__ import annotations

import csv
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from gapscan.errors import DataError

log = logging.getLogger(__name__)

T = TypeVar("T")
Row = Mapping[str, Any]


def read_rows(root: Path, name: str, columns: Sequence[str], read: Callable[[Row], T]) -> set[T] | None:
    """What `read` makes of the rows of `name`.csv or `name`.json in `root`; None where there is no file.

    A row of which it raises KeyError, TypeError or ValueError costs itself: it is logged. Raises DataError when the
    file cannot be read, or has other columns.
    """
    kinds: tuple[tuple[str, Callable[[str], list[Row]]], ...] = (
        ("csv", lambda text: _csv_rows(text, columns)), ("json", _json_rows)
    )  # fmt: skip
    for kind, rows_of in kinds:
        path = root / f"{name}.{kind}"
        if path.is_file():
            try:
                rows = rows_of(path.read_bytes().decode("utf-8-sig"))
            except (OSError, ValueError, csv.Error) as failure:
                raise DataError(f"cannot read {path}: {failure}", remedy="mend it, or take it away") from failure
            return _readable(rows, path, name, read)
    return None


def _csv_rows(text: str, columns: Sequence[str]) -> list[Row]:
    reader = csv.DictReader(text.splitlines())
    missing = [column for column in columns if column not in (reader.fieldnames or ())]
    if missing:
        raise ValueError(f"it lacks the columns {', '.join(missing)}")
    return list(reader)


def _json_rows(text: str) -> list[Row]:
    document = msgspec.json.decode(text)
    rows = document.get("results") if isinstance(document, dict) else document
    return [*msgspec.convert(rows or [], list[dict[str, Any]])]


def _readable(rows: Sequence[Row], path: Path, name: str, read: Callable[[Row], T]) -> set[T]:
    found, bad = set[T](), 0
    for number, row in enumerate(rows, 1):
        try:
            found.add(read(row))
        except (KeyError, TypeError, ValueError) as failure:
            bad += 1
            if bad == 1:
                one = name.removesuffix("s")
                log.warning("%s: %s %d is left out: %s (later ones are only counted)", path, one, number, failure)
    if bad > 1:
        log.warning("%s: %d %s are left out", path, bad, name)
    return found
