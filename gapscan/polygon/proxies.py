"""Through which proxy the provider is reached: that of the settings, or else that of the environment.

Neither the official client nor a plain connection asks the environment by itself.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

_PLAIN = {"ws": "http", "wss": "https"}


def proxy_for(url: str, given: str | None) -> str | None:
    """The proxy's URL; None where `url` is reached without one.

    `given` is the setting's. Without it HTTPS_PROXY, HTTP_PROXY and ALL_PROXY count, but not for what NO_PROXY names,
    nor for this machine, where the simulated market is.
    """
    if given:
        return given
    parts = urlsplit(url)
    host = parts.hostname or ""
    if _is_here(host) or proxy_bypass(host):
        return None
    known = getproxies()
    return known.get(_PLAIN.get(parts.scheme, parts.scheme)) or known.get("all")


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
