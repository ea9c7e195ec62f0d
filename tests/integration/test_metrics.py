"""Every process of a running set serves figures that promtool finds nothing wrong with."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gapscan import runfile
from tests.support.until import until
from tests.support.up import ALL, RunningSet, running_set

SERVICES = ALL - {"nats"}


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[RunningSet]:
    async with running_set(tmp_path, symbols=150, start="10:30", speed=5) as running:
        yield running


def urls(running: RunningSet) -> dict[str, str | None]:
    found = runfile.read(running.data)
    assert found is not None
    return {name: process.metrics_url for name, process in found.services.items()}


def scrape(url: str) -> str:
    with urllib.request.urlopen(url) as answer:
        text: str = answer.read().decode()
    return text


def figures(text: str) -> dict[str, float]:
    """Each sample by its name and its labels' values."""
    families = text_string_to_metric_families(text)
    return {
        " ".join((sample.name, *sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


async def scraped(url: str | None) -> dict[str, float]:
    """What a process says; nothing while it does not listen yet."""
    assert url is not None
    try:
        return figures(await asyncio.to_thread(scrape, url))
    except OSError:
        return {}


def lint(text: str) -> str:
    """What promtool has to say."""
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


async def test_each_process_says_how_it_is(running: RunningSet) -> None:
    found = urls(running)
    assert found.pop("nats") is None
    assert found.keys() == SERVICES
    assert len({*found.values()}) == len(SERVICES)

    async def works() -> bool:
        ranker, hot, bridge = [await scraped(found[name]) for name in ("ranker", "hot", "bridge")]
        changes = ranker.get("gapscan_ranker_deltas_total", 0) > 5 and hot.get("gapscan_hot_changes_total", 0) > 0
        return changes and bridge.get("gapscan_bridge_list_live most_active", 0) > 0

    await until(works, "deltas, a hot set, and a list at the bridge")
    everything = {name: await scraped(url) for name, url in found.items()}
    now = time.time()
    feed, ranker, hot, bridge = (everything[name] for name in ("feed", "ranker", "hot", "bridge"))
    for name in SERVICES:
        assert everything[name]["process_resident_memory_bytes"] > 1_000_000
        assert any(key.startswith(f"gapscan_build_info {name}") for key in everything[name])
    for name in SERVICES - {"sim"}:
        assert everything[name]["gapscan_nats_connected"] == 1
        assert everything[name]["gapscan_nats_reconnects_total"] == 0
    assert 0 <= now - feed["gapscan_feed_last_scan_timestamp_seconds"] < 60
    assert feed["gapscan_feed_scan_seconds_count"] >= feed["gapscan_feed_scans_total"] > 0
    assert feed["gapscan_feed_failures_total scan_failed"] == 0
    assert 0 <= now - ranker["gapscan_ranker_last_scan_timestamp_seconds"] < 60
    assert (ranker["gapscan_ranker_leader"], ranker["gapscan_ranker_terms_total"]) == (1, 1)
    assert ranker["gapscan_ranker_cycle_seconds_count"] == ranker["gapscan_ranker_cycles_total"] > 0
    states = {state: ranker[f"gapscan_ranker_list_state most_active {state}"] for state in ("live", "stale", "closed")}
    assert states == {"live": 1, "stale": 0, "closed": 0}
    assert ranker["gapscan_ranker_failures_total publish_failed"] == 0
    assert (hot["gapscan_hot_leader"], hot["gapscan_hot_symbols"] > 0) == (1, True)
    assert bridge["gapscan_bridge_clients"] == bridge["gapscan_bridge_closes_total slow"] == 0
    assert bridge["gapscan_bridge_list_live most_active"] == 1
    await _on_the_bridges_own_port(running, bridge)


async def _on_the_bridges_own_port(running: RunningSet, bridge: dict[str, float]) -> None:
    file = runfile.read(running.data)
    assert file is not None
    own = await scraped(f"{file.http_url}metrics")
    assert own.keys() == bridge.keys()


async def test_promtool_finds_nothing_wrong(running: RunningSet) -> None:
    if shutil.which("promtool") is None:
        assert not os.environ.get("CI"), "promtool is missing"
        pytest.skip("promtool is not installed (Debian: prometheus)")
    assert "no help text" in lint("# TYPE gapscan_x gauge\ngapscan_x 1\n"), "it looks at what it is given"
    found = urls(running)

    async def works() -> bool:
        return (await scraped(found["ranker"])).get("gapscan_ranker_deltas_total", 0) > 0

    await until(works, "a delta")
    for name in sorted(SERVICES):
        url = found[name]
        assert url is not None
        assert lint(await asyncio.to_thread(scrape, url)) == "", name


async def test_a_process_that_is_replaced_is_where_it_was(running: RunningSet) -> None:
    before = urls(running)["hot"]
    pid = running.pid("hot")
    os.kill(pid, 9)
    await running.replaced("hot", pid)
    assert urls(running)["hot"] == before
    await until(lambda: scraped(before), "its figures")
