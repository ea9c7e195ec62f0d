"""By which names a bridge may be reached: no name that a stranger can lead to it."""

from __future__ import annotations

import socket

import pytest

from gapscan.bridge.origin import host_name, is_allowed, is_own_host, own_hosts
from gapscan.bridge.service import Bridge
from gapscan.config import BridgeSection, Config, ServiceSection, as_environment, load
from gapscan.config.links import links_of
from gapscan.config.origins import check_origins
from gapscan.errors import ConfigError


@pytest.mark.parametrize(
    ("host", "known", "expected"),
    [
        (None, [], True),  # no browser
        ("127.0.0.1:8080", [], True),
        ("192.168.1.20", [], True),
        ("[::1]:8080", [], True),
        ("[fe80::1]", [], True),
        ("localhost:8080", [], True),
        ("app.localhost", [], True),
        ("my-nas:8080", [], True),
        ("my-nas.local:8080", [], True),
        ("MY-NAS.LAN", [], True),
        ("scanner.home.arpa", [], True),
        ("bridge.default.svc.cluster.local", [], True),
        ("my-nas.local.:8080", [], True),
        ("evil.example", [], False),
        ("evil.example:8080", [], False),
        ("local.evil.example", [], False),
        ("evil-local.example", [], False),
        ("127.0.0.1.nip.io", [], False),
        ("127.0.0.1.evil.example:8080", [], False),
        ("evil.arpa", [], False),
        ("", [], False),
        ("[", [], False),
        (":8080", [], False),
        ("scanner.example.org:443", ["scanner.example.org"], True),
        ("scanner.example.org.", ["scanner.example.org"], True),
        ("a.scanner.example.org", ["scanner.example.org"], False),
        ("a.b.example.org", ["*.example.org"], True),
        ("example.org", ["*.example.org"], False),
        ("evil-example.org", ["*.example.org"], False),
        ("evil.example", ["*"], True),
    ],
)
def test_hosts(host: str | None, known: list[str], expected: bool) -> None:
    assert is_own_host(host, known) is expected


def test_what_is_in_a_host_header() -> None:
    headers = ("A.Example:80", "[::1]:80", "[::1]", "1.2.3.4", "user@a.example:1")
    assert [host_name(host) for host in headers] == ["a.example", "::1", "::1", "1.2.3.4", "a.example"]


def test_the_names_of_a_bridge() -> None:
    section = BridgeSection(hosts="A.example, *.b.example ,", origins=["https://c.example:8443/"])
    hosts = Bridge(Config(bridge=section)).policy().hosts
    assert {"a.example", "*.b.example", "c.example"} <= set(hosts)
    assert is_own_host(socket.gethostname(), own_hosts([], []))
    assert not is_own_host("d.example", hosts)


def test_hosts_go_through_the_environment() -> None:
    variables = as_environment(Config(bridge=BridgeSection(hosts=["a.example", "b.example"])))
    assert variables["GAPSCAN_BRIDGE_HOSTS"] == "a.example,b.example"
    assert load(env=variables).config.bridge.hosts == "a.example,b.example"


@pytest.mark.parametrize(
    ("origin", "allowed", "expected"),
    [
        (None, [], True),
        ("http://bridge.example:8080", [], True),
        ("https://bridge.example:8080", [], True),
        ("http://bridge.example", [], False),
        ("http://evil.example", [], False),
        ("http://localhost:3000", [], True),
        ("http://127.0.0.1", [], True),
        ("http://[::1]:5", [], True),
        ("http://localhost.evil.example", [], False),
        ("http://bridge.example:8080.evil.example", [], False),
        ("ftp://bridge.example:8080", [], False),
        ("null", [], False),
        ("", [], False),
        ("http://[", [], False),
        ("https://a.example", ["https://a.example"], True),
        ("https://a.example:443", ["https://a.example"], True),
        ("https://A.example", ["https://a.EXAMPLE:443/"], True),
        ("http://a.example:443", ["https://a.example"], False),
        ("https://a.example:8443", ["https://a.example"], False),
        ("HTTPS://BRIDGE.example:8080", [], True),
        ("http://user@bridge.example:8080", [], False),
        ("http://bridge.example:8080/path", [], False),
        ("http://bridge.example:8080", ["https://a.example"], False),
        (None, ["https://a.example"], True),
    ],
)
def test_origins(origin: str | None, allowed: list[str], expected: bool) -> None:
    assert is_allowed(origin, "bridge.example:8080", allowed) is expected


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://bridge.example", "bridge.example:443"),
        ("https://bridge.example:443", "bridge.example"),
        ("http://bridge.example", "Bridge.Example:80"),
        ("https://[2001:db8::1]", "[2001:DB8::1]:443"),
    ],
)
def test_a_port_of_the_scheme_and_capitals_do_not_count(origin: str, host: str) -> None:
    assert is_allowed(origin, host, [])
    assert not is_allowed(origin, host.partition(":")[0] + ":8443", [])


@pytest.mark.parametrize(
    "origin", ["scanner.example.org", "https://a.example/page", "ftp://a.example", "https://", "*"]
)
def test_an_origin_that_no_page_can_have_is_refused(origin: str) -> None:
    with pytest.raises(ConfigError, match=r"\[bridge\] origins: .* is no origin of a page"):
        check_origins(BridgeSection(origins=["https://a.example", origin]))
    check_origins(BridgeSection(origins="https://a.example, http://b.example:8080/"))


@pytest.mark.parametrize("link", ["https://a.example/", "javascript:alert('{symbol}')", "{symbol}", "https://{symbol"])
def test_a_link_that_leads_nowhere_is_refused(link: str) -> None:
    with pytest.raises(ConfigError, match=r"\[bridge\] links: .* is no address of a page"):
        links_of(BridgeSection(links=[link]))


def test_links_are_a_list_or_a_text() -> None:
    given = ["https://a.example/{symbol}/", "http://b.example:8080/?s={symbol}"]
    assert links_of(BridgeSection(links=given)) == links_of(BridgeSection(links=", ".join(given))) == given
    assert links_of(BridgeSection(links=None)) == links_of(BridgeSection(links="")) == []
    assert len(links_of(BridgeSection())) == 3


def test_origins_go_through_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/nowhere")
    config = Config(
        bridge=BridgeSection(origins=["https://a.example", "https://b.example"], token="t"),
        service=ServiceSection(instance="x"),
    )
    variables = as_environment(config)
    assert variables["GAPSCAN_BRIDGE_ORIGINS"] == "https://a.example,https://b.example"
    again = load(env=variables).config
    assert (again.bridge.origins, again.bridge.token) == ("https://a.example,https://b.example", "t")
