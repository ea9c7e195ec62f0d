"""Which pages may open a WebSocket. Any page on the web can try, with its visitor's network behind it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def is_allowed(origin: str | None, host: str, allowed: Collection[str]) -> bool:
    """Whether a handshake may go on.

    Browsers always say their page's origin; a client that says none is no browser. With an allow-list the origin
    must be in it, to the letter. Without one, pages of the bridge's own host and of this machine may.
    """
    if origin is None:
        return True
    if allowed:
        return origin in allowed
    try:
        page = urlsplit(origin)
        local = page.hostname in _LOCAL
    except ValueError:
        return False
    return page.scheme in ("http", "https") and (local or page.netloc == host)
