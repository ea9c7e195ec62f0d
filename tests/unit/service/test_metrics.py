"""What Prometheus reads: all that a service counts is declared, and there from the start."""

from __future__ import annotations

import ast
import re
import socket
import urllib.error
import urllib.request
from asyncio import to_thread
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

import gapscan
from gapscan.bridge.metrics import KINDS as BRIDGE
from gapscan.config import ServiceSection
from gapscan.errors import ConfigError
from gapscan.events.metrics import KINDS as EVENTS
from gapscan.feed.metrics import KINDS as FEED
from gapscan.hot.metrics import KINDS as HOT
from gapscan.notify.metrics import KINDS as NOTIFY
from gapscan.obs import Tally, logger
from gapscan.ranker.metrics import KINDS as RANKER
from gapscan.service.metrics import Family, Kinds, Metrics, serving
from gapscan.tape.metrics import KINDS as RECORDER

ROOT = Path(gapscan.__file__).parent
ALL = {
    "feed": FEED,
    "ranker": RANKER,
    "hot": HOT,
    "events": EVENTS,
    "notify": NOTIFY,
    "tape": RECORDER,
    "bridge": BRIDGE,
}
# Whose tally a module counts in.
OWNERS = {
    **{room: (room,) for room in ALL},
    "polygon": ("feed",),
    "service/leadership.py": ("events", "feed", "hot", "notify", "ranker", "tape"),
    "service/all_lists.py": ("bridge", "events", "hot"),
}
# What is counted by a name that is made or chosen where it happens.
CHOSEN = {
    "feed": {"reference_failed", "reference_refused", "topics_refused", "topics_unanswered"},
    "ranker": {"publish_failed", "snapshot_failed"},
    "hot": set[str](),
    "events": set[str](),
    "notify": set[str](),
    "tape": set[str](),
    "bridge": {"expelled_silent", "expelled_slow"},
}


def counted(path: Path) -> Iterator[str]:
    """The names in a module that are given to a tally; of one that is made, what it begins with."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and re.fullmatch(r".*tally\.(count|trouble)", ast.unparse(node.func)):
            yield from _names(node.args[0])


def _names(given: ast.expr) -> Iterator[str]:
    if isinstance(given, ast.IfExp):
        yield from (*_names(given.body), *_names(given.orelse))
    elif isinstance(given, ast.Constant):
        yield str(given.value)
    elif isinstance(given, ast.JoinedStr) and isinstance(given.values[0], ast.Constant):
        yield str(given.values[0].value)


def counted_by(service: str) -> set[str]:
    paths = [ROOT / place for place, owners in OWNERS.items() if service in owners]
    modules = [module for path in paths for module in (path.rglob("*.py") if path.is_dir() else [path])]
    return {name for module in modules for name in counted(module)}


@pytest.mark.parametrize("service", ALL)
def test_all_that_is_counted_is_declared_and_nothing_else(service: str) -> None:
    kinds = ALL[service]
    made = {name for name in counted_by(service) if name.endswith((".", "_"))}
    plain = counted_by(service) - made
    families = {name for name in plain if name.partition(".")[0] in kinds.families}
    assert plain - families | CHOSEN[service] == {*kinds.counts, *kinds.failures}
    assert {name.partition(".")[0] for name in families | {each for each in made if each.endswith(".")}} == {
        *kinds.families
    }
    for name in families:
        start, _, rest = name.partition(".")
        assert rest in kinds.families[start].known
    for name in made:
        assert name.endswith(".") or any(each.startswith(name) for each in CHOSEN[service])


def test_every_tally_is_somebodys() -> None:
    """A module elsewhere that counts would have no figures."""
    elsewhere = [
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        if any(counted(path)) and not any(path.is_relative_to(ROOT / place) for place in OWNERS)
    ]
    assert elsewhere == []


def samples(metrics: Metrics) -> dict[str, float]:
    """Each sample by its name and its labels' values."""
    families = text_string_to_metric_families(metrics.render()[0].decode())
    return {
        " ".join((sample.name, *sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


KINDS = Kinds({"scans": "scans"}, {"scan_failed"}, {"error": Family("errors", "code", "errors", ["bad_json"])})


def test_what_has_not_happened_is_zero_and_what_nobody_declared_shows() -> None:
    tally = Tally(logger("test"))
    metrics = Metrics("feed", tally, KINDS)
    before = samples(metrics)
    for name in ("scans", "scan_failed", "error.bad_json", "error.other", "surprise"):
        tally.count(name, 2)
    after = samples(metrics)
    names = ("scans_total", "failures_total scan_failed", "errors_total bad_json")
    assert [before[f"gapscan_feed_{name}"] for name in names] == [0, 0, 0]
    assert [after[f"gapscan_feed_{name}"] for name in names] == [2, 2, 2]
    assert after["gapscan_feed_errors_total other"] == after["gapscan_feed_failures_total surprise"] == 2
    assert after["gapscan_nats_connected"] == after["gapscan_nats_reconnects_total"] == 0
    assert not any("created" in name for name in after)


def _get(url: str) -> tuple[int, str, str]:
    with urllib.request.urlopen(url) as answer:
        return answer.status, answer.headers["Content-Type"], answer.read().decode()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_it_is_served_where_the_settings_say() -> None:
    section = ServiceSection(metrics_port=_free_port())
    url = f"http://127.0.0.1:{section.metrics_port}/metrics"
    async with serving(section, Metrics("feed", Tally(logger("test")), KINDS)):
        status, content_type, text = await to_thread(_get, url)
        assert (status, content_type.partition(";")[0]) == (200, "text/plain")
        assert "gapscan_feed_scans_total 0.0" in text.splitlines()
        with pytest.raises(ConfigError, match="cannot serve metrics"):
            async with serving(section, Metrics("feed")):
                pass
    with pytest.raises(urllib.error.URLError):
        await to_thread(_get, url)


async def test_it_is_served_nowhere_by_default() -> None:
    before = listening()
    async with serving(ServiceSection(), Metrics("feed")):
        assert listening() == before
    async with serving(ServiceSection(metrics_port=_free_port()), Metrics("feed")):
        assert len(listening()) == len(before) + 1


def listening() -> list[object]:
    """The sockets on which this process listens."""
    return [each for each in psutil.Process().net_connections("tcp") if each.status == psutil.CONN_LISTEN]
