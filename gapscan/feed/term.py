"""One time of leading: the provider is asked, its stream is held, and what they say is published."""

from __future__ import annotations

import asyncio
from collections.abc import Set
from typing import Any

from prometheus_client import Histogram

from gapscan.bus.client import Bus
from gapscan.config import Config
from gapscan.feed.backfill import Backfill
from gapscan.feed.details import DetailLoader
from gapscan.feed.discovery import Discovery
from gapscan.feed.live import LiveFeed
from gapscan.feed.plan import PlanWatch
from gapscan.feed.probe import Probe
from gapscan.feed.publisher import FeedPublisher
from gapscan.feed.symbol_bars import DayBars, answer_bars, bars_endpoint
from gapscan.obs import Tally
from gapscan.provider import MarketSnapshot, Provider
from gapscan.service.leadership import Leadership


class FeedTerm:
    """From the first scan to the loss of the lease. Nothing is kept from one to the next: another feed led between."""

    def __init__(
        self,
        bus: Bus,
        provider: Provider,
        config: Config,
        tally: Tally,
        leadership: Leadership,
        scan_seconds: Histogram,
    ) -> None:
        self._bus = bus
        self._tally = tally
        self._day_bars = DayBars(provider.bars, lambda: self.discovery.market_time, simulated=config.provider.simulated)
        self.bars_endpoint = bars_endpoint(bus)
        self._leadership = leadership
        self._publisher = FeedPublisher(bus, tally, leadership)
        self.discovery = Discovery(bus, provider, config, tally, self._publisher, scan_seconds)
        self.details = DetailLoader(
            bus, provider, config, self.discovery, tally, splits=lambda: self.discovery.reference.splits
        )
        self.probe = Probe(provider, config, self.discovery.liveness, tally, self.discovery.scan_soon)
        self.plan = PlanWatch()
        self.backfill = Backfill(provider, config, self.discovery, self._publisher, tally)
        self.live = LiveFeed(
            bus,
            config,
            self.discovery,
            provider,
            tally,
            on_hot=self._hot_changed,
            publisher=self._publisher,
            liveness=self.discovery.liveness,
        )
        self.discovery.on_scan = self._scanned
        self.discovery.newest_bar = lambda: self.live.bars.newest_end

    def _hot_changed(self, symbols: Set[str]) -> None:
        self.details.want(symbols)
        self.backfill.want(symbols)

    def _scanned(self, snapshot: MarketSnapshot, at: int) -> None:
        self.live.halts.observe_scan(snapshot, at)
        self.backfill.observe_scan(self.discovery.market_time)
        self.plan.observe(snapshot, self.live.halts_state, self.backfill.verdict, self.discovery.liveness.behind)

    async def lead(self) -> None:
        """Scan and publish until the lease is lost (LeaseLostError) or another feed shows (FencedError)."""
        await self._leadership.while_held(self._publisher.until_overtaken(), self._work())

    async def _work(self) -> None:
        discovery = self.discovery
        jobs = {
            "discovery": discovery.discover(),
            "clock": discovery.publish_clock(),
            "bars": answer_bars(self._bus, self._day_bars, self._tally, self.bars_endpoint),
            "live": self.live.run(),
            "reference": discovery.reference.run(),
            "news": discovery.news.run(),
            "curves": discovery.curves.run(),
            "details": self.details.run(),
            "backfill": self.backfill.run(),
            "probe": self.probe.run(),
        }
        async with asyncio.TaskGroup() as group:
            for name, job in jobs.items():
                group.create_task(job, name=name)

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows of this term."""
        lateness = self.discovery.liveness.report()
        parts = {"details": self.details.report(), "backfill": self.backfill.report(), "lateness": lateness}
        parts |= {"plan": self.plan.report()}
        return self.discovery.report() | self.live.report() | parts
