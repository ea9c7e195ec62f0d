"""The events: what the lists' deltas mean, each thing stored once. One process leads, others stand by."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from prometheus_client import Metric

from gapscan.bus.client import Bus
from gapscan.bus.topology import ensure_shared
from gapscan.config import Config
from gapscan.events.metrics import KINDS, events_metrics
from gapscan.events.term import EventsTerm
from gapscan.obs import Tally, logger
from gapscan.runtime import until_stopped
from gapscan.service.connecting import lasting_bus, retention
from gapscan.service.leadership import Leadership
from gapscan.service.metrics import Metrics, serving
from gapscan.service.reporting import reporting
from gapscan.service.retrying import retrying

_log = logger("events")


class Events:
    """Leads when it may, stands by when it may not."""

    def __init__(self, bus: Bus, config: Config, tally: Tally | None = None) -> None:
        self._bus = bus
        self._config = config
        self._tally = tally or Tally(_log)
        self._leadership = Leadership(bus, "events", config, self._tally)
        self._term: EventsTerm | None = None

    async def run(self) -> None:
        """Lead and stand by in turn, for ever."""
        await self._leadership.run(self._lead)

    async def _lead(self) -> None:
        self._term = EventsTerm(self._bus, self._config, self._tally)
        try:
            await self._term.lead(self._leadership)
        finally:
            self._term = None

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows of this process."""
        counts = dict(self._tally.counts)
        if self._term is None:
            return {**self._leadership.report_standby(), "counts": counts}
        return {"role": "leader", **self._term.report(), "counts": counts}

    def metrics(self) -> Iterator[Metric]:
        """What Prometheus reads of it, beside the counts."""
        return events_metrics(self._term)


async def main(config: Config, stop: asyncio.Event) -> None:
    """Make events until `stop` is set."""
    tally = Tally(_log)
    metrics = Metrics("events", tally, KINDS)
    async with serving(config.service, metrics), lasting_bus(config, "events") as bus:
        metrics.observe(bus)
        await retrying("events", "setting up streams", lambda: ensure_shared(bus, retention(config)))
        events = Events(bus, config, tally)
        metrics.add(events.metrics)
        async with reporting(bus, "events", events.report):
            await until_stopped(stop, events.run())
