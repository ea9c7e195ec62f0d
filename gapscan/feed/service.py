"""The feed gateway: the only one that talks to the provider. It scans the whole market and publishes what it saw."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from gapscan.bus.client import NATS_ERRORS, REQUEST_SECONDS, Bus, translated
from gapscan.bus.topology import ensure_shared
from gapscan.config import Config
from gapscan.errors import BusError, FeedError
from gapscan.feed.calendar_check import CalendarCheck
from gapscan.feed.details import DetailLoader
from gapscan.feed.live import LiveFeed
from gapscan.feed.metrics import KINDS, feed_metrics, scan_histogram
from gapscan.feed.reference import ReferenceLoader
from gapscan.feed.universe_frames import Observation, market_time_of, universe_frames, without_future
from gapscan.feed.volume_curves import CurveLoader
from gapscan.market.sessions import trading_date
from gapscan.obs import Tally, logger
from gapscan.protocol import names
from gapscan.protocol.codec import encode
from gapscan.protocol.feed import symbols_a_part
from gapscan.protocol.messages import Clock, ReferenceFrame, SessionName, UniverseFrame
from gapscan.provider import MarketSnapshot, MarketStatus, Provider
from gapscan.providers import open_provider
from gapscan.runtime import Backoff, until_stopped
from gapscan.service.common import lasting_bus, reporting, retention, retrying
from gapscan.service.metrics import Metrics, serving

_log = logger("feed")

# A feed that has no data at all tries again soon; one that lost a scan waits for the next at the latest.
_RETRY_FIRST: Final = 0.25
_CLOCK_SECONDS: Final = 1.0


class Feed:
    """Discovery: a scan of the whole market every interval, which announces the trading day to the loaders."""

    def __init__(self, bus: Bus, provider: Provider, config: Config, tally: Tally) -> None:
        self._bus = bus
        self._provider = provider
        self._config = config
        self._tally = tally
        self._frame = 0
        self.last_scan = 0.0  # wall time; 0 before the first
        self._last_error = ""
        self.symbols = 0  # in the last scan
        self._status: MarketStatus | None = None
        self.scan_seconds = scan_histogram()
        self._calendar = CalendarCheck(tally)
        self.on_scan: Callable[[MarketSnapshot, int], None] = lambda _snapshot, _at: None
        self.reference = ReferenceLoader(bus, provider, config.feed, tally, self._publish)
        self.curves = CurveLoader(bus, provider, config, tally)

    @property
    def session(self) -> SessionName | None:
        """The session at the last scan; None before the first."""
        return self._status.session if self._status else None

    @property
    def market_time(self) -> int:
        """Market time now, epoch ms: the last scan's, and the wall time since."""
        now = time.time()
        return round(now * 1000) if self._status is None else self._status.at + round((now - self.last_scan) * 1000)

    async def discover(self) -> None:
        """Scan for ever, one scan at a time, each `discovery_interval` seconds after the one before began."""
        interval = self._config.feed.discovery_interval
        backoff = Backoff(_RETRY_FIRST, interval)
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                with self.scan_seconds.time():
                    await self.scan()
            except (FeedError, BusError) as error:
                await self._failed(error)
                await asyncio.sleep(backoff.next() if error.retry else interval)
                continue
            backoff.reset()
            await asyncio.sleep(max(0.0, began + self._pause() - loop.time()))

    async def publish_clock(self) -> None:
        """Say market time every second for as long as scans come; without it, clients say that data stands still."""
        while True:
            await asyncio.sleep(_CLOCK_SECONDS)
            overdue = time.time() - self.last_scan > self._config.feed.overdue_after(closed=self._closed)
            if self._status is None or self._last_error or overdue:
                continue
            with suppress(*NATS_ERRORS):  # away: nobody could hear it
                await self._bus.nc.publish(names.FEED_CLOCK, encode(Clock(self.market_time)))

    @property
    def _closed(self) -> bool:
        return self._status is not None and self._status.session == "closed"

    def _pause(self) -> float:
        """Seconds from scan to scan."""
        return self._config.feed.pause(closed=self._closed)

    async def _failed(self, error: FeedError | BusError) -> None:
        self._last_error = error.message
        self._tally.trouble("scan_failed", f"scan failed: {error}")
        if isinstance(error, BusError):
            with suppress(BusError):  # what is wrong with NATS, the next scan says
                await ensure_shared(self._bus, retention(self._config))

    async def scan(self) -> None:
        """One scan of the whole market, published, and what NATS has lost beside it. Raises FeedError or BusError."""
        status, snapshot = await asyncio.gather(self._provider.status(), self._provider.snapshot())
        self._calendar.compare(status)
        for loader in (self.reference, self.curves):
            loader.announce(trading_date(status.at))
        self._frame += 1
        snapshot = without_future(snapshot, status.at, self._tally)
        await self._publish_scan(status, snapshot)
        self.on_scan(snapshot, status.at)
        self.reference.observe_scan(snapshot.symbols)
        self._status, self.symbols, self.last_scan, self._last_error = status, len(snapshot), time.time(), ""
        self._tally.count("scans")
        await self._restore("reference data", self.reference.restore)
        await self._restore("volume curves", self.curves.restore)

    async def _restore(self, what: str, restore: Callable[[], Awaitable[None]]) -> None:
        """Failing is no failure of the scan, which is out: the next one tries again."""
        try:
            await restore()
        except BusError as error:
            self._tally.trouble("restore_failed", f"whether NATS still has the {what} cannot be seen: {error}")
            with suppress(BusError):  # what is wrong was just said
                await ensure_shared(self._bus, retention(self._config))
                await restore()

    async def _publish_scan(self, status: MarketStatus, snapshot: MarketSnapshot) -> None:
        as_of, simulated = market_time_of(snapshot, status.at), self._config.provider.simulated
        seen = Observation(self._frame, as_of, status.session, simulated)
        for part in universe_frames(snapshot, seen, symbols_a_part(self._bus.max_payload)):
            await self._publish(names.FEED_UNIVERSE, part)

    async def _publish(self, subject: str, message: UniverseFrame | ReferenceFrame) -> None:
        payload = encode(message)
        try:
            await self._bus.js.publish(subject, payload, timeout=REQUEST_SECONDS)
        except NATS_ERRORS as error:
            raise translated(error, f"publishing {subject}") from error
        self._tally.count("published_bytes", len(payload))

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows of this feed."""
        return {
            "simulated": self._config.provider.simulated,
            "interval": self._pause(),
            "last_scan": round(self.last_scan, 3),
            "last_error": self._last_error,
            "session": self._status.session if self._status else None,
            "calendar_disagreement": self._calendar.disagreement,
            "market_time": self._status.at if self._status else None,
            "symbols": self.symbols,
            "reference": self.reference.report(),
            "curves": self.curves.report(),
            "counts": dict(self._tally.counts),
        }


async def main(config: Config, stop: asyncio.Event) -> None:
    """Run the feed until `stop` is set."""
    tally = Tally(_log)
    provider = open_provider(config.provider, config.feed.request_timeout, tally)
    metrics = Metrics("feed", tally, KINDS)
    async with serving(config.service, metrics), lasting_bus(config, "feed") as bus:
        metrics.observe(bus)
        await retrying("feed", "setting up streams", lambda: ensure_shared(bus, retention(config)))
        feed = Feed(bus, provider, config, tally)
        details = DetailLoader(bus, provider, config, feed, tally, splits=lambda: feed.reference.splits)
        live = LiveFeed(bus, config, feed, provider, tally, on_hot=details.want)
        feed.on_scan = live.halts.observe_scan
        metrics.add(lambda: feed_metrics(feed, live))
        async with reporting(bus, "feed", lambda: feed.report() | live.report() | {"details": details.report()}):
            loaders = (feed.reference.run(), feed.curves.run(), details.run())
            await until_stopped(stop, feed.discover(), feed.publish_clock(), live.run(), *loaders)
