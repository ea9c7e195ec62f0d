"""deploy/gapscan.toml explains every setting, and says of each what its default really is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from gapscan.config import Config, SimSection, example_file, load
from gapscan.errors import ConfigError

ROOT = Path(__file__).parents[3]
_KEY = re.compile(r"(?P<comment># )?(?P<line>(?P<key>[a-z_]+) = \S.*?)\s+# (?P<meaning>\S.+)")


class RowVersion(NamedTuple):
    """What the example says of a key."""

    value: Any
    meaning: str


def shown() -> dict[tuple[str, str], RowVersion]:
    """All keys of the example, commented out or not, by section and name."""
    section, found = "", {}
    for line in example_file().read_text("utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif match := _KEY.fullmatch(line):
            value = tomllib.loads(match["line"])[match["key"]]
            assert (section, match["key"]) not in found, line
            found[section, match["key"]] = RowVersion(value, match["meaning"])
        else:
            assert not line or line.startswith("#"), f"{line!r} has no meaning"
    return found


EXAMPLE = shown()
DEFAULTS = {
    (section, key): value for section, values in msgspec.to_builtins(Config()).items() for key, value in values.items()
}


def test_the_example_is_the_one_in_the_source_tree() -> None:
    assert example_file() == ROOT / "deploy" / "gapscan.toml"


def test_the_wheel_and_the_image_have_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    files = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert files["deploy/gapscan.toml"] == "gapscan/_share/gapscan.toml"
    assert "COPY deploy/gapscan.toml deploy/gapscan.toml" in (ROOT / "deploy" / "Dockerfile").read_text("utf-8")


def test_it_has_every_key_and_no_other() -> None:
    assert EXAMPLE.keys() == DEFAULTS.keys()


@pytest.mark.parametrize(("section", "key"), DEFAULTS)
def test_what_it_shows_is_the_default(section: str, key: str) -> None:
    default, (value, meaning) = DEFAULTS[section, key], EXAMPLE[section, key]
    assert meaning.startswith("unset") == (default is None)
    if default is not None:
        assert (value, type(value)) == (default, type(default))


def test_it_loads_as_it_is() -> None:
    assert load(example_file(), {}).config == Config()


def test_it_loads_with_all_that_is_commented_out(tmp_path: Path) -> None:
    """What could stand in place of an unset key is right too."""
    path = tmp_path / "gapscan.toml"
    path.write_text(re.sub(r"^# (?=[a-z_]+ = )", "", example_file().read_text("utf-8"), flags=re.MULTILINE))
    loaded = msgspec.to_builtins(load(path, {}).config)
    assert loaded == {
        section: {key: EXAMPLE[section, key].value for key in values}
        for section, values in msgspec.to_builtins(Config()).items()
    }


@pytest.mark.parametrize("key", ["speed", "symbols"])
def test_the_bounds_it_tells_are_the_bounds(key: str) -> None:
    fields = msgspec.inspect.type_info(SimSection).fields  # type: ignore[attr-defined]
    bounds = next(field.type for field in fields if field.name == key)
    assert f"{bounds.ge:g} to {bounds.le:g}" in EXAMPLE["sim", key].meaning


def test_a_wrong_key_leads_to_the_example(tmp_path: Path) -> None:
    path = tmp_path / "gapscan.toml"
    path.write_text("[ranker]\nheartbeat_interval = 9.0\n")
    with pytest.raises(ConfigError, match="heartbeat_interval") as caught:
        load(path, {})
    assert "gapscan config example" in caught.value.remedy
