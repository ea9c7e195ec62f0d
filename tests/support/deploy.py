"""What stands in deploy/, and the settings and tools that it is compared with."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import yaml

from gapscan import providers
from gapscan.config import Config

ROOT: Final = Path(__file__).parents[2]
DEPLOY: Final = ROOT / "deploy"
COMPOSE: Final = DEPLOY / "compose.yaml"
KUBERNETES: Final = DEPLOY / "kubernetes"
MONITORING: Final = DEPLOY / "monitoring"
PINNED: Final = re.compile(r"[\w./-]+:\d+\.\d+\.\d+(-\w+)*")  # an image by its exact version


def documents(path: Path) -> list[Any]:
    """All documents of a YAML file."""
    return list(yaml.safe_load_all(path.read_text("utf-8")))


def alert_rules() -> list[Any]:
    """The rules by which Prometheus alerts."""
    return [rule for group in documents(MONITORING / "alerts.yaml")[0]["groups"] for rule in group["rules"]]


def tool(name: str, package: str) -> str:
    """The path of a program of this machine. Without it the test is skipped; with CI set it fails."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if found is None:
        reason = f"{name} is not installed (package {package})"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def setting_variables() -> set[str]:
    """All variables that gapscan reads."""
    sections = msgspec.structs.asdict(Config())
    names = {f"GAPSCAN_{section}_{key}".upper() for section, found in sections.items() for key in struct_fields(found)}
    return names | {providers.key_variable(Config().provider)}


def struct_fields(section: Any) -> tuple[str, ...]:
    return tuple(section.__struct_fields__)


def locked_version(package: str) -> str:
    """The version that the tests run with."""
    found = re.search(rf"^{re.escape(package)}==(\S+)", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE)
    assert found, package
    return found[1]
