"""The parts of the documents that are made from what the program knows: a part stands between two comments."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gapscan.errors import ConfigError
from gapscan.protocol.field_docs import field_table, problems, quoted, scan_columns, usual_columns
from gapscan.ranking.spec import ROW_FIELDS, shipped_lists

_PART: Final = re.compile(r"(<!-- made: (\w+) -->)(.*?)(<!-- end -->)", re.DOTALL)


def _lists() -> str:
    rows = [f"| `{spec.name}` | {spec.definition.description} |" for spec in shipped_lists().specs]
    return "\n".join(("", "| list | what is in it |", "|---|---|", *rows, ""))


def _list_names() -> str:
    names = quoted(spec.name for spec in shipped_lists().specs)
    return "\n".join(("", *textwrap.wrap(names, 118), ""))


_PARTS: Final = {
    "fields": field_table,
    "usual_columns": usual_columns,
    "scan_columns": scan_columns,
    "texts": lambda: quoted(ROW_FIELDS.texts),
    "flags": lambda: quoted(sorted(ROW_FIELDS.flags)),
    "lists": _lists,
    "list_names": _list_names,
    "problems": problems,
}


def documents(root: Path) -> Iterator[tuple[Path, str]]:
    """The documents below `root` that have such parts, and what they must say. Raises ConfigError."""
    texts = {path: path.read_text("utf-8") for path in sorted([*root.glob("*.md"), *root.glob("docs/*.md")])}
    with_parts = {path: text for path, text in texts.items() if _PART.search(text)}
    if not with_parts:
        raise ConfigError(f"no document in {root} has a part that is made")
    for path, text in with_parts.items():
        yield path, _PART.sub(_made, text)


def _made(part: re.Match[str]) -> str:
    begin, name, _, end = part.groups()
    if name not in _PARTS:
        raise ConfigError(f"a document asks for {name}, which is not made", remedy="one of " + ", ".join(_PARTS))
    return begin + _PARTS[name]() + end
