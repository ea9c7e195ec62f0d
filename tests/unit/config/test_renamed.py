"""The names that settings had before 0.2: read, said once, and never mixed up with those of today."""

from __future__ import annotations

from pathlib import Path

import pytest

from gapscan.config import Config, ProviderSection, as_environment, load
from gapscan.errors import ConfigError

OLD = """\
[polygon]
library = "massive"
rest_url = "http://old.example"
simulated = true
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "gapscan.toml"


def test_an_old_section_is_read_with_one_warning(file: Path) -> None:
    file.write_text(OLD)
    loaded = load(file, {"GAPSCAN_POLYGON_WEBSOCKET_HOST": "old.example", "GAPSCAN_POLYGON_SECURE_WEBSOCKET": "false"})
    assert loaded.config.provider == ProviderSection(
        library="massive", rest_url="http://old.example", websocket_host="old.example", secure_websocket=False,
        simulated=True,
    )  # fmt: skip
    old = (f"[polygon] in {file}", "GAPSCAN_POLYGON_WEBSOCKET_HOST", "GAPSCAN_POLYGON_SECURE_WEBSOCKET")
    assert all(word in loaded.warning for word in (*old, "[provider]", "GAPSCAN_PROVIDER_*"))


def test_todays_names_are_not_warned_of(file: Path) -> None:
    file.write_text(OLD.replace("polygon", "provider"))
    loaded = load(file, {"GAPSCAN_PROVIDER_NAME": "polygon"})
    assert (loaded.config.provider.rest_url, loaded.warning) == ("http://old.example", "")


def test_both_sections_are_a_mistake(file: Path) -> None:
    file.write_text(OLD + '[provider]\nname = "polygon"\n')
    with pytest.raises(ConfigError, match=r"both \[provider\] and \[polygon\]") as caught:
        load(file, {})
    assert str(file) in str(caught.value)


def test_the_environment_counts_before_the_file_and_the_new_name_before_the_old(file: Path) -> None:
    file.write_text(OLD)
    old, new = {"GAPSCAN_POLYGON_REST_URL": "http://old"}, {"GAPSCAN_PROVIDER_REST_URL": "http://new"}
    assert load(file, old).config.provider.rest_url == "http://old"
    assert load(file, new).config.provider.rest_url == "http://new"
    assert load(file, old | new).config.provider.rest_url == "http://new"


def test_a_process_that_gets_its_settings_warns_of_nothing(file: Path) -> None:
    """What starts services has said it, and they find the same file and the same variables."""
    file.write_text(OLD)
    config = Config(provider=ProviderSection(rest_url="http://new"))
    env = {"GAPSCAN_POLYGON_REST_URL": "http://old"} | as_environment(config)
    loaded = load(file, env)
    assert (loaded.config.provider, loaded.warning) == (config.provider, "")


@pytest.mark.parametrize("text", ["polygon = 3\n", "[polygon]\nrest = 1\n", '[polygon]\nsimulated = "so"\n'])
def test_a_mistake_in_an_old_section_is_named(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"\$\.provider|provider|rest"):
        load(file, {})


def test_an_old_variable_with_a_mistake_is_named(file: Path) -> None:
    with pytest.raises(ConfigError, match="GAPSCAN_PROVIDER_SIMULATED"):
        load(file if file.exists() else None, {"GAPSCAN_POLYGON_SIMULATED": "so"})
