"""Channels as their file has them: addresses from files and the environment, faults with their place."""

from __future__ import annotations

from pathlib import Path

import pytest

from gapscan.config import Config, NotifySection
from gapscan.errors import ConfigError
from gapscan.notify.channels import read_channels
from gapscan.notify.sending import sender_of, words
from gapscan.protocol.alerts import Alert

GOOD = """
[channels.phone]
url_env = "PHONE"
per_minute = 6
lines = 3

[channels.hook]
webhook = "https://example.org/in"
secret_file = "{secret}"
"""


def config_at(path: Path) -> Config:
    return Config(notify=NotifySection(channels_file=str(path)))


def test_addresses_come_from_files_and_the_environment(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush\n")
    (tmp_path / "channels.toml").write_text(GOOD.format(secret=tmp_path / "secret"))
    phone, hook = read_channels(config_at(tmp_path / "channels.toml"), {"PHONE": "json://localhost\n"})
    assert (phone.address, phone.is_webhook, phone.per_minute, phone.lines) == ("json://localhost", False, 6, 3)
    assert (hook.address, hook.is_webhook, hook.secret) == ("https://example.org/in", True, "hush")


@pytest.mark.parametrize(
    ("text", "words_"),
    [
        ('[channels.a]\nurl_env = "NONE"', "NONE is not set"),
        ('[channels.a]\nurl_file = "/nowhere/at/all"', "cannot be read"),
        ("[channels.a]\nlines = 3", "has no address"),
        ('[channels.a]\nwebhook = "http://x"\nsecret_file = "/dev/null"', "/dev/null is empty"),
        ('[channels.a]\nurl_env = "PHONE"\nwebhook = "http://x"', "or two"),
        ('[channels.a]\nwebhook = "ftp://x"', "no http"),
        ('[channels.a]\nurl = "json://x"', "url"),
        ('[channels.A]\nwebhook = "http://x"', "cannot name"),
        ("[channels.a]\nper_minute = 0", "per_minute"),
        ("channels = 3", "channels"),
        ("[channels", "channels.toml"),
    ],
)
def test_faults_are_said(tmp_path: Path, text: str, words_: str) -> None:
    (tmp_path / "channels.toml").write_text(text)
    with pytest.raises(ConfigError, match=words_) as found:
        read_channels(config_at(tmp_path / "channels.toml"), {"PHONE": "json://user:hidden@x"})
    assert "hidden" not in str(found.value)


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        read_channels(config_at(tmp_path / "channels.toml"), {})


async def test_an_address_that_apprise_does_not_know(tmp_path: Path) -> None:
    (tmp_path / "channels.toml").write_text('[channels.a]\nurl_env = "PHONE"')
    (channel,) = read_channels(config_at(tmp_path / "channels.toml"), {"PHONE": "nothing-of-the-kind"})
    with pytest.raises(ConfigError, match="does not know such an address"):
        sender_of(channel)


def test_the_words_of_one_and_of_many() -> None:
    alerts = [Alert("told", "movers", f"S{n}", "enter", f"S{n} came", 1, "e1", n, {}) for n in range(1, 20)]
    assert words(alerts[:1], 5) == ("told", "S1 came")
    title, body = words(alerts, 5)
    assert title == "19 alerts"
    assert body.splitlines() == [*(f"told: S{n} came" for n in range(1, 6)), "and 14 more"]


def test_one_of_which_nobody_knows_when_it_came_true_says_so() -> None:
    missed, known = (
        Alert("a", "movers", s, "enter", f"{s} came", 1, "e1", 2, {}, missed=s == "S1") for s in ("S1", "S2")
    )
    assert words([missed], 5) == ("a", "S1 came (at an unknown time before)")
    assert words([missed, known], 5)[1].splitlines() == ["a: S1 came (at an unknown time before)", "a: S2 came"]
