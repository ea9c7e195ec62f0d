"""What a ranker counts, and what Prometheus reads of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, get_args

from prometheus_client import Histogram, Metric

from gapscan.protocol.messages import State
from gapscan.service.metrics import LEADERSHIP_COUNTS, LEADERSHIP_FAILURES, PREFIX, Kinds, gauge, gauges, stage_metrics

if TYPE_CHECKING:
    from gapscan.ranker.term import Term

_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1)  # seconds
_STATES: Final[tuple[str, ...]] = get_args(State)

KINDS: Final = Kinds(
    counts={
        **LEADERSHIP_COUNTS,
        "cycles": "rankings of the lists that were due",
        "deltas": "deltas that NATS has stored",
        "bars": "bars and trades that were merged",
        "saved_bytes": "bytes of what was saved of the day",
        "why_answered": "questions that were answered",
    },
    failures={
        *LEADERSHIP_FAILURES,
        "bad_frames",
        "bad_states",
        "bars_left_out",
        "close_unknown",
        "curves_lacking",
        "list_refused",
        "lists_refused",
        "made_anew",
        "not_caught_up",
        "old_frames",
        "parts_dropped",
        "parts_lacking",
        "publish_failed",
        "save_failed",
        "snapshot_failed",
        "topology_refused",
        "upkeep_failed",
        "why_dropped",
        "why_failed",
        "why_unreadable",
    },
)


def cycle_histogram() -> Histogram:
    """The seconds of each ranking."""
    return Histogram(f"{PREFIX}ranker_cycle_seconds", "seconds of a ranking", registry=None, buckets=_BUCKETS)


def ranker_metrics(term: Term | None, cycles: Histogram) -> Iterator[Metric]:
    """A ranker's state; one that stands by (`term` is None) has no lists."""
    yield gauge("ranker_leader", "1 while this process leads", term is not None)
    yield gauge("ranker_last_scan_timestamp_seconds", "when the last scan came; 0: none yet", _last_scan(term))
    market = term.universe.as_of / 1000 if term else 0
    yield gauge("ranker_market_timestamp_seconds", "market time of what is ranked; 0: nothing yet", market)
    pace = term.pace.seconds if term else 0
    yield gauge("ranker_interval_seconds", "between two rankings of a list while bars come; 0: none is ranked", pace)
    yield from cycles.collect()
    yield from stage_metrics("ranker", term.stages.all) if term else ()
    yield from _list_metrics(term)


def _last_scan(term: Term | None) -> float:
    at = term.last_scan_at if term else None
    return 0.0 if at is None else time.time() - (time.monotonic() - at)


def _list_metrics(term: Term | None) -> Iterator[Metric]:
    published = [(spec, term.publishers[spec.name]) for spec in term.lists.specs] if term else []
    by_list = ("list",)
    states = [((spec.name, state), term.state(spec) == state) for spec, _ in published if term for state in _STATES]
    yield gauges("ranker_list_state", "1 for the state that a list is in", ("list", "state"), states)
    rows = [((spec.name,), len(publisher.rows)) for spec, publisher in published]
    yield gauges("ranker_list_rows", "rows of a list", by_list, rows)
    sequences = [((spec.name,), publisher.sequence) for spec, publisher in published]
    yield gauges("ranker_list_sequence", "newest sequence of a list", by_list, sequences)
    changed = [((spec.name,), publisher.as_of / 1000) for spec, publisher in published]
    yield gauges("ranker_list_timestamp_seconds", "market time of a list's last delta", by_list, changed)
