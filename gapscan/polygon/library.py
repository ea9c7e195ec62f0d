"""The official client library, which has had two names."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final, Literal

from gapscan.errors import ConfigError

Library = Literal["polygon", "massive"]

_INSTALL: Final[dict[Library, str]] = {
    "polygon": "pip install polygon-api-client",
    "massive": "pip install 'gapscan[massive]'",
}


def client_library(name: Library) -> Any:
    """The module of that name. Raises ConfigError when it is not installed."""
    try:
        return import_module(name)
    except ImportError:
        raise ConfigError(f"the client library {name!r} is not installed", remedy=_INSTALL[name]) from None


def library_named(name: str | None) -> Library:
    """The library that the settings name; unset, the one that gapscan comes with. Raises ConfigError."""
    name = name or "polygon"
    if name not in _INSTALL:
        known = " or ".join(f'"{library}"' for library in _INSTALL)
        raise ConfigError(f"library is {name!r} in [provider]", remedy=f"name {known}")
    return name
