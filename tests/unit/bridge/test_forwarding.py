"""Who asks through a proxy: what a proxy of ours says of it, and nothing that anybody else can write."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapscan.bridge.connection_gate import Address
from gapscan.bridge.forwarding import Proxies
from gapscan.config import BridgeSection
from gapscan.config.proxies import proxies_of
from gapscan.errors import ConfigError

PROXIES = Proxies(proxies_of(BridgeSection(proxies=["127.0.0.1", "::1", "10.1.0.0/16", "fd00:1::/32"])))
OURS = st.sampled_from(["127.0.0.1", "::1", "10.1.0.0", "10.1.255.255", "fd00:1::9"])


def _is_strange(address: Address) -> bool:
    plain = getattr(address, "ipv4_mapped", None) or address
    return not any(plain in network for network in PROXIES.networks)


ADDRESSES = st.ip_addresses().filter(_is_strange)
FORGED = st.text(alphabet="0123456789.:,[]% afx", max_size=60) | OURS | ADDRESSES.map(str)


def _shown(address: Address, port: int | None) -> str:
    if port is None:
        return str(address)
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


@given(st.lists(FORGED, max_size=4), ADDRESSES, st.lists(OURS, max_size=5), OURS, st.none() | st.integers(1, 65535))
def test_what_a_client_writes_never_counts(
    forged: list[str], client: Address, between: list[str], last: str, port: int | None
) -> None:
    """Each proxy adds by whom it was asked: the first of ours the client, the others those before them."""
    header = ", ".join([*forged, _shown(client, port), *between])
    expected = getattr(client, "ipv4_mapped", None) or client
    assert PROXIES.client(ipaddress.ip_address(last), header) == expected


@given(ADDRESSES, FORGED)
def test_nobody_else_is_believed(stranger: Address, header: str) -> None:
    assert PROXIES.client(stranger, header) == stranger
    assert Proxies().client(stranger, header) == stranger


@given(OURS, st.lists(OURS, max_size=40))
def test_without_a_client_it_is_the_connections(last: str, between: list[str]) -> None:
    peer = ipaddress.ip_address(last)
    assert PROXIES.client(peer, ",".join(between)) == peer
    assert PROXIES.client(peer, ",".join(["203.0.113.1", "unknown", *between])) == peer, "who knows who that was"


@pytest.mark.parametrize("wrong", ["proxy.example", "10.1.0.1/16", "10.1.0.0/40", "0.0.0.0/0", "::/0", "127.0.0.1:80"])
def test_what_is_no_proxy_is_said(wrong: str) -> None:
    with pytest.raises(ConfigError, match=r"\[bridge\] proxies"):
        proxies_of(BridgeSection(proxies=f"127.0.0.1, {wrong}"))
