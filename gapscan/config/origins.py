"""Origins of pages, as settings and browsers say them."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from gapscan.config.sections import BridgeSection
from gapscan.errors import ConfigError

_PORTS: Final = {"http": 80, "https": 443}


def normalized(origin: str) -> str | None:
    """An origin as browsers write it: scheme, name in lower case, and the port if it is not the scheme's own.

    A slash at the end is passed over. None when it is no origin of a page on the web.
    """
    try:
        parts = urlsplit(origin.strip().removesuffix("/"))
        name, port = parts.hostname, parts.port
    except ValueError:
        return None
    if (
        parts.scheme not in _PORTS
        or not name
        or parts.username is not None
        or parts.path
        or parts.query
        or parts.fragment
    ):
        return None
    shown = f"[{name}]" if ":" in name else name
    return f"{parts.scheme}://{shown}" + (f":{port}" if port and port != _PORTS[parts.scheme] else "")


def names_of(given: str | list[str] | None) -> frozenset[str]:
    """Origins or hosts, from a list or from text with commas."""
    parts = given.split(",") if isinstance(given, str) else given or []
    return frozenset(part.strip().rstrip("/") for part in parts if part.strip())


def check_origins(section: BridgeSection) -> None:
    """Raises ConfigError for one of `origins` that no page can have."""
    for origin in sorted(names_of(section.origins)):
        if normalized(origin) is None:
            raise ConfigError(
                f"[bridge] origins: {origin!r} is no origin of a page",
                remedy="write scheme and name, and the port if it is not the usual one: https://scanner.example.org",
            )
