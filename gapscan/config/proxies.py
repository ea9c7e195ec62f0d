"""Proxies in front of the bridge, as settings name them."""

from __future__ import annotations

import ipaddress

from gapscan.config.origins import names_of
from gapscan.config.sections import BridgeSection
from gapscan.errors import ConfigError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def proxies_of(section: BridgeSection) -> list[Network]:
    """The proxies' networks, one address or more each. Raises ConfigError for what is none, and for all addresses."""
    return [_network(text) for text in sorted(names_of(section.proxies))]


def _network(text: str) -> Network:
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise ConfigError(
            f"[bridge] proxies: {error}", remedy='write addresses or networks: "127.0.0.1", "10.1.0.0/16"'
        ) from None
    if network.prefixlen == 0:
        raise ConfigError(
            f"[bridge] proxies: with {text}, whatever anybody says of his address would be believed",
            remedy="name the proxies alone",
        )
    return network
