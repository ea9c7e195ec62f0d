"""Passwords that nats/accounts.conf takes from the environment, which NATS reads as it reads its configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from gapscan.errors import ConfigError

# GAPSCAN_NATS_PASSWORD is a setting of gapscan, which is taken as it is.
_VARIABLE: Final = re.compile(r"GAPSCAN_(?!NATS_)([A-Z]+_)?PASSWORD")
# What surely is text for NATS. A digit or a sign may begin a number or a date.
_PLAIN: Final = re.compile(r"[A-Za-z_][\w.:=@%*>|&/-]*", re.ASCII)
_QUOTED: Final = re.compile(r"'[^'\n]+'")
_TRUTHS: Final = frozenset({"true", "false", "yes", "no", "on", "off"})


def reads_as_text(value: str) -> bool:
    """Whether NATS takes `value` for text, and for the text that it is, or that stands within its quotes."""
    if _QUOTED.fullmatch(value):
        return True
    return _PLAIN.fullmatch(value) is not None and value.lower() not in _TRUTHS


def check_passwords(env: Mapping[str, str]) -> None:
    """Raises ConfigError for a variable of accounts.conf that NATS would misread; the password is not told."""
    for name in _misread(env):
        raise ConfigError(
            f"{name}: NATS would take this password for something else, or refuse it",
            remedy=f"write it in single quotes that are part of the value: {name}=\"'...'\"; or use letters and digits",
        )


def _misread(env: Mapping[str, str]) -> Iterator[str]:
    return (name for name in sorted(env) if _VARIABLE.fullmatch(name) and not reads_as_text(env[name]))
