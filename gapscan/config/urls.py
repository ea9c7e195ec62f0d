"""URLs in settings: what can be none is refused before anybody waits for it."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

_NATS_SCHEMES: Final = ("nats", "tls", "ws", "wss")
_HOST: Final = re.compile(r"[\w.:%-]+")  # names, addresses; what is within brackets comes without them


def nats_servers(url: str) -> list[str]:
    """The servers of a URL, or of several with commas between. Raises ValueError for what is no URL of NATS."""
    found = [part.strip() for part in url.split(",") if part.strip()]
    for one in found:
        if not _is_server(one):
            raise ValueError(f"{without_login(one)} is no NATS URL; write it as nats://127.0.0.1:4222")
    if not found:
        raise ValueError("no NATS URL is given; write it as nats://127.0.0.1:4222")
    return found


def _is_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in _NATS_SCHEMES and bool(_HOST.fullmatch(parts.hostname or "")) and parts.port != 0
    except ValueError:  # brackets that do not match, a port that is none
        return False


def without_login(url: str) -> str:
    """The URL, or several, without users and passwords."""
    return ",".join(_without_login(one) for one in url.split(","))


def _without_login(url: str) -> str:
    scheme, mark, rest = url.rpartition("://")
    return scheme + mark + rest.rpartition("@")[2]


def passwords_in(url: str) -> list[str]:
    """The secret parts of a URL, or of several."""
    return [secret for one in url.split(",") if (secret := _password(one.strip()))]


def _password(url: str) -> str:
    login = url.rpartition("@")[0].rpartition("://")[2]
    user, _, password = login.partition(":")
    return password or user  # a login of one part is a token
