"""Directories of the user, by the system's conventions, and `~` in settings.

On Linux these are $XDG_CONFIG_HOME/gapscan and $XDG_DATA_HOME/gapscan, by default ~/.config/gapscan and
~/.local/share/gapscan; on macOS both are ~/Library/Application Support/gapscan. A process need have no home: in a
container its user may be a mere number, and HOME unset.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

import platformdirs

from gapscan.errors import ConfigError

_NAME: Final = "gapscan"
_UNKNOWN: Final = "~"  # what older platformdirs leave where there is no home; newer ones raise RuntimeError


def user_config_dir() -> Path:
    """The directory for a user's own gapscan.toml. Raises ConfigError when the user has no home."""
    return _known(platformdirs.user_config_path, "set HOME or XDG_CONFIG_HOME")


def user_data_dir() -> Path:
    """Where `gapscan up` keeps its data unless it is given another. Raises ConfigError when the user has no home."""
    return _known(platformdirs.user_data_path, "set HOME or XDG_DATA_HOME, or give --data DIR")


def _known(place: Callable[[str, Literal[False]], Path], remedy: str) -> Path:
    with suppress(RuntimeError):
        path = place(_NAME, False)
        if path.parts[0] != _UNKNOWN:
            return path
    raise ConfigError("this user has no home directory", remedy=remedy)


def expanded(path: str | Path) -> Path:
    """A path that a user gave, `~` being the user's home. Raises ConfigError when there is no such home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ConfigError(f"the home directory in {path} is not known", remedy="name it in full") from None


def directory_of(setting: str) -> Path | None:
    """The directory that a setting names; None for an empty one. Raises ConfigError."""
    return expanded(setting) if setting else None
