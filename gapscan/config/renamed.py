"""Settings by the names that they had before 0.2: read for this version, and said."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from gapscan.config.sections import ProviderSection
from gapscan.errors import ConfigError

_OLD: Final = "polygon"
_NEW: Final = "provider"
_PREFIX: Final = "GAPSCAN_"
_KEYS: Final = tuple(key for key in ProviderSection.__struct_fields__ if key != "name")


def by_new_names(
    tables: dict[str, Any], env: Mapping[str, str], path: Path | None
) -> tuple[dict[str, Any], Mapping[str, str], str]:
    """The file's tables and the environment by today's names, and a warning that names all old ones that take effect.

    Where the environment has a setting by both names, the new one counts. Raises ConfigError when the file has both.
    """
    if _OLD in tables and _NEW in tables:
        raise ConfigError(f"{path} has both [{_NEW}] and [{_OLD}], its old name", remedy=f"keep [{_NEW}] only")
    variables = [name for key in _KEYS if (name := _variable(_OLD, key)) in env and _variable(_NEW, key) not in env]
    old = ([f"[{_OLD}] in {path}"] if _counts(tables, env) else []) + variables
    tables = {_NEW if name == _OLD else name: table for name, table in tables.items()}
    env = {**env, **{name.replace(_OLD.upper(), _NEW.upper(), 1): env[name] for name in variables}}
    return tables, env, _warning(old)


def _warning(old: list[str]) -> str:
    if not old:
        return ""
    today = f"[{_NEW}] and {_variable(_NEW, '*')}"
    return f"{', '.join(old)}: old names, which the next version will not know; today's are {today}"


def _counts(tables: Mapping[str, Any], env: Mapping[str, str]) -> bool:
    """Whether the old table says something that the environment does not say anew."""
    table = tables.get(_OLD)
    keys = table if isinstance(table, Mapping) else ()
    return any(_variable(_NEW, key) not in env for key in keys)


def _variable(section: str, key: str) -> str:
    return f"{_PREFIX}{section}_{key}".upper()
