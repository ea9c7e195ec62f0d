"""The provider's client library, which has had two names."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from gapscan.config import Library
from gapscan.errors import ConfigError

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
