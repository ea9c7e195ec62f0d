"""The form of the findings: each says what it shows, for which versions, and pins what it installs. None runs here."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

FINDINGS = Path(__file__).parents[2] / "findings"
SCRIPTS = sorted(FINDINGS.glob("*.sh"))
each_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)


def header(script: Path) -> str:
    """The comment at the top, without its marks."""
    lines = script.read_text("utf-8").split("set -euo pipefail\n")[0].splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert all(line.startswith("#") for line in lines)
    return "\n".join(line.removeprefix("#").removeprefix(" ") for line in lines[1:])


def installed(script: Path) -> list[str]:
    """The packages that the script installs, as pip is given them."""
    commands = re.findall(r"pip install (.*)", script.read_text("utf-8").replace("\\\n", " "))
    return [word for command in commands for word in shlex.split(command) if not word.startswith("-")]


def test_each_is_listed_once() -> None:
    rows = re.findall(r"^\| ([a-z-]+) \|", (FINDINGS / "README.md").read_text("utf-8"), re.MULTILINE)
    assert [row for row in rows if row != "script"] == [script.stem for script in SCRIPTS]
    assert SCRIPTS


@each_script
def test_it_can_be_run(script: Path) -> None:
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)


@each_script
def test_the_header_says_what_for_which_versions_and_whence(script: Path) -> None:
    text = header(script)
    for part in ("Holds for", "Behaviour", "Expected", "Seen", "Date", "Source"):
        assert re.search(rf"^{part}[^:\n]*: *\S", text, re.MULTILINE), part
    assert re.search(r"^Holds for: .*\d+\.\d+", text, re.MULTILINE)
    assert re.search(r"^Date: \d{4}-\d\d-\d\d$", text, re.MULTILINE)


@each_script
def test_what_it_installs_is_pinned_and_named_in_the_header(script: Path) -> None:
    packages = installed(script)
    assert packages
    for package in packages:
        name, _, version = package.partition("==")
        assert re.fullmatch(r"[\w.-]+==\d[\w.]*", package)
        assert name in header(script)
        assert version in header(script)


@each_script
def test_it_runs_anywhere_and_without_gapscan(script: Path) -> None:
    text = script.read_text("utf-8")
    assert "gapscan" not in text
    assert not re.search(r"https?://(?!127\.0\.0\.1)", text)
    assert not re.search(r"--(extra-)?index-url|--find-links|--trusted-host", text)
    assert not re.search(r"(?<![\w.])/(home|root|work|tmp|opt)\b", text)
    for part in ("mktemp -d", "trap ", "rm -rf"):
        assert part in text
