"""Who may change the own lists from a page or a program: this machine, or who knows a token of its own."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from gapscan.bridge.forwarding import Proxies
from gapscan.bridge.origin import host_name, is_own_page

# What proxies on the way add: behind one, everybody comes from this machine.
_FORWARDED: Final = frozenset({"forwarded", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip", "via"})
_FORWARDED_PREFIX: Final = "x-forwarded"
_LOCALHOST: Final = "localhost"


@dataclass(frozen=True, slots=True)
class EditPolicy:
    """The right to change lists: nobody has it unless `allowed`; with a `token`, whoever knows that has it.

    Without one it is this machine's, and only if the bridge listens (`host`) for this machine alone, and has no name
    (`names`) outside it: with one there is a proxy in front, and not all of them say so. What comes of `proxies` never
    has it, and pages of other origins do not, whatever they may read: a browser on this machine shows them too.
    """

    allowed: bool = True
    token: str | None = None
    host: str = "127.0.0.1"
    names: Collection[str] = ()
    proxies: Proxies = field(default_factory=Proxies)

    def refusal(self, request: web.Request) -> str:
        """Why a request without any token may not change lists, and what to do; "" when it may."""
        if not self.allowed:
            return "nobody may change lists here: `edit` in [bridge] is false"
        if not all(map(is_local, (self.host, *self.names))):
            return "lists can be changed only with a token here: `edit_token` in [bridge] says which"
        if self.proxies.passes_on(request) or not _comes_from_here(request):
            return "lists can be changed only on the machine itself; elsewhere with the `edit_token` of [bridge]"
        if not _is_ours(request):
            return "other pages than the bridge's own change lists only with a token: the `edit_token` of [bridge]"
        return ""


def is_local(host: str) -> bool:
    """Whether a name or an address leads nowhere but to this machine."""
    if host == _LOCALHOST:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_ours(request: web.Request) -> bool:
    """Whether what asks is a page of the bridge, or none at all: of what changes things, browsers say the origin."""
    origin = request.headers.get("Origin")
    return origin is None or is_own_page(origin, request.host)


def _comes_from_here(request: web.Request) -> bool:
    """Whether neither the connection nor its words speak of another machine."""
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    near = isinstance(peer, tuple) and is_local(str(peer[0]))
    return near and is_local(host_name(request.host)) and not any(map(_is_of_a_proxy, request.headers))


def _is_of_a_proxy(header: str) -> bool:
    return header.lower() in _FORWARDED or header.lower().startswith(_FORWARDED_PREFIX)
