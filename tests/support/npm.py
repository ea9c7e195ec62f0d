"""npm, where it is and reaches a registry."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

_OFFLINE = re.compile(r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH")


def npm(folder: Path, *arguments: str) -> str:
    """What npm says of it. Without npm, or a registry, the test is skipped; with CI set it fails."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        _missing("there is no npm")
    done = subprocess.run(["npm", *arguments], cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    if done.returncode and _OFFLINE.search(done.stderr):
        _missing(f"npm reaches no registry: {done.stderr[-200:]}")
    assert done.returncode == 0, done.stderr
    return done.stdout


def install(folder: Path, *packages: str) -> Path:
    """Install packages there; their directory."""
    npm(folder, "install", "--silent", "--no-audit", "--no-fund", "--no-save", *packages)
    return folder / "node_modules"


def _missing(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
