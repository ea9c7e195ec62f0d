"""What msgspec makes of the types, put in order for readers."""

from __future__ import annotations

import inspect
from typing import Any


def tidied(schema: Any) -> Any:
    """Without `discriminator`, which is no JSON Schema, and with docstrings unindented."""
    if isinstance(schema, list):
        return [tidied(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: tidied(value) for key, value in schema.items() if key != "discriminator"}
    if isinstance(text := kept.get("description"), str):
        kept["description"] = inspect.cleandoc(text)
    return kept
