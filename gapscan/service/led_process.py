"""A process that leads when it may and stands by when it may not, from its start to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, Generic, Protocol, TypeVar

from prometheus_client import Metric

from gapscan.bus.client import Bus
from gapscan.bus.topology import ensure_shared
from gapscan.config import Config
from gapscan.obs import Tally, logger
from gapscan.runtime import until_stopped
from gapscan.service.connecting import lasting_bus, retention
from gapscan.service.leadership import Leadership
from gapscan.service.metrics import Kinds, Metrics, serving
from gapscan.service.reporting import reporting
from gapscan.service.retrying import retrying


class Term(Protocol):
    """One time of leading."""

    async def lead(self, leadership: Leadership) -> None:
        """Lead until the lease is lost (LeaseLostError) or another writer shows (FencedError)."""

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows of it."""


T = TypeVar("T", bound=Term)


class LedProcess(Generic[T]):
    """Leads when it may, each time by a term that `begin` makes; stands by when it may not."""

    def __init__(self, job: str, bus: Bus, config: Config, tally: Tally, begin: Callable[[], T]) -> None:
        self.term: T | None = None  # the present one, while this process leads
        self._tally = tally
        self._begin = begin
        self._leadership = Leadership(bus, job, config, tally)

    async def run(self) -> None:
        """Lead and stand by in turn, for ever."""
        await self._leadership.run(self._lead)

    async def _lead(self) -> None:
        self.term = self._begin()
        try:
            await self.term.lead(self._leadership)
        finally:
            self.term = None

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows of this process."""
        counts = dict(self._tally.counts)
        if self.term is None:
            return {**self._leadership.report_standby(), "counts": counts}
        return {"role": "leader", **self.term.report(), "counts": counts}


class Runnable(Protocol):
    """What `run_process` runs."""

    async def run(self) -> None:
        """For ever."""

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows of it."""

    def metrics(self) -> Iterator[Metric]:
        """What Prometheus reads of it, beside the counts."""


async def run_process(
    job: str, kinds: Kinds, config: Config, stop: asyncio.Event, make: Callable[[Bus, Tally], Runnable]
) -> None:
    """Run what `make` makes once NATS is there, with its figures and its status, until `stop` is set."""
    tally = Tally(logger(job))
    metrics = Metrics(job, tally, kinds)
    async with serving(config.service, metrics), lasting_bus(config, job) as bus:
        metrics.observe(bus)
        await retrying(job, "setting up streams", lambda: ensure_shared(bus, retention(config)))
        process = make(bus, tally)
        metrics.add(process.metrics)
        async with reporting(bus, job, process.report):
            await until_stopped(stop, process.run())
