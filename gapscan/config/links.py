"""Links out of the page: addresses about a symbol."""

from __future__ import annotations

from urllib.parse import urlsplit

from gapscan.config.sections import BridgeSection
from gapscan.errors import ConfigError


def links_of(section: BridgeSection) -> list[str]:
    """The links, from a list or from text with commas. Raises ConfigError for one that is no address of a page."""
    given = section.links
    links = [part.strip() for part in (given.split(",") if isinstance(given, str) else given or []) if part.strip()]
    for link in links:
        if not _is_link(link):
            raise ConfigError(
                f"[bridge] links: {link!r} is no address of a page about a symbol",
                remedy="write it as https://quotes.example.org/{symbol}",
            )
    return links


def _is_link(link: str) -> bool:
    try:
        parts = urlsplit(link.replace("{symbol}", "X"))
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "{symbol}" in link
