"""The recorder: what the lists were, on the tape. One leads; others stand by and take over when it is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from prometheus_client import Metric

from gapscan.bus.client import Bus
from gapscan.bus.topology import ensure_shared
from gapscan.config import Config
from gapscan.obs import Tally, logger
from gapscan.runtime import until_stopped
from gapscan.service.connecting import lasting_bus, retention
from gapscan.service.leadership import Leadership
from gapscan.service.metrics import Metrics, serving
from gapscan.service.reporting import reporting
from gapscan.service.retrying import retrying
from gapscan.tape.metrics import KINDS, recorder_metrics
from gapscan.tape.term import RecorderTerm

_log = logger("recorder")


class Recorder:
    """Leads when it may, stands by when it may not."""

    def __init__(self, bus: Bus, config: Config, tally: Tally | None = None) -> None:
        self._bus = bus
        self._config = config
        self._tally = tally or Tally(_log)
        self._leadership = Leadership(bus, "recorder", config, self._tally)
        self.term: RecorderTerm | None = None  # the present one, while this recorder leads

    async def run(self) -> None:
        """Lead and stand by in turn, for ever; or do nothing, where no past is wanted."""
        if not self._config.history.enabled:
            _log.info("nothing is recorded: enabled in [history] is false")
            await asyncio.Event().wait()
        await self._leadership.run(self._lead)

    async def _lead(self) -> None:
        self.term = RecorderTerm(self._bus, self._config, self._tally)
        try:
            await self.term.lead(self._leadership)
        finally:
            self.term = None

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows of this recorder."""
        counts = dict(self._tally.counts)
        if not self._config.history.enabled:
            return {"role": "off", "counts": counts}
        if self.term is None:
            return {**self._leadership.report_standby(), "counts": counts}
        return {"role": "leader", **self.term.report(), "counts": counts}

    def metrics(self) -> Iterator[Metric]:
        """What Prometheus reads of it, beside the counts."""
        return recorder_metrics(self.term)


async def main(config: Config, stop: asyncio.Event) -> None:
    """Run a recorder until `stop` is set."""
    tally = Tally(_log)
    metrics = Metrics("recorder", tally, KINDS)
    async with serving(config.service, metrics), lasting_bus(config, "recorder") as bus:
        metrics.observe(bus)
        await retrying("recorder", "setting up streams", lambda: ensure_shared(bus, retention(config)))
        recorder = Recorder(bus, config, tally)
        metrics.add(recorder.metrics)
        async with reporting(bus, "recorder", recorder.report):
            await until_stopped(stop, recorder.run())
