"""The bridge's figures: as Prometheus reads them, and as `gapscan status` does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from gapscan.bridge.server import BridgeServer

_PREFIX: Final = "gapscan_bridge_"
# Counts of one kind share a metric: "error.bad_json" is gapscan_bridge_errors_total{code="bad_json"}.
_FAMILIES: Final = {
    "error": ("errors_total", "code", "errors that clients were told"),
    "close": ("closes_total", "code", "connections that the bridge closed"),
    "refused": ("refused_total", "reason", "requests that were refused"),
    "unsent": ("list_failures_total", "list", "versions of a list that could not be sent"),
}
_COUNTERS: Final = {
    "connects": "WebSocket clients that came",
    "frames": "frames sent",
    "bytes": "bytes sent in frames",
    "resumes": "subscriptions that went on from a sequence",
    "resyncs": "resyncs asked for by clients",
    "recoveries": "clients that lagged and caught up",
    "deltas_failed": "deltas that could not be made; a snapshot was sent",
    "aggregates_skipped": "cell updates not sent because a client lagged",
    "answers": "questions of clients that a ranker answered",
    "answers_skipped": "answers not sent because a client lagged",
}

Labels = Mapping[str, str]
Sample = tuple[Labels, float]


def metrics_text(bridge: BridgeServer, gauges: Mapping[str, float]) -> str:
    """All figures in Prometheus's text format; `gauges` are the service's own."""
    return "".join(_lines(bridge, gauges))


def _lines(bridge: BridgeServer, gauges: Mapping[str, float]) -> Iterator[str]:
    yield from _metric("clients", "gauge", "WebSocket clients connected", [({}, len(bridge.sessions))])
    yield from _metric("lagging", "gauge", "clients that have not taken all that is due", [({}, bridge.lagging)])
    yield from _metric("writer", "gauge", "how frames are written", [({"writer": bridge.writer.name}, 1)])
    for name, value in gauges.items():
        yield from _metric(name, "gauge", name.replace("_", " "), [({}, value)])
    yield from _list_metrics(bridge)
    counts = bridge.tally.counts
    for name, text in _COUNTERS.items():
        yield from _metric(f"{name}_total", "counter", text, [({}, counts[name])])
    for kind, (metric, label, text) in _FAMILIES.items():
        found = [({label: name.partition(".")[2]}, n) for name, n in counts.items() if name.startswith(f"{kind}.")]
        yield from _metric(metric, "counter", text, found)


def _list_metrics(bridge: BridgeServer) -> Iterator[str]:
    histories = bridge.versions.histories
    current = {name: history.current for name, history in histories.items() if history.current}
    failed = {name: float(history.fault != "") for name, history in histories.items()}
    by_list: dict[str, tuple[str, dict[str, float]]] = {
        "subscriptions": ("clients of a list", {**dict.fromkeys(histories, 0), **bridge.subscriptions()}),
        "list_sequence": ("newest sequence of a list", {name: v.position.sequence for name, v in current.items()}),
        "list_rows": ("rows of a list", {name: len(v.rows) for name, v in current.items()}),
        "list_versions": ("versions of a list kept", {name: len(history) for name, history in histories.items()}),
        "list_failed": ("1 while its newest version cannot be sent", failed),
        "list_live": ("1 while a list's data moves", {n: h.state == "live" for n, h in histories.items()}),
    }
    for metric, (text, values) in by_list.items():
        yield from _metric(metric, "gauge", text, [({"list": name}, value) for name, value in values.items()])


def _metric(name: str, kind: str, text: str, samples: Sequence[Sample]) -> Iterator[str]:
    if samples:
        yield f"# HELP {_PREFIX}{name} {text}\n# TYPE {_PREFIX}{name} {kind}\n"
    for labels, value in samples:
        inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        yield f"{_PREFIX}{name}{{{inside}}} {value:.16g}\n" if inside else f"{_PREFIX}{name} {value:.16g}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def report(bridge: BridgeServer) -> dict[str, Any]:
    """What `gapscan status` shows of the clients."""
    return {
        "clients": len(bridge.sessions),
        "subscriptions": sum(bridge.subscriptions().values()),
        "lagging": bridge.lagging,
        "lists": len(bridge.versions.histories),
        "writer": bridge.writer.name,
        "failed": {name: history.fault for name, history in bridge.versions.histories.items() if history.fault},
        "counts": dict(bridge.tally.counts),
    }
