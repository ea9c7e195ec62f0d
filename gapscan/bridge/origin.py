"""Who may come in by which name. Any page on the web can try, with its visitor's network behind it.

A page says its origin, and the name by which it reached the bridge. Comparing the two is not enough: the owner of a
name can have it lead to the bridge's address once the page is loaded (DNS rebinding), and both are his name then.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection, Iterable
from typing import Final
from urllib.parse import urlsplit

from gapscan.config.origins import normalized

ANY_HOST: Final = "*"
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})
# No attacker can have these lead anywhere: they are not in the public DNS, and it has agreed to keep it so. They are
# what the devices of a home or an office have (RFC 6761, 6762 with its appendix G, 8375; ".internal": ICANN, 2024).
_PRIVATE_DOMAINS: Final = (
    "localhost", "local", "lan", "home", "home.arpa", "internal", "intranet", "private", "corp", "localdomain"
)  # fmt: skip


def is_allowed(origin: str | None, host: str, allowed: Collection[str]) -> bool:
    """Whether a handshake may go on.

    Browsers always say their page's origin; a client that says none is no browser. With an allow-list the origin
    must be in it. Without one, pages of the bridge's own host and of this machine may. A port that is the scheme's
    own may be said or left out, and letters' case does not count.
    """
    if origin is None:
        return True
    page = normalized(origin)
    if page is None:
        return False
    if allowed:
        return page in {normalized(each) for each in allowed}
    return host_name(page.partition("://")[2]) in _LOCAL or is_own_page(origin, host)


def is_own_page(origin: str, host: str) -> bool:
    """Whether the page is one of the bridge itself, which the request names `host`."""
    page = normalized(origin)
    return page is not None and page == normalized(f"{page.partition('://')[0]}://{host}")


def own_hosts(hosts: Iterable[str], origins: Iterable[str]) -> frozenset[str]:
    """All names that are known to be the bridge's own: those given, those of the pages that may connect, the machine's.

    A name may begin with `*.`, and `*` alone is any.
    """
    pages = (urlsplit(origin).hostname or "" for origin in origins)
    return frozenset(name.rstrip(".").lower() for name in (*hosts, *pages, socket.gethostname()) if name)


def is_own_host(host: str | None, known: Collection[str]) -> bool:
    """Whether a request that names `host` (a Host header) is meant for this bridge. Browsers always name one.

    Besides the `known` names these are: addresses, which a page of another name cannot have as its own; names of one
    word and of private domains, which do not lead here for anybody outside this network.
    """
    if host is None or ANY_HOST in known:
        return True
    name = host_name(host)
    if name in known or _is_address(name):
        return True
    parents = name.split(".")[1:]
    if not parents:
        return name != ""
    return any(f"*.{parent}" in known or parent in _PRIVATE_DOMAINS for parent in _tails(parents))


def host_name(host: str) -> str:
    """The name or address in a Host header, without the port and the brackets; "" when there is none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


def _tails(words: list[str]) -> Iterable[str]:
    """a.b.c, b.c, c"""
    return (".".join(words[at:]) for at in range(len(words)))
