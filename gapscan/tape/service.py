"""The recorder: what the lists were, on the tape. One leads; others stand by and take over when it is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from prometheus_client import Metric

from gapscan.bus.client import Bus
from gapscan.config import Config
from gapscan.obs import Tally, logger
from gapscan.service.led_process import LedProcess, run_process
from gapscan.tape.metrics import KINDS, recorder_metrics
from gapscan.tape.term import RecorderTerm

_log = logger("recorder")


class Recorder(LedProcess[RecorderTerm]):
    """The one that leads records; none does where no past is wanted."""

    def __init__(self, bus: Bus, config: Config, tally: Tally | None = None) -> None:
        tally = tally or Tally(_log)
        super().__init__("recorder", bus, config, tally, lambda: RecorderTerm(bus, config, tally))
        self._enabled = config.history.enabled

    async def run(self) -> None:
        """Lead and stand by in turn, for ever; or do nothing, where no past is wanted."""
        if not self._enabled:
            _log.info("nothing is recorded: enabled in [history] is false")
            await asyncio.Event().wait()
        await super().run()

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows of this recorder."""
        return super().report() if self._enabled else {"role": "off", "counts": dict(self._tally.counts)}

    def metrics(self) -> Iterator[Metric]:
        """What Prometheus reads of it, beside the counts."""
        return recorder_metrics(self.term)


async def main(config: Config, stop: asyncio.Event) -> None:
    """Run a recorder until `stop` is set."""
    await run_process("recorder", KINDS, config, stop, lambda bus, tally: Recorder(bus, config, tally))
