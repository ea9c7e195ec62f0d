"""What a bridge counts; its state as Prometheus reads it, and as `gapscan status` does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import to_builtins
from prometheus_client import Metric

from gapscan.bridge.server import BridgeServer
from gapscan.protocol.api import PROBLEMS
from gapscan.protocol.codes import CLOSE_CODES, ERROR_CODES
from gapscan.service.lateness import Percentiles
from gapscan.service.lateness import report as stage_report
from gapscan.service.metrics import ALL_LISTS_FAILURES, Family, Kinds, gauge, gauges, stage_metrics

KINDS: Final = Kinds(
    counts={
        "definitions_tried": "definitions that nobody has saved which were tried on past days",
        "connects": "clients that came",
        "frames": "frames sent",
        "bytes": "bytes sent in frames",
        "resumes": "subscriptions that went on from a sequence",
        "resyncs": "resyncs asked for by clients",
        "recoveries": "clients that lagged and caught up",
        "deltas_failed": "deltas that could not be made; a snapshot was sent",
        "aggregates_skipped": "cell updates not sent because a client lagged",
        "answers": "questions of clients that were answered",
        "plays": "pasts that clients had played",
        "answers_skipped": "answers not sent because a client lagged",
        "answers_deferred": "times that a client's answers had to wait, because it asked for lists too often",
    },
    failures={
        "trial_failed",
        *ALL_LISTS_FAILURES,
        "alerts_unread",
        "alerts_unreadable",
        "symbol_unread",
        "bad_bars",
        "client_crashed",
        "http_crashed",
        "wrong_tokens",
        "expelled_silent",
        "expelled_slow",
        "unanswered",
    },
    families={
        "error": Family("errors", "code", "errors that clients were sent", [each.code for each in ERROR_CODES]),
        "close": Family("closes", "code", "connections that the bridge closed", [each.name for each in CLOSE_CODES]),
        "refused": Family(
            "refused",
            "reason",
            "requests and connections that were refused",
            (
                "bad_request",
                "crowd",
                "edit",
                "full",
                "guesses",
                "host",
                "no_request",
                "no_upgrade",
                "origin",
                "rate",
                "too_large",
            ),
        ),
        "problem": Family("problems", "code", "requests for the HTTP interface that were refused", [*PROBLEMS]),
        "unsent": Family("list_failures", "list", "versions of a list that could not be sent"),
    },
)


def bridge_metrics(bridge: BridgeServer, conditions: Mapping[str, bool]) -> Iterator[Metric]:
    """The bridge's state; `conditions` are the service's own."""
    yield gauge("bridge_clients", "clients connected", len(bridge.sessions))
    yield gauge("bridge_lagging", "clients that have not taken all that is due", bridge.lagging)
    yield gauge("bridge_views", "parts of lists (limit, fields) that clients subscribe to", bridge.versions.views)
    yield gauge("bridge_plays", "pasts that are played for clients", len(bridge.versions.plays))
    yield gauge("bridge_interval_seconds", "between two sendings of a list that goes on changing", bridge.interval)
    yield gauges("bridge_writer", "how frames are written", ("writer",), [((bridge.writer.name,), 1)])
    for name, holds in conditions.items():
        yield gauge(f"bridge_{name}", f"1 while this holds: {name.replace('_', ' ')}", holds)
    yield from stage_metrics("bridge", {"stored_to_sent": bridge.versions.stored_to_sent})
    yield from _list_metrics(bridge)


def _stages(bridge: BridgeServer) -> dict[str, Percentiles]:
    return stage_report({"stored_to_sent": bridge.versions.stored_to_sent})


def _list_metrics(bridge: BridgeServer) -> Iterator[Metric]:
    histories = bridge.versions.histories
    current = {name: history.current for name, history in histories.items() if history.current}
    by_list: dict[str, tuple[str, Mapping[str, float]]] = {
        "subscriptions": ("clients of a list", {**dict.fromkeys(histories, 0), **bridge.subscriptions()}),
        "list_sequence": ("newest sequence of a list", {name: v.position.sequence for name, v in current.items()}),
        "list_rows": ("rows of a list", {name: len(v.rows) for name, v in current.items()}),
        "list_versions": ("versions of a list kept", {name: len(history) for name, history in histories.items()}),
        "list_failed": ("1 while its newest version cannot be sent", {n: h.fault != "" for n, h in histories.items()}),
        "list_live": ("1 while a list's data moves", {n: h.state == "live" for n, h in histories.items()}),
    }
    for metric, (text, values) in by_list.items():
        yield gauges(f"bridge_{metric}", text, ("list",), [((name,), value) for name, value in values.items()])


def report(bridge: BridgeServer) -> dict[str, Any]:
    """What `gapscan status` shows of the clients."""
    return {
        "clients": len(bridge.sessions),
        "subscriptions": sum(bridge.subscriptions().values()),
        "lagging": bridge.lagging,
        "lists": len(bridge.versions.histories),
        "interval": round(bridge.interval, 3),
        "writer": bridge.writer.name,
        "stages": {name: to_builtins(stage) for name, stage in _stages(bridge).items()},
        "failed": {name: history.fault for name, history in bridge.versions.histories.items() if history.fault},
        "counts": dict(bridge.tally.counts),
    }
