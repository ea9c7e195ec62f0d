"""The systemd units: directives that exist, and an exposure that systemd itself calls OK."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.deploy import DEPLOY, tool

UNITS = ("gapscan-nats.service", "gapscan@.service")
THRESHOLD = 20  # of 100; systemd-analyze shows it as 2.0
_NOT_HERE = "is not executable: No such file or directory"  # /opt/gapscan


def test_no_unit_is_forgotten() -> None:
    assert sorted(path.name for path in DEPLOY.glob("*.service")) == sorted(UNITS)


@pytest.mark.parametrize("unit", UNITS)
def test_exposure_is_low(unit: str) -> None:
    command = [tool("systemd-analyze", "systemd"), "security", "--offline=true", f"--threshold={THRESHOLD}"]
    found = subprocess.run([*command, str(DEPLOY / unit)], check=False, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "Overall exposure level" in found.stdout


@pytest.mark.parametrize("unit", UNITS)
def test_directives_exist(tmp_path: Path, unit: str) -> None:
    path = tmp_path / unit.replace("@", "@feed")
    shutil.copy(DEPLOY / unit, path)
    assert complaints(path) == []


def test_a_wrong_directive_is_found(tmp_path: Path) -> None:
    text = (DEPLOY / UNITS[0]).read_text("utf-8")
    wrong = tmp_path / "wrong.service"
    wrong.write_text(text.replace("ProtectSystem=strict", "ProtectSystem=very\nProtektHome=yes"))
    assert len(complaints(wrong)) == 2


def complaints(unit: Path) -> list[str]:
    """What systemd says of a unit, but that gapscan is not installed here."""
    command = [tool("systemd-analyze", "systemd"), "verify", str(unit)]
    found = subprocess.run(command, check=False, capture_output=True, text=True)
    said = [line for line in found.stderr.splitlines() if str(unit.name) in line or str(unit) in line]
    return [line for line in said if not line.endswith(_NOT_HERE)]
