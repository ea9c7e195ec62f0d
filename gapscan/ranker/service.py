"""The ranker: universe in, exact ranked lists out. One leads; others stand by and take over when it is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import to_builtins
from prometheus_client import Metric

from gapscan.bus.client import Bus
from gapscan.bus.topology import ensure_shared
from gapscan.config import Config
from gapscan.market.baselines import Curves
from gapscan.obs import Tally, logger
from gapscan.protocol.lists import HEARTBEAT_SECONDS
from gapscan.ranker.definitions import Definitions
from gapscan.ranker.metrics import KINDS, cycle_histogram, ranker_metrics
from gapscan.ranker.questions import preview_endpoint, why_endpoint
from gapscan.ranker.term import Term
from gapscan.ranking.spec import ListSet, ListSpec, shipped_lists
from gapscan.runtime import until_stopped
from gapscan.service.connecting import lasting_bus, retention
from gapscan.service.lateness import report as stage_report
from gapscan.service.leadership import Leadership
from gapscan.service.metrics import Metrics, serving
from gapscan.service.micro import Endpoint
from gapscan.service.reporting import reporting
from gapscan.service.retrying import retrying

_log = logger("ranker")


class Ranker:
    """Leads when it may, stands by when it may not. `shipped` are the lists that come with gapscan."""

    def __init__(
        self,
        bus: Bus,
        config: Config,
        shipped: ListSet,
        *,
        heartbeat: float = HEARTBEAT_SECONDS,
        tally: Tally | None = None,
    ) -> None:
        self._bus = bus
        self._config = config
        self._shipped = shipped
        self._heartbeat = heartbeat
        self._tally = tally or Tally(_log)
        self._cycles = cycle_histogram()
        self._why, self._preview = why_endpoint(bus), preview_endpoint(bus)
        self._definitions = Definitions(bus, shipped, retention(config), self._tally)
        self._leadership = Leadership(bus, "ranker", config, self._tally)
        self.term: Term | None = None  # the present one, while this ranker leads

    async def run(self) -> None:
        """Lead and stand by in turn, for ever."""
        await self._leadership.run(self._lead)

    async def _lead(self) -> None:
        self.term = Term(
            self._bus, self._config, self._shipped.gate, self._definitions, self._tally, self._heartbeat, self._cycles,
            (self._why, self._preview), lambda: self._leadership.in_force,
        )  # fmt: skip
        try:
            await self.term.lead(self._leadership)
        finally:
            self.term = None

    def endpoints(self) -> Sequence[Endpoint]:
        """What it answers beside its status: questions, while it leads."""
        return (self._why, self._preview) if self.term else ()

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows of this ranker."""
        term = self.term
        if term is None:
            return {"role": "standby", "leader": self._leadership.leader, "counts": dict(self._tally.counts)}
        return {
            "role": "leader",
            "waiting_for": term.waiting_for(),
            "simulated": term.universe.simulated,
            "session": str(term.universe.session),
            "as_of": term.universe.as_of,
            "coverage": term.coverage(),
            "curves": self._curves_report(term.universe.curves),
            "interval": round(term.pace.seconds, 3),
            "cycle_ms": round(term.cycle_ms, 2),
            "feed": {"state": term.ingest.feed.state, "reason": term.ingest.feed.reason},
            "stages": {name: to_builtins(stage) for name, stage in stage_report(term.stages.all).items()},
            "lists": {spec.name: self._list_report(term, spec) for spec in term.lists.specs},
            "definitions": self._definitions.report(),
            "refused": dict(term.refused),
            "last_error": term.fault,
            "counts": dict(self._tally.counts),
        }

    def metrics(self) -> Iterator[Metric]:
        """What Prometheus reads of it, beside the counts."""
        return ranker_metrics(self.term, self._cycles)

    @staticmethod
    def _curves_report(curves: Curves) -> dict[str, Any]:
        return {"date": str(curves.date) if curves.date else None, "symbols": len(curves)}

    @staticmethod
    def _list_report(term: Term, spec: ListSpec) -> dict[str, Any]:
        publisher = term.publishers[spec.name]
        return {
            "state": term.state(spec),
            "epoch": publisher.epoch,
            "sequence": publisher.sequence,
            "rows": len(publisher.rows),
            "as_of": publisher.as_of,
            "published": publisher.published,
            "published_bytes": publisher.published_bytes,
            "adopted": publisher.adopted,
            "late": publisher.late,
        }


async def main(config: Config, stop: asyncio.Event) -> None:
    """Run a ranker until `stop` is set."""
    lists = shipped_lists()
    tally = Tally(_log)
    metrics = Metrics("ranker", tally, KINDS)
    async with serving(config.service, metrics), lasting_bus(config, "ranker") as bus:
        metrics.observe(bus)
        await retrying("ranker", "setting up streams", lambda: ensure_shared(bus, retention(config)))
        ranker = Ranker(bus, config, lists, tally=tally)
        metrics.add(ranker.metrics)
        async with reporting(bus, "ranker", ranker.report, ranker.endpoints):
            await until_stopped(stop, ranker.run())
