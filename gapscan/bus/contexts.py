"""Contexts of the nats command: named files that say how to reach a NATS."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from gapscan.errors import ConfigError

VARIABLE: Final = "NATS_CONTEXT"
_SELECTED: Final = "context.txt"

# What a context calls it, and what we do.
_KEYS: Final = {
    "url": "url",
    "user": "user",
    "password": "password",
    "token": "token",
    "creds": "credentials",
    "nkey": "nkey",
    "ca": "tls_ca",
    "cert": "tls_cert",
    "key": "tls_key",
    "tls_first": "tls_first",
    "inbox_prefix": "inbox_prefix",
    "jetstream_domain": "jetstream_domain",
    "jetstream_api_prefix": "jetstream_api_prefix",
    "user_jwt": "user_jwt",
    "user_seed": "user_seed",
}
_PATHS: Final = frozenset({"creds", "nkey", "ca", "cert", "key"})
_UNKNOWN_HERE: Final = ("nsc", "socks_proxy")  # what would lead elsewhere, were it passed over


def selected_context(env: Mapping[str, str] = os.environ) -> str | None:
    """The context that the nats command uses without being told; None when none is selected."""
    try:
        return (_home(env) / _SELECTED).read_text("utf-8").strip() or None
    except (OSError, UnicodeDecodeError, ConfigError):
        return None


def read_context(name: str, env: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """What the context says, under the names of BusOptions. Raises ConfigError."""
    path = Path(name) if os.path.isabs(name) else _home(env) / "context" / f"{name}.json"
    if not os.path.isabs(name) and Path(name).name != name:
        raise ConfigError(f"{name!r} is no name of a NATS context")
    try:
        found = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except FileNotFoundError:
        raise ConfigError(f"there is no NATS context {name}", remedy=f"it would be {path}") from None
    except OSError as error:
        raise ConfigError(f"NATS context {path} cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"NATS context {path} cannot be read: {error}") from None
    return _translated(found, path)


def _translated(found: dict[str, Any], path: Path) -> dict[str, Any]:
    for key in _UNKNOWN_HERE:
        if found.get(key):
            raise ConfigError(f"NATS context {path} has {key}, which gapscan does not know")
    for key in _KEYS.keys() & found.keys():
        if not isinstance(found[key], bool if key == "tls_first" else str | None):
            raise ConfigError(f"NATS context {path}: {key} is {found[key]!r}")
    return {
        ours: os.path.expanduser(found[theirs]) if theirs in _PATHS else found[theirs]
        for theirs, ours in _KEYS.items()
        if found.get(theirs)
    }


def _home(env: Mapping[str, str]) -> Path:
    base = env.get("XDG_CONFIG_HOME")
    try:
        return (Path(base) if base else Path.home() / ".config") / "nats"
    except RuntimeError:
        raise ConfigError("there is no home directory to look for NATS contexts in", remedy="set HOME") from None
