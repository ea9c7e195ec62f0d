"""The field table as text: the parts of the documents, and of the schemas, that are made from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from gapscan.protocol.api import PROBLEMS
from gapscan.protocol.feed import SCAN_COLUMNS
from gapscan.protocol.fields import FIELDS, GROUPS, USUAL_COLUMNS, Field

_HEADING: Final = ("| field | type | unit | decimals | meaning |", "|---|---|---|---|---|")


def described(field: Field) -> str:
    """What a schema says of a field."""
    return f"{field.meaning} Unit: {field.unit}." if field.unit else field.meaning


def field_table() -> str:
    """All fields of a row as a table, group by group."""
    return "\n".join(("", *_HEADING, *_lines(), ""))


def _lines() -> Iterator[str]:
    for group in GROUPS:
        for field in FIELDS.values():
            if field.group == group:
                decimals = field.decimals if field.type == "number" else ""
                yield f"| `{field.name}` | {field.type} | {field.unit} | {decimals} | {_meaning(field)} |"


def _meaning(field: Field) -> str:
    words = f" One of {quoted(field.words)}." if field.words else ""
    doubt = f" Only about right while `{field.doubted_by}`." if field.doubted_by else ""
    return field.meaning + words + doubt


def usual_columns() -> str:
    """What a list shows that does not say which columns it wants."""
    return quoted(USUAL_COLUMNS)


def scan_columns() -> str:
    """The columns of a scan."""
    return quoted(SCAN_COLUMNS)


def problems() -> str:
    """How the HTTP interface refuses."""
    rows = (f"| {status} | `{code}` | {meaning} |" for code, (status, meaning) in PROBLEMS.items())
    return "\n".join(("", "| status | code | meaning |", "|---|---|---|", *rows, ""))


def quoted(names: Iterable[str]) -> str:
    """Names as code, one after the other."""
    return ", ".join(f"`{name}`" for name in names)
