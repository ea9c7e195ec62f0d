"""Who may change the own lists from a page or a program: this machine, or who knows a token of its own."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gapscan.bridge.origin import host_name

# What proxies on the way add: behind one, everybody comes from this machine.
_FORWARDED: Final = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")
_LOCALHOST: Final = "localhost"


@dataclass(frozen=True, slots=True)
class EditPolicy:
    """The right to change lists: nobody has it unless `allowed`; with a `token`, whoever knows that has it.

    Without one it is this machine's, and only if the bridge listens (`host`) for this machine alone.
    """

    allowed: bool = True
    token: str | None = None
    host: str = "127.0.0.1"

    def refusal(self, request: web.Request) -> str:
        """Why a request without any token may not change lists, and what to do; "" when it may."""
        if not self.allowed:
            return "nobody may change lists here: `edit` in [bridge] is false"
        if not is_local(self.host):
            return "lists can be changed only with a token here: `edit_token` in [bridge] says which"
        if not _comes_from_here(request):
            return "lists can be changed only on the machine itself; elsewhere with the `edit_token` of [bridge]"
        return ""


def is_local(host: str) -> bool:
    """Whether a name or an address leads nowhere but to this machine."""
    if host == _LOCALHOST:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _comes_from_here(request: web.Request) -> bool:
    """Whether neither the connection nor its words speak of another machine."""
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    near = isinstance(peer, tuple) and is_local(str(peer[0]))
    return near and is_local(host_name(request.host)) and not any(name in request.headers for name in _FORWARDED)
