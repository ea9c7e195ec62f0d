"""Discovery: the whole market scanned at an interval, and published with the clock that goes with it."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from msgspec import UNSET, to_builtins
from prometheus_client import Histogram

from gapscan.bus.client import Bus
from gapscan.bus.direct_get import get_last
from gapscan.bus.topology import ensure_shared
from gapscan.config import Config
from gapscan.errors import BusError, FeedError, ProtocolError
from gapscan.feed.liveness import TICK_SECONDS, Liveness, Ticks
from gapscan.feed.market_clock import MarketClock
from gapscan.feed.metrics import scan_histogram
from gapscan.feed.news import NewsLoader
from gapscan.feed.publisher import FeedPublisher
from gapscan.feed.reference import ReferenceLoader
from gapscan.feed.scan_check import ScanCheck
from gapscan.feed.universe_frames import LeftOut, Observation, market_time_of, universe_frames, without_future
from gapscan.feed.volume_curves import CurveLoader
from gapscan.market.scans import night_of
from gapscan.market.sessions import trading_date
from gapscan.obs import Tally, logger
from gapscan.protocol.codec import decode_as, encode
from gapscan.protocol.feed import symbols_a_part
from gapscan.protocol.messages import ReferenceFrame, SessionName, UniverseFrame
from gapscan.provider import MarketSnapshot, MarketStatus, Provider
from gapscan.runtime import Backoff
from gapscan.service.connecting import retention

_log = logger("feed")

# A feed that has no data at all tries again soon; one that lost a scan waits for the next at the latest.
_RETRY_FIRST: Final = 0.25
_CLOCK_SECONDS: Final = 1.0 - TICK_SECONDS / 2


class Discovery:
    """A scan of the whole market every interval, which announces the trading day to the loaders."""

    def __init__(
        self,
        bus: Bus,
        provider: Provider,
        config: Config,
        tally: Tally,
        publisher: FeedPublisher | None = None,
        scan_seconds: Histogram | None = None,
        liveness: Liveness | None = None,
    ) -> None:
        stepping = config.provider.simulated and config.sim.stepping
        self.liveness = liveness or Liveness(config.feed, stepping=stepping)
        self._bus = bus
        self._publisher = publisher or FeedPublisher(bus, tally)
        self._provider = provider
        self._config = config
        self._tally = tally
        self._frame: int | None = None  # of the last scan; None before the first
        self.last_scan = 0.0  # wall time; 0 before the first
        self._last_error = ""
        self.symbols = 0  # in the last scan
        self._status: MarketStatus | None = None
        self._night: dt.date | None = None  # the day after the night, while there are trades in one
        self.scan_seconds = scan_seconds or scan_histogram()
        self._clock = MarketClock(provider, tally, simulated=config.provider.simulated, stepping=stepping)
        self._check = ScanCheck()
        self._soon = asyncio.Event()
        self.left_out = LeftOut()  # of the last scan
        self.newest_bar: Callable[[], int] = lambda: 0  # the end of the newest live bar, epoch ms
        self.on_scan: Callable[[MarketSnapshot, int], None] = lambda _snapshot, _at: None
        self.curves = CurveLoader(bus, provider, config, tally, self._publisher)
        # Such a market waits for what is called complete: for the curves, too, by which the same symbols qualify then.
        others = self.curves.settled if stepping else None
        self.reference = ReferenceLoader(bus, provider, config.feed, tally, self._publish, others)
        self.news = NewsLoader(bus, provider, config.feed.news_interval, tally, lambda: self.market_time)

    @property
    def session(self) -> SessionName | None:
        """The session that the last scan was of; None before the first."""
        return self.liveness.session

    @property
    def market_time(self) -> int:
        """Market time of the data now, epoch ms."""
        return self.liveness.market_time

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
            await self._next_scan(began + self._pause() - loop.time())

    async def _next_scan(self, seconds: float) -> None:
        """Wait for so long, or until a scan is wanted soon."""
        self._soon.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await self._soon.wait()

    def scan_soon(self) -> None:
        """Do not wait for the next scan: something is to be found out by it."""
        self._soon.set()

    async def publish_clock(self) -> None:
        """Say market time every second, and at once when data stop or come again; silence means a dead feed."""
        said, waited, ticks = "", 0.0, Ticks()
        while True:
            seconds = await ticks.next()
            self.liveness.tick(seconds)
            waited += seconds
            message = self.liveness.clock_message()
            if message is None or (waited < _CLOCK_SECONDS and message.state == said):
                continue
            said, waited = str(message.state), 0.0
            with suppress(BusError):  # away: nobody could hear it
                await self._publisher.send(self._bus.names.feed_clock, encode(message))

    @property
    def _closed(self) -> bool:
        return self._status is not None and self._status.session == "closed" and self._night is None

    def _pause(self) -> float:
        """Seconds from scan to scan."""
        return self._config.feed.pause(closed=self._closed)

    async def _failed(self, error: FeedError | BusError) -> None:
        self._last_error = error.message
        self.liveness.scan_failed(error.message)
        self._tally.trouble("scan_failed", f"scan failed: {error}")
        if isinstance(error, BusError):
            with suppress(BusError):  # what is wrong with NATS, the next scan says
                await ensure_shared(self._bus, retention(self._config))

    async def scan(self) -> None:
        """One scan of the whole market, published, and what NATS has lost beside it. Raises FeedError or BusError."""
        answer, snapshot = await self._clock.scan()
        status = self._clock.status(answer, snapshot)
        offered, snapshot = snapshot, without_future(snapshot, status.at, self._tally)
        self._check.check(snapshot, status, self.newest_bar())
        self.left_out = LeftOut.of(offered, snapshot, status.at)
        self._announce(status, snapshot)
        self._frame = 1 + (await self._stored_frame() if self._frame is None else self._frame)
        received = round(time.time() * 1000)
        self.liveness.observe_scan(status, snapshot)
        await self._publish_scan(status, snapshot, received)
        self.on_scan(snapshot, status.at)
        self.reference.observe_scan(snapshot.symbols)
        self._status, self.symbols, self.last_scan, self._last_error = status, len(snapshot), time.time(), ""
        self.liveness.scan_published()
        if self._night is not None:
            self.reference.announce(self._night, early=True)
        self._tally.count("scans")
        await self._restore("reference data", self.reference.restore)
        await self._restore("volume curves", self.curves.restore)

    def _announce(self, status: MarketStatus, snapshot: MarketSnapshot) -> None:
        """Say which day begins; of one that begins with trades by night, not before it is published that there are."""
        day, self._night = trading_date(status.at), night_of(status.at, snapshot.columns["price_time"])
        self.curves.announce(day)
        if self._night is None:
            self.reference.announce(day)

    async def _restore(self, what: str, restore: Callable[[], Awaitable[None]]) -> None:
        """Failing is no failure of the scan, which is out: the next one tries again."""
        try:
            await restore()
        except BusError as error:
            self._tally.trouble("restore_failed", f"whether NATS still has the {what} cannot be seen: {error}")
            with suppress(BusError):  # what is wrong was just said
                await ensure_shared(self._bus, retention(self._config))
                await restore()

    async def _stored_frame(self) -> int:
        """The number of the last scan that is stored, of whichever feed: numbers go on, and mix no two scans."""
        stored = await get_last(self._bus, self._bus.names.stream_universe, self._bus.names.feed_universe)
        try:
            return decode_as(UniverseFrame, stored.data).frame if stored else 0
        except ProtocolError:
            return 0  # of another version: its parts are not read together with these

    async def _publish_scan(self, status: MarketStatus, snapshot: MarketSnapshot, received: int) -> None:
        as_of = market_time_of(snapshot, self.liveness.time_of(status))
        seen = Observation(
            frame=self._frame or 0,
            as_of=as_of,
            session=self.liveness.session_of(status),
            simulated=self._config.provider.simulated,
            received=received,
            clock=status.at if status.at > as_of else UNSET,
        )
        for part in universe_frames(snapshot, seen, symbols_a_part(self._bus.max_payload)):
            await self._publish(self._bus.names.feed_universe, part)

    async def _publish(self, subject: str, message: UniverseFrame | ReferenceFrame) -> None:
        await self._publisher.store(subject, encode(message))

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows of it."""
        return {
            "simulated": self._config.provider.simulated,
            "interval": self._pause(),
            "last_scan": round(self.last_scan, 3),
            "last_error": self._last_error,
            "session": self.session,
            "calendar_disagreement": self._clock.disagreement,
            "clock_fault": self._clock.fault,
            "left_out": to_builtins(self.left_out),
            "market_time": self._status.at if self._status else None,
            "symbols": self.symbols,
            "reference": self.reference.report(),
            "curves": self.curves.report(),
            "news": self.news.report(),
            "counts": dict(self._tally.counts),
        }
