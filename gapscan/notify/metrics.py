"""What the process of deliveries counts, and what Prometheus reads of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from prometheus_client import Metric

from gapscan.service.metrics import LEADERSHIP_COUNTS, LEADERSHIP_FAILURES, Kinds, gauge, gauges

if TYPE_CHECKING:
    from gapscan.notify.delivery import Delivery

KINDS: Final = Kinds(
    counts={
        **LEADERSHIP_COUNTS,
        "put_aside": "alerts that a channel did not take for a day",
        "logs_made_anew": "times that a channel found another log of alerts, and began at its start",
    },
    failures={*LEADERSHIP_FAILURES, "deliveries_failed", "alerts_unread", "alerts_unreadable"},
)


def notify_metrics(deliveries: Mapping[str, Delivery], *, leads: bool) -> Iterator[Metric]:
    """The state of a process of deliveries; one that stands by has none."""
    yield gauge("notify_leader", "1 while this process leads", leads)
    sent = [((name,), float(delivery.sent)) for name, delivery in deliveries.items()]
    yield gauges("notify_sent", "alerts delivered since this process leads", ["channel"], sent)
    failing = [((name,), float(bool(delivery.failing))) for name, delivery in deliveries.items()]
    yield gauges("notify_failing", "1 while a channel does not take what is sent", ["channel"], failing)
