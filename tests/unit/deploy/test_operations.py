"""docs/operations.md explains every problem that `gapscan status` can name, and names what exists."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from gapscan.supervisor.catalog import SERVICES
from tests.support.deploy import COMPOSE, DEPLOY, ROOT, alert_rules, documents, setting_variables

TEXT = (ROOT / "docs" / "operations.md").read_text("utf-8")
TABLE = TEXT.partition("What `gapscan status` says")[2].partition("## Figures")[0]
HOLE = "…"


def _problems() -> Iterator[str]:
    """The texts of all problems in the source, with a mark for what differs."""
    for module in ("status.py", "problems.py"):
        tree = ast.parse((ROOT / "gapscan" / "service" / module).read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name.endswith("_problems"):
                yield from _texts(node, _docstring(node))


def _docstring(node: ast.FunctionDef) -> ast.AST | None:
    first = node.body[0]
    return first.value if isinstance(first, ast.Expr) else None


def _texts(node: ast.AST, docstring: ast.AST | None = None) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else HOLE for part in child.values)
        elif isinstance(child, ast.Constant) and child is not docstring:
            yield from [child.value] if isinstance(child.value, str) and " " in child.value else []
        else:
            yield from _texts(child, docstring)


PROBLEMS = sorted(set(_problems()))


def test_the_source_has_problems() -> None:
    assert {"no ranker leads", f"list {HOLE} is stale", f"feed: {HOLE}"} <= set(PROBLEMS)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_every_problem_is_explained(problem: str) -> None:
    assert f"| {problem} |" in TABLE, f"| {problem} |"


def test_variables_exist() -> None:
    nats = (ROOT / "nats" / "accounts.conf").read_text("utf-8") + (ROOT / "nats" / "cluster.conf").read_text("utf-8")
    known = setting_variables() | set(re.findall(r"\$(GAPSCAN_\w+)", nats))
    assert (
        set(re.findall(r"\b(?:GAPSCAN|POLYGON)_[A-Z_]*[A-Z]\b", TEXT))
        - {"GAPSCAN_LIST", "GAPSCAN_NATS", "GAPSCAN_TAPE", "GAPSCAN_EVENTS", "GAPSCAN_EVENTS_COPY"}
        <= known
    )


def test_the_order_of_an_upgrade_has_every_service() -> None:
    order = TEXT.partition("\n## Upgrade")[2].partition("A list continues")[0]
    assert set(re.findall(r"`(\w+)`", order)) == SERVICES.keys() - {"sim"}


def test_the_backup_has_every_place_of_own_lists() -> None:
    backup = TEXT.partition("\n## Backup and restore")[2].partition("\n## ")[0]
    bridge = documents(COMPOSE)[0]["services"]["bridge"]
    (volume,) = bridge["volumes"]
    file = bridge["environment"]["GAPSCAN_RANKER_LISTS_FILE"]
    assert f"in the volume `{volume.partition(':')[0]}`" in backup
    assert f"bridge:{file}" in backup
    unit = (DEPLOY / "gapscan@.service").read_text("utf-8")
    assert "\nStateDirectory=gapscan-%i\n" in unit
    example = (DEPLOY / "gapscan.toml").read_text("utf-8")
    assert '# lists_file = "/var/lib/gapscan-bridge/lists.toml"' in example
    assert "/var/lib/gapscan-bridge/lists.toml" in backup
    assert "\nEnvironment=GAPSCAN_NATS_USER=gapscan HOME=/var/lib/gapscan-%i\n" in unit
    assert "/var/lib/gapscan-bridge/.config/gapscan/lists.toml" in backup, "beside the user's own settings, below HOME"


def test_every_alert_is_explained() -> None:
    explained = set(re.findall(r"`(Gapscan\w+)`", TEXT))
    assert explained == {rule["alert"] for rule in alert_rules()}
