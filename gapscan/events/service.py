"""The events: what the lists' deltas mean, each thing stored once. One process leads, others stand by."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from prometheus_client import Metric

from gapscan.bus.client import Bus
from gapscan.config import Config
from gapscan.events.metrics import KINDS, events_metrics
from gapscan.events.term import EventsTerm
from gapscan.obs import Tally, logger
from gapscan.service.led_process import LedProcess, run_process


class Events(LedProcess[EventsTerm]):
    """The one that leads makes events."""

    def __init__(self, bus: Bus, config: Config, tally: Tally | None = None) -> None:
        tally = tally or Tally(logger("events"))
        super().__init__("events", bus, config, tally, lambda: EventsTerm(bus, config, tally))

    def metrics(self) -> Iterator[Metric]:
        """What Prometheus reads of it, beside the counts."""
        return events_metrics(self.term)


async def main(config: Config, stop: asyncio.Event) -> None:
    """Make events until `stop` is set."""
    await run_process("events", KINDS, config, stop, lambda bus, tally: Events(bus, config, tally))
