"""Settings in words, without secrets."""

from __future__ import annotations

import tomllib

from gapscan.config import Config, NatsSection
from gapscan_cli.settings_text import settings_text


def test_settings_are_toml_without_secrets() -> None:
    config = Config(nats=NatsSection(url="nats://me:hush@host:4222", user="me", password="hush"))
    text = settings_text(config, has_key=True)
    assert "hush" not in text
    assert "# password: set" in text
    assert "# POLYGON_API_KEY: set" in text
    parsed = tomllib.loads(text)
    assert parsed["nats"]["url"] == "nats://***@host:4222"
    assert parsed["sim"]["symbols"] == 11_000
    assert "# POLYGON_API_KEY: not set" in settings_text(Config(), has_key=False)
