"""Environment variables as they come: from files that end in a newline, in quotes, from Kubernetes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from gapscan.errors import ConfigError

SECRET_KEYS: Final = frozenset({"password", "token", "edit_token"})
_SERVICE_LINK: Final = re.compile(r"(tcp|udp|sctp)://\S+")
_PORT: Final = "_PORT"
_CONTROLS: Final = {"\n": "a line feed", "\r": "a carriage return", "\t": "a tab", "\x00": "NUL", "\x1b": "ESC"}
_QUOTES: Final = "\"'"


def is_service_link(variable: str, value: str) -> bool:
    """Whether Kubernetes made this: it gives each container the addresses of all Services, in variables by their names.

    That of a Service `gapscan-bridge` is GAPSCAN_BRIDGE_PORT=tcp://10.0.0.1:80, which is no port.
    """
    return variable.endswith(_PORT) and _SERVICE_LINK.fullmatch(value) is not None


def setting_in(variable: str, key: str, env: Mapping[str, str]) -> str:
    """What a variable says, without the line end of the file that it came from. Raises ConfigError for quotes."""
    text = env[variable].rstrip("\r\n")
    if key not in SECRET_KEYS and _is_quoted(text):
        raise ConfigError(f"{variable} is in quotes that are part of its value", remedy="write it without them")
    return text


def _is_quoted(text: str) -> bool:
    return len(text) > 1 and text[0] == text[-1] and text[0] in _QUOTES


def key_in(variable: str, env: Mapping[str, str]) -> str | None:
    """A provider's key, which goes into a header of HTTP; None when there is none.

    White space around it is not its own. Raises ConfigError, which does not show the key.
    """
    key = env.get(variable, "").strip()
    remedy = "write the key as the provider shows it"
    if _is_quoted(key):
        raise ConfigError(f"{variable} is in quotes that are part of its value", remedy=remedy)
    for place, char in enumerate(key, 1):
        if not "!" <= char <= "~":
            raise ConfigError(f"{variable} has {named(char)} as character {place}, which no key has", remedy=remedy)
    return key or None


def named(char: str) -> str:
    """A character that would not be seen, or do harm, where it is shown: "a line feed (U+000A)"."""
    name = _CONTROLS.get(char) or unicodedata.name(char, "a control character").lower()
    return f"{name} (U+{ord(char):04X})"


def control_in(text: str) -> str | None:
    """The first control character of the text."""
    return next((char for char in text if unicodedata.category(char) == "Cc"), None)
