"""The feed gateway: the only one that talks to the provider. One leads; others stand by and take over when it is gone.

The provider allows an account one stream: two feeds that both wanted it would take it from each other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any

from prometheus_client import Metric

from gapscan.bus.client import Bus
from gapscan.bus.topology import ensure_shared
from gapscan.config import Config
from gapscan.feed.metrics import KINDS, feed_metrics, scan_histogram
from gapscan.feed.term import FeedTerm
from gapscan.obs import Tally, logger
from gapscan.provider import Provider
from gapscan.providers import open_provider
from gapscan.runtime import until_stopped
from gapscan.service.connecting import lasting_bus, retention
from gapscan.service.leadership import Leadership
from gapscan.service.metrics import Metrics, serving
from gapscan.service.micro import Endpoint
from gapscan.service.reporting import reporting
from gapscan.service.retrying import retrying

_log = logger("feed")


class Feed:
    """Leads when it may, stands by when it may not."""

    def __init__(self, bus: Bus, provider: Provider, config: Config, tally: Tally | None = None) -> None:
        self._bus = bus
        self._provider = provider
        self._config = config
        self._tally = tally or Tally(_log)
        self._scan_seconds = scan_histogram()
        # While NATS is away nobody else can take over: the provider's stream is kept, and whoever returns goes on.
        self._leadership = Leadership(bus, "feed", config, self._tally, patient=True)
        self._term: FeedTerm | None = None

    async def run(self) -> None:
        """Lead and stand by in turn, for ever."""
        await self._leadership.run(self._lead)

    async def _lead(self) -> None:
        _log.info("leading")
        self._term = FeedTerm(
            self._bus, self._provider, self._config, self._tally, self._leadership, self._scan_seconds
        )
        try:
            await self._term.lead()
        finally:
            self._term = None

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows of this feed."""
        if self._term is None:
            return {**self._leadership.report_standby(), "counts": dict(self._tally.counts)}
        return {"role": "leader", **self._term.report()}

    def endpoints(self) -> Iterable[Endpoint]:
        """What this feed answers beside its status: while it leads, questions for bars."""
        return (self._term.bars_endpoint,) if self._term else ()

    def metrics(self) -> Iterator[Metric]:
        """What Prometheus reads of it, beside the counts."""
        return feed_metrics(self._term, self._scan_seconds)


async def main(config: Config, stop: asyncio.Event) -> None:
    """Run a feed until `stop` is set."""
    tally = Tally(_log)
    provider = open_provider(config.provider, config.feed.request_timeout, tally)
    metrics = Metrics("feed", tally, KINDS)
    async with serving(config.service, metrics), lasting_bus(config, "feed") as bus:
        metrics.observe(bus)
        await retrying("feed", "setting up streams", lambda: ensure_shared(bus, retention(config)))
        feed = Feed(bus, provider, config, tally)
        metrics.add(feed.metrics)
        async with reporting(bus, "feed", feed.report, feed.endpoints):
            await until_stopped(stop, feed.run())
