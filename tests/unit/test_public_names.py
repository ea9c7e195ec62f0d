"""What the package `gapscan` itself has: names that exist, errors as one tree, and the version said once."""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from pathlib import Path

import pytest

import gapscan
from gapscan import errors

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", gapscan.__all__)
def test_each_name_is_what_type_checkers_take_it_for(name: str) -> None:
    imported = {
        alias.name: node.module
        for node in ast.walk(ast.parse(inspect.getsource(gapscan)))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("gapscan.")
        for alias in node.names
    }
    assert imported.keys() == set(gapscan.__all__)
    assert gapscan._HOME[name] == imported[name]
    assert callable(getattr(gapscan, name))
    assert name in dir(gapscan)


def test_what_is_no_name_is_refused_as_usual() -> None:
    with pytest.raises(AttributeError, match="no attribute 'flollow'"):
        gapscan.flollow  # noqa: B018
    with pytest.raises(ImportError):
        from gapscan import flollow  # type: ignore[attr-defined]  # noqa: F401


def test_the_tree_of_errors_is_the_documented_one() -> None:
    """Each class below its base, and whether it can be tried again."""
    path: list[str] = []
    documented: dict[str, tuple[str, bool]] = {}
    for indent, name, rest in re.findall(r"^( *)\* `(\w+)`(.*)$", errors.__doc__ or "", re.MULTILINE):
        path[len(indent) // 4 :] = [name]
        documented[name] = (path[-2] if len(path) > 1 else "Exception", "(retry" in rest)
    real = {
        name: (kind.__base__.__name__, _retry(kind))
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, Exception)
    }
    assert documented == real


def _retry(kind: type[errors.GapscanError]) -> bool:
    return kind("").retry


def test_the_version_is_written_in_one_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" not in project["project"]
    assert ROOT / project["tool"]["hatch"]["version"]["path"] == Path(gapscan.__file__)


def test_the_changelog_begins_with_this_version() -> None:
    titles = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert titles[0] == f"{gapscan.__version__} (unreleased)"
    assert all(re.fullmatch(r"\d+\.\d+\.\d+ \(\d{4}-\d\d-\d\d\)", title) for title in titles[1:])
