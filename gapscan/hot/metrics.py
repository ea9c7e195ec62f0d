"""What a hot manager counts, and what Prometheus reads of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from prometheus_client import Metric

from gapscan.service.metrics import ALL_LISTS_FAILURES, LEADERSHIP_COUNTS, LEADERSHIP_FAILURES, Kinds, gauge

if TYPE_CHECKING:
    from gapscan.hot.service import HotTerm

KINDS: Final = Kinds(
    counts={**LEADERSHIP_COUNTS, "changes": "changes of the hot set that NATS has stored"},
    failures={*LEADERSHIP_FAILURES, *ALL_LISTS_FAILURES, "publish_failed"},
)


def hot_metrics(term: HotTerm | None) -> Iterator[Metric]:
    """A hot manager's state; one that stands by (`term` is None) has no set."""
    yield gauge("hot_leader", "1 while this process leads", term is not None)
    yield gauge("hot_symbols", "symbols that are to come live", len(term.publisher.symbols) if term else 0)
    yield gauge("hot_ready", "1 while enough is known to take symbols out", term is not None and term.ready)
    changed = term.publisher.as_of / 1000 if term else 0
    yield gauge("hot_last_change_timestamp_seconds", "market time of the set's last change; 0: none yet", changed)
