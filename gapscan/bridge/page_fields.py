"""The field table for the page: a module of its own, made from the table."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

import msgspec

from gapscan.protocol.fields import FIELDS, GROUPS, USUAL_COLUMNS

MODULE: Final = "rowfields.js"
_SENT: Final = (
    "name", "title", "meaning", "show", "group", "unit", "decimals", "doubted_by", "doubt", "marked_by", "marked_word",
    "mark", "type", "expressions",
)  # fmt: skip


def module_text() -> str:
    """The module: FIELDS in the order of a row, GROUPS and USUAL_COLUMNS."""
    fields = [{name: value for name, value in asdict(field).items() if name in _SENT} for field in FIELDS.values()]
    parts = {"FIELDS": fields, "GROUPS": GROUPS, "USUAL_COLUMNS": USUAL_COLUMNS}
    lines = [f"export const {name} = Object.freeze({_json(value)});" for name, value in parts.items()]
    return "\n".join(["/** The fields of a row: made from gapscan/protocol/fields.py. */", *lines, ""])


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
