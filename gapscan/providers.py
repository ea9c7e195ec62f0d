"""The registry of market data providers: a line each.

A provider's package names the environment variable of its API key (`KEY_VARIABLE`; "": it needs none). Its module
`provider` has `check_settings(section)`, which raises ConfigError for settings that it cannot mean, and
`open_provider(section, key, timeout, tally)`, which makes the Provider: `timeout` bounds each request, in seconds, and
`tally` counts what cannot be read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final, cast

from gapscan.config import ProviderSection, key_in
from gapscan.errors import ConfigError
from gapscan.obs import Tally, hide
from gapscan.provider import Provider

# By the name in `[provider]`. Imported when used: a process loads only the provider that it talks to.
PACKAGES: Final = {
    "polygon": "gapscan.polygon",
}
SIMULATED: Final = "polygon"  # whose interface the simulated market has


def check_provider(section: ProviderSection) -> None:
    """Raises ConfigError for a provider that there is not, or settings that it cannot mean."""
    _module(section).check_settings(section)


def open_provider(section: ProviderSection, timeout: float, tally: Tally) -> Provider:
    """The provider of the settings; no request is made. Raises ConfigError, also where its API key is missing."""
    key = api_key(section) or ("simulated" if section.simulated else None)
    if key is None and (variable := key_variable(section)):
        raise ConfigError(f"{variable} is not set", remedy="set it, or run the simulated market")
    check_provider(section)
    return cast(Provider, _module(section).open_provider(section, key or "", timeout, tally))


def key_variable(section: ProviderSection) -> str:
    """The environment variable of the API key; empty where none is needed. Raises ConfigError."""
    return str(import_module(_package(section)).KEY_VARIABLE)


def api_key(section: ProviderSection, env: Mapping[str, str] = os.environ) -> str | None:
    """The API key, if there is one; from then on it is masked wherever it may show. Raises ConfigError."""
    variable = key_variable(section)
    key = key_in(variable, env) if variable else None
    hide([key] if key else [])
    return key


def has_account(section: ProviderSection) -> bool:
    """Whether the real provider can be asked: its key is there, or none is needed. Raises ConfigError."""
    return api_key(section) is not None or not key_variable(section)


def _module(section: ProviderSection) -> Any:
    return import_module(f"{_package(section)}.provider")


def _package(section: ProviderSection) -> str:
    if section.name not in PACKAGES:
        raise ConfigError(f"there is no provider {section.name!r}", remedy="name one of " + ", ".join(PACKAGES))
    return PACKAGES[section.name]
