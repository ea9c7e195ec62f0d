"""Alert rules: each fires when it should and is quiet when it should, which promtool tries."""

from __future__ import annotations

import subprocess
from typing import Any

from gapscan.supervisor.catalog import SERVICES
from tests.support.deploy import MONITORING, alert_rules, documents, tool

RULES = alert_rules()
TESTS: list[dict[str, Any]] = documents(MONITORING / "alerts_test.yaml")[0]["tests"]
NAMES = {rule["alert"] for rule in RULES}


def promtool(*arguments: str) -> None:
    command = [tool("promtool", "prometheus"), *arguments]
    found = subprocess.run(command, cwd=MONITORING, check=False, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr


def test_promtool_finds_nothing_wrong() -> None:
    promtool("check", "config", "prometheus.yaml")
    promtool("check", "rules", "alerts.yaml")
    promtool("test", "rules", "alerts_test.yaml")


def test_every_service_is_asked() -> None:
    (job,) = documents(MONITORING / "prometheus.yaml")[0]["scrape_configs"]
    targets = [target for static in job["static_configs"] for target in static["targets"]]
    assert {target.partition(":")[0].rstrip("0123456789") for target in targets} == SERVICES.keys() - {"sim"}
    assert len(targets) == len(set(targets))


def test_every_alert_is_tried_both_ways() -> None:
    """promtool takes a misspelled name for an alert that does not fire."""
    tried = [one for test in TESTS for one in test["alert_rule_test"]]
    assert {one["alertname"] for one in tried if one.get("exp_alerts")} == NAMES
    assert {one["alertname"] for one in tried if not one.get("exp_alerts")} == NAMES


def test_alerts_say_what_is_wrong_and_how_bad_it_is() -> None:
    assert len(RULES) == len(NAMES)
    for rule in RULES:
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"]["summary"]
