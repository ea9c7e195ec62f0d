"""The environment as it comes: from files with a line end, from Windows, from Kubernetes, in quotes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapscan.config import ProviderSection, load, secrets_of, service_links
from gapscan.errors import ConfigError
from gapscan.providers import api_key

PRINTABLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="\"'"), min_size=1)
SPACE = st.text(" \t\r\n\v\f", max_size=3)


@given(PRINTABLE, SPACE, SPACE)
def test_a_key_without_what_is_around_it(key: str, before: str, after: str) -> None:
    assert api_key(ProviderSection(), {"POLYGON_API_KEY": before + key + after}) == key


@given(PRINTABLE, st.characters().filter(lambda char: not "!" <= char <= "~"), PRINTABLE)
def test_what_no_key_has_is_named_and_the_key_is_not_shown(begin: str, char: str, end: str) -> None:
    with pytest.raises(ConfigError) as raised:
        api_key(ProviderSection(), {"POLYGON_API_KEY": f"0000{begin}{char}{end}0000"})
    assert f"U+{ord(char):04X}" in raised.value.message
    assert f"as character {len(begin) + 5}," in raised.value.message
    assert f"0000{begin}" not in str(raised.value)


@pytest.mark.parametrize(
    ("value", "words"),
    [("abc\ndef", "a line feed (U+000A)"), ("\ufeffabcdef", "zero width no-break space"), ("'abcdef'", "in quotes")],
)
def test_faults_of_keys(value: str, words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        api_key(ProviderSection(), {"POLYGON_API_KEY": value})
    assert words in str(raised.value)
    assert "POLYGON_API_KEY" in str(raised.value)
    assert "abc" not in str(raised.value)


def test_no_key() -> None:
    for env in ({}, {"POLYGON_API_KEY": ""}, {"POLYGON_API_KEY": " \n"}):
        assert api_key(ProviderSection(), env) is None


def test_settings_from_files_that_end_in_a_newline() -> None:
    env = {
        "GAPSCAN_BRIDGE_TOKEN": "sesame\n",
        "GAPSCAN_NATS_PASSWORD": " with spaces \r\n",
        "GAPSCAN_BRIDGE_PORT": "81\n",
    }
    config = load(None, env).config
    assert (config.bridge.token, config.nats.password, config.bridge.port) == ("sesame", " with spaces ", 81)


@pytest.mark.parametrize(
    ("variable", "key"), [("GAPSCAN_BRIDGE_TOKEN", "token in [bridge]"), ("GAPSCAN_NATS_USER", "user in [nats]")]
)
def test_control_characters_are_named(variable: str, key: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(None, {variable: "ses\x1bame"})
    assert f"{variable}: {key} has ESC (U+001B) in it" in str(raised.value)
    assert "ame" not in raised.value.message.partition("has")[2]


def test_control_characters_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "gapscan.toml"
    path.write_text('[bridge]\norigins = ["https://a.example", "https://b.example\\n"]\n')
    with pytest.raises(ConfigError, match=r"origins in \[bridge\] has a line feed"):
        load(path, {})


@pytest.mark.parametrize("key", ["token", "edit_token"])
@pytest.mark.parametrize("empty", ["", "  "])
def test_a_token_of_the_bridge_that_is_empty_is_refused(tmp_path: Path, key: str, empty: str) -> None:
    path = tmp_path / "gapscan.toml"
    path.write_text(f'[bridge]\n{key} = "{empty}"\n')
    with pytest.raises(ConfigError, match=rf"gapscan.toml: {key} in \[bridge\] is empty"):
        load(path, {})
    assert getattr(load(None, {f"GAPSCAN_BRIDGE_{key.upper()}": ""}).config.bridge, key) is None  # as in compose files


# Kubernetes makes them of the Services gapscan-bridge, gapscan-sim, gapscan-service-metrics.
LINKS = {
    "GAPSCAN_BRIDGE_PORT": "tcp://10.0.0.1:80",
    "GAPSCAN_SIM_PORT": "udp://[fd00::1]:9000",
    "GAPSCAN_SERVICE_METRICS_PORT": "sctp://10.0.0.2:9100",
}


def test_service_links_are_no_settings() -> None:
    env = {**LINKS, "GAPSCAN_BRIDGE_SERVICE_HOST": "10.0.0.1", "GAPSCAN_BRIDGE_PORT_80_TCP": "tcp://10.0.0.1:80"}
    assert load(None, env) == load(None, {})
    assert sorted(service_links(env)) == sorted(LINKS)


def test_other_values_of_such_names_are() -> None:
    assert load(None, {"GAPSCAN_BRIDGE_PORT": "81"}).config.bridge.port == 81
    assert service_links({"GAPSCAN_BRIDGE_PORT": "81"}) == []
    with pytest.raises(ConfigError, match="GAPSCAN_BRIDGE_PORT"):
        load(None, {"GAPSCAN_BRIDGE_PORT": "http://10.0.0.1:80"})


@pytest.mark.parametrize("variable", ["GAPSCAN_NATS_URL", "GAPSCAN_PROVIDER_REST_URL", "GAPSCAN_SIM_START"])
@pytest.mark.parametrize("quote", ["'", '"'])
def test_quotes_that_came_along(variable: str, quote: str) -> None:
    with pytest.raises(ConfigError, match=f"{variable} is in quotes"):
        load(None, {variable: f"{quote}nats://127.0.0.1:4222{quote}"})


def test_a_password_may_have_quotes() -> None:
    assert load(None, {"GAPSCAN_NATS_PASSWORD": "'1234'"}).config.nats.password == "'1234'"


@pytest.mark.parametrize(
    "url", ["nats://h", "tls://h:1", "ws://h:80", "wss://u:p@h", "nats://[::1]:4222", "nats://a:1, nats://b_c.d", ""]
)
def test_urls(url: str) -> None:
    assert load(None, {"GAPSCAN_NATS_URL": url}).config.nats.url == (url or None)


@pytest.mark.parametrize(
    "url",
    [
        "h",
        "h:4222",
        "nats://",
        "http://h:4222",
        "nats://h:x",
        "nats://h:0",
        "nats://h:70000",
        "'nats://h",
        "nats://a b",
        "nats://[::1",
        "nats://a,b",
    ],
)
def test_no_urls(tmp_path: Path, url: str) -> None:
    path = tmp_path / "gapscan.toml"
    path.write_text(f'[nats]\nurl = "{url}"\n')
    with pytest.raises(ConfigError, match="no NATS URL"):
        load(path, {})


def test_a_prefix_of_names() -> None:
    assert load(None, {"GAPSCAN_NATS_PREFIX": "acme"}).config.nats.prefix == "acme"
    for wrong in ("Acme", "a.b", "a-b", "a_b", "2nd", "a" * 33):
        with pytest.raises(ConfigError, match="use a lower-case letter, then up to 31 of a-z and 0-9") as raised:
            load(None, {"GAPSCAN_NATS_PREFIX": wrong})
        assert repr(wrong) in str(raised.value)


def test_a_faulty_url_is_shown_without_its_login() -> None:
    with pytest.raises(ConfigError) as raised:
        load(None, {"GAPSCAN_NATS_URL": "nats://me:sesame@h:x"})
    assert "sesame" not in str(raised.value)


def test_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "gapscan.toml"
    path.write_text("[bridge]\nport = 81\n", "utf-8-sig")
    assert load(path, {}).config.bridge.port == 81


def test_all_secrets_are_known() -> None:
    env = {
        "GAPSCAN_NATS_PASSWORD": "password-2",
        "GAPSCAN_BRIDGE_TOKEN": "token-3",
        "GAPSCAN_NATS_URL": "nats://me:password-4@a,nats://token-5@b,nats://c",
    }
    config = load(None, env).config
    assert {*secrets_of(config)} == {"password-2", "token-3", "password-4", "token-5"}
