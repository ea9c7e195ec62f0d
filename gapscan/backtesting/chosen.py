"""Which lists a backtest is of: shipped ones by name, own ones from a file."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from gapscan.errors import ConfigError
from gapscan.protocol.messages import ListDefinition
from gapscan.ranking.spec import check_own_lists, shipped_lists


def chosen_lists(wanted: Sequence[str]) -> list[ListDefinition]:
    """Each of `wanted` is the name of a shipped list or a TOML file of own lists; without any, all shipped lists.

    Raises ConfigError, or SpecError for a list of a file that cannot be used.
    """
    shipped = {spec.name: spec.definition for spec in shipped_lists().specs}
    if not wanted:
        return list(shipped.values())
    found: dict[str, ListDefinition] = {}
    for one in wanted:
        if one in shipped:
            found[one] = shipped[one]
        else:
            found |= {each.name: each for each in _of_file(one, list(shipped))}
    return list(found.values())


def _of_file(name: str, shipped: list[str]) -> list[ListDefinition]:
    path = Path(name)
    if not path.is_file():
        close = difflib.get_close_matches(name, shipped, n=1)
        remedy = f"did you mean {close[0]}?" if close else "name a list, or a TOML file: " + ", ".join(shipped)
        raise ConfigError(f"{name} is neither a list nor a file", remedy=remedy)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from None
    good, faults = check_own_lists(text, str(path))
    if faults:
        raise faults[0]
    if not good:
        raise ConfigError(f"{path} has no lists", remedy="a list is a table [lists.NAME] with where and sort")
    return good
