"""Which proxy counts for the provider."""

from __future__ import annotations

import pytest

from gapscan.polygon.proxies import proxy_for

REST = "https://api.example.org"
STREAM = "wss://socket.example.org/stocks"
PROXY = "http://proxy.example:3128"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_none_by_itself() -> None:
    assert proxy_for(REST, None) is None
    assert proxy_for(STREAM, "") is None


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_that_of_the_environment(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, PROXY)
    assert proxy_for(REST, None) == proxy_for(STREAM, None) == PROXY


def test_that_of_plain_connections_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", PROXY)
    assert proxy_for(REST, None) is proxy_for(STREAM, None) is None
    assert proxy_for("ws://socket.example.org/stocks", None) == PROXY


def test_the_environment_makes_exceptions_and_the_setting_makes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", "example.org")
    assert proxy_for(REST, None) is None
    assert proxy_for(REST, "http://other.example:8080") == "http://other.example:8080"


@pytest.mark.parametrize("here", ["http://127.0.0.1:8700", "ws://localhost:8700/stocks", "http://[::1]:8700"])
def test_this_machine_is_reached_directly(monkeypatch: pytest.MonkeyPatch, here: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", PROXY)
    monkeypatch.setenv("ALL_PROXY", PROXY)
    assert proxy_for(here, None) is None
