"""What the process of the events counts, and what Prometheus reads of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from prometheus_client import Metric

from gapscan.service.metrics import ALL_LISTS_FAILURES, LEADERSHIP_COUNTS, LEADERSHIP_FAILURES, Kinds, gauge, gauges

if TYPE_CHECKING:
    from gapscan.events.term import EventsTerm

KINDS: Final = Kinds(
    counts={
        **LEADERSHIP_COUNTS,
        "gaps": "times that deltas of a list could not be read any more",
        "copies_made_anew": "copies for programs that began anew",
    },
    failures={
        *LEADERSHIP_FAILURES, *ALL_LISTS_FAILURES, "read_failed", "malformed", "inbox_full", "position_unusable",
        "position_incomplete", "position_unsaved", "alerts_unread", "copies_failed",
    },
)  # fmt: skip


def events_metrics(term: EventsTerm | None) -> Iterator[Metric]:
    """The state of a process of the events; one that stands by (`term` is None) stores none."""
    yield gauge("events_leader", "1 while this process leads", term is not None)
    yield gauge(
        "events_stored", "events that this process stored while it leads", term.store.log.appended if term else 0
    )
    behind = [((stream,), float(number)) for stream, number in term.copies.behind.items()] if term else []
    yield gauges("events_copy_behind", "messages that a copy for programs lacks", ["stream"], behind)
