"""Names for the shell to complete, and for errors to suggest."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def shipped_names() -> list[str]:
    """The names of the lists that come with gapscan, without the cost of compiling them."""
    import tomllib
    from importlib import resources

    text = resources.files("gapscan.ranking").joinpath("lists.toml").read_text("utf-8")
    return list(tomllib.loads(text)["lists"])


def complete_list(incomplete: str) -> list[str]:
    """Names of lists that begin with what was typed."""
    return [name for name in [*shipped_names(), *own_names()] if name.startswith(incomplete)]


def own_names() -> list[str]:
    """The names of the user's own lists in their usual place; none when the file cannot be read."""
    from gapscan.config import read_toml, user_config_dir
    from gapscan.errors import ConfigError

    try:
        return list(read_toml(user_config_dir() / "lists.toml").get("lists", {}))
    except (ConfigError, OSError, ValueError, RecursionError, AttributeError, TypeError):
        return []


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was most likely meant, if any is near."""
    names = list(known)
    found = difflib.get_close_matches(name.lower().replace("-", "_"), names, n=1, cutoff=0.5)
    return found[0] if found else next((each for each in names if name and name.lower() in each), None)
