"""The two lock files: everything pinned with hashes, nothing about where it came from, and one choice of versions."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALL, RUN = "requirements.lock", "requirements-run.lock"
APPRISE = {"pyyaml"}  # what apprise needs, and the tests too


def pins(name: str) -> dict[str, str]:
    """Each requirement line, and all that belongs to it: its hashes."""
    text = "".join(line for line in (ROOT / name).read_text().splitlines(True) if not line.lstrip().startswith("#"))
    found = re.findall(r"^(\S.*?) \\\n((?:    .*\n?)+)", text, re.MULTILINE)
    assert sum(not line.startswith(" ") for line in text.splitlines()) == len(found)
    return dict(found)


def wanted(*groups: str) -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(line for group in groups for line in project["optional-dependencies"][group])]
    return {re.match(r"[\w-]+", line)[0].lower() for line in lines}  # type: ignore[index]


@pytest.mark.parametrize("name", [ALL, RUN])
def test_everything_is_pinned_with_hashes_and_without_addresses(name: str) -> None:
    assert "://" not in (ROOT / name).read_text()
    for requirement, hashes in pins(name).items():
        assert re.match(r"[\w.-]+==\S+", requirement)
        assert "--hash=sha256:" in hashes


def test_what_runs_is_a_part_of_what_is_developed_with() -> None:
    everything, run = pins(ALL), pins(RUN)
    assert run.items() <= everything.items()
    assert {requirement.partition("==")[0] for requirement in run} >= wanted("notify")
    assert {requirement.partition("==")[0] for requirement in everything} >= wanted("dev")


def test_what_only_developers_need_is_not_deployed() -> None:
    run = {requirement.partition("==")[0] for requirement in pins(RUN)}
    assert not run & (wanted("dev") - wanted("notify") - APPRISE | {"pandas", "pluggy"})
