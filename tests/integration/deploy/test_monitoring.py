"""Every figure that alerts, their tests and the dashboard name is one that a running set has."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from gapscan import runfile
from tests.support.deploy import DEPLOY
from tests.support.until import until
from tests.support.up import RunningSet, running_set

MONITORING = DEPLOY / "monitoring"
_NAME = re.compile(r"\b(?:gapscan|process)_[a-z0-9_]+")
_LABELLED = re.compile(r'(gapscan_[a-z0-9_]+)\{[^}]*\b(kind|code|state)=\\?"(\w+)')


def texts() -> dict[str, str]:
    found = {name: (MONITORING / name).read_text("utf-8") for name in ("alerts.yaml", "alerts_test.yaml")}
    dashboard = json.loads((MONITORING / "dashboard.json").read_text("utf-8"))
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return {**found, "dashboard.json": "\n".join(queries)}


def exposed(running: RunningSet) -> Iterator[tuple[str, dict[str, str]]]:
    """Every sample of the set: its name and labels."""
    found = runfile.read(running.data)
    assert found is not None
    for process in found.services.values():
        if process.metrics_url:
            with urllib.request.urlopen(process.metrics_url) as answer:
                families = text_string_to_metric_families(answer.read().decode())
                yield from ((sample.name, sample.labels) for family in families for sample in family.samples)


async def test_names_and_labels_exist(tmp_path: Path) -> None:
    used = texts()
    names = {name for text in used.values() for name in _NAME.findall(text)}
    labels = {found for text in used.values() for found in _LABELLED.findall(text)}
    assert {"gapscan_ranker_leader", "process_cpu_seconds_total"} <= names
    assert ("gapscan_feed_failures_total", "kind", "scan_failed") in labels
    async with running_set(tmp_path, symbols=150, start="10:30", speed=5) as running:

        def lacking() -> set[object]:
            samples = list(exposed(running))
            there = {(name, label, value) for name, given in samples for label, value in given.items()}
            return (names - {name for name, _ in samples}) | (labels - there)

        async def all_there() -> bool:
            try:
                return not await asyncio.to_thread(lacking)
            except OSError:  # a process that does not listen yet
                return False

        try:
            await until(all_there, "all figures")
        except AssertionError as error:
            error.add_note(str(await asyncio.to_thread(lacking)))
            raise


def test_the_dashboard_is_whole() -> None:
    dashboard = json.loads((MONITORING / "dashboard.json").read_text("utf-8"))
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(places) == len(panels)
    (variable,) = dashboard["templating"]["list"]
    assert {panel["datasource"]["uid"] for panel in panels} == {"${" + variable["name"] + "}"}
    assert all(panel["title"] and panel["targets"] for panel in panels)
