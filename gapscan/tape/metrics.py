"""What a recorder counts, and what Prometheus reads of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from prometheus_client import Metric

from gapscan.service.metrics import LEADERSHIP_COUNTS, LEADERSHIP_FAILURES, Kinds, gauge, gauges

if TYPE_CHECKING:
    from gapscan.tape.term import RecorderTerm

KINDS: Final = Kinds(
    counts={**LEADERSHIP_COUNTS, "dropped": "times that the oldest of the tape was dropped for want of disk"},
    failures={*LEADERSHIP_FAILURES, "disk_failed", "disk_short", "record_failed", "tape_refused", "unreadable"},
)


def recorder_metrics(term: RecorderTerm | None) -> Iterator[Metric]:
    """A recorder's state; one that stands by (`term` is None) records nothing."""
    yield gauge("recorder_leader", "1 while this process leads", term is not None)
    yield gauge(
        "recorder_paused", "1 while nothing is recorded for want of disk", term is not None and term.disk.paused
    )
    yield gauge("recorder_cycle_seconds", "seconds of the last round", term.cycle_ms / 1000 if term else 0)
    writers = term.writers.values() if term else ()
    yield gauge("recorder_waiting", "messages that are still to be stored", sum(each.waiting for each in writers))
    yield gauge("recorder_stored_bytes", "bytes stored since it leads", sum(each.stored_bytes for each in writers))
    free = term.disk.free if term else None
    yield gauge("recorder_disk_free_bytes", "free bytes where NATS writes; -1: not known", -1 if free is None else free)
    tapes = term.tapes if term else {}
    times = [((name,), tape.recording.time / 1000) for name, tape in tapes.items()]
    yield gauges("recorder_list_timestamp_seconds", "market time up to which a list is recorded", ("list",), times)
    gaps = [((name,), tape.gaps) for name, tape in tapes.items()]
    yield gauges("recorder_list_gaps", "gaps in a list's past since it leads", ("list",), gaps)
