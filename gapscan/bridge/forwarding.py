"""Whose request it is that a proxy passes on: for the limits that each address has for itself, and for nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gapscan.bridge.connection_gate import Address, address_of, parsed_address, peer_name
from gapscan.config.proxies import Network

_HEADER: Final = "X-Forwarded-For"
_HOPS: Final = 16  # proxies that a request may have come through


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies whose word is taken for whom they ask."""

    networks: Sequence[Network] = ()

    def passes_on(self, request: web.Request) -> bool:
        """Whether it is one of them that asks."""
        peer = address_of(request.transport) if request.transport is not None else None
        return peer is not None and self._has(peer)

    def client_of(self, request: web.Request) -> str:
        """Whose request it is, as `peer_of` says it; "" when that is not known."""
        peer = address_of(request.transport) if request.transport is not None else None
        if peer is None:
            return ""
        return peer_name(self.client(peer, ",".join(request.headers.getall(_HEADER, ()))))

    def client(self, peer: Address, forwarded: str) -> Address:
        """Who asks when `peer` has the connection and the header says `forwarded`.

        Each proxy adds the address by which it was asked. So the last one that is no proxy's is the client's: what
        stands before it, the client may have written. Without such an address it is the connection's.
        """
        if not self._has(peer):
            return peer
        for said in reversed(forwarded.rsplit(",", _HOPS)[-_HOPS:]):
            address = _parsed(said)
            if address is None:
                return peer
            if not self._has(address):
                return address
        return peer

    def _has(self, address: Address) -> bool:
        return any(address in network for network in self.networks)


def _parsed(said: str) -> Address | None:
    """An address, whose port some proxies add."""
    text = said.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    return parsed_address(text)
