"""What the package `gapscan` itself has: names that exist, errors as one tree, and the version said once."""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from collections.abc import Iterator
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
        from gapscan import flollow  # noqa: F401


def test_the_tree_of_errors_is_the_documented_one() -> None:
    """Each class below its base, and whether it can be tried again."""
    path: list[str] = []
    documented: dict[str, tuple[str, bool]] = {}
    for indent, name, rest in re.findall(r"^( *)\* `(\w+)`(.*)$", errors.__doc__ or "", re.MULTILINE):
        path[len(indent) // 4 :] = [name]
        documented[name] = (path[-2] if len(path) > 1 else "Exception", "(retry" in rest)
    assert documented == dict(_tree(errors.GapscanError, "Exception"))


def _tree(kind: type[errors.GapscanError], base: str) -> Iterator[tuple[str, tuple[str, bool]]]:
    """Each error of the module, its base, and whether it is worth another try."""
    if kind.__module__ == errors.__name__:
        yield kind.__name__, (base, kind("").retry)
        for below in kind.__subclasses__():
            yield from _tree(below, kind.__name__)


def test_the_version_is_written_in_one_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" not in project["project"]
    assert ROOT / project["tool"]["hatch"]["version"]["path"] == Path(gapscan.__file__)


def test_the_changelog_begins_with_this_version() -> None:
    titles = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert titles[0] == f"{gapscan.__version__} (unreleased)"
    assert all(re.fullmatch(r"\d+\.\d+\.\d+ \(\d{4}-\d\d-\d\d\)", title) for title in titles[1:])
