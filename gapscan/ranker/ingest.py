"""What the feed publishes into a universe: first what the streams still hold, then as it comes."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from enum import Flag, auto
from itertools import groupby
from typing import Final, cast

import numpy as np
from msgspec import UNSET
from nats.aio.msg import Msg

from gapscan.bus.capacity import smaller_messages
from gapscan.bus.client import NATS_ERRORS, Bus, translated
from gapscan.bus.details import details_subject, read_details
from gapscan.bus.direct_get import get_from
from gapscan.bus.news import news_subject, read_news
from gapscan.bus.topology import KEPT
from gapscan.errors import ProtocolError
from gapscan.market.bars import merge_bars, merge_trades
from gapscan.market.past_bars import merge_past_bars
from gapscan.market.scans import merge_detail, merge_halts, merge_reference, merge_scan
from gapscan.market.universe import Universe
from gapscan.obs import Tally
from gapscan.protocol.codec import decode
from gapscan.protocol.messages import (
    Bars,
    Clock,
    Detail,
    Halts,
    Message,
    PastBars,
    ReferenceFrame,
    Trades,
    UniverseFrame,
    VolumeCurves,
)
from gapscan.protocol.messages import News as Headlines
from gapscan.ranker.feed_watch import FeedWatch
from gapscan.ranker.headlines import HeadlineBook
from gapscan.ranker.replay import StreamReplay
from gapscan.ranker.whole_scans import WholeScans
from gapscan.runtime import end

# Messages not yet taken in: several whole scans, or seconds of bars at a flood. What comes on top is dropped; bars
# carry the day's totals and scans come again, so that both heal. What comes once is read again from its stream.
CAPACITY: Final = 1024
_LITTLE_MS: Final = 5_000
_LOOP_PASSES: Final = 3  # of the event loop: the socket is read, the subscription hands over, its callback runs


def _subjects(bus: Bus) -> tuple[str, ...]:
    named = bus.names
    return (
        named.feed_reference, named.feed_universe, named.feed_curves, named.feed_bars, named.feed_trades,
        named.feed_past, named.feed_halts, named.feed_clock, details_subject(bus), news_subject(bus),
    )  # fmt: skip


class News(Flag):
    """What has come in."""

    SCAN = auto()
    REFERENCE = auto()
    BARS = auto()
    LATER = auto()  # of the past, or beside the market: worth a ranking, but nobody waits for it


class Ingest:
    """Keeps `universe` up to date, and says what is new: bars, or a scan or reference data that is whole."""

    def __init__(self, bus: Bus, universe: Universe, tally: Tally, capacity: int = CAPACITY) -> None:
        self.universe = universe
        self.has_reference = False
        self.has_scan = False
        self._complete = ""  # the day of which nothing of the reference data is still to come
        self.last_scan_at: float | None = None  # monotonic; None before the first scan that came live
        self._clock = 0
        self._scans = WholeScans()
        self.feed = FeedWatch()
        self.headlines = HeadlineBook(universe)
        self.received = 0  # by the feed, of the newest that is merged: wall time, epoch ms
        self._bus = bus
        self._tally = tally
        self._waiting: asyncio.Queue[Message] = asyncio.Queue(capacity)
        self._arrived = asyncio.Event()
        self.scanned = asyncio.Event()  # set when a scan is merged
        self.shown_at = 0  # what the provider's clock said at the newest scan, epoch ms
        self.replay = StreamReplay(bus, self._offer, lambda: universe.curves.lacking, tally)

    @property
    def market_time(self) -> int:
        """The newest that is known of it, epoch ms: data says more about rows, the feed's clock about now."""
        return max(self.universe.as_of, self._clock)

    @property
    def ready(self) -> bool:
        """Whether there is enough to rank: without either part, every list would come out empty."""
        return self.has_reference and self.has_scan

    @property
    def reference_complete(self) -> bool:
        """Whether nothing is still to come of what is known beforehand of the universe's trading day."""
        return self.universe.date is not None and self._complete >= self.universe.date.isoformat()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Hear what comes live, and merge what the streams hold. Raises BusError."""
        try:
            heard = _subjects(self._bus)
            subscriptions = [await self._bus.nc.subscribe(subject, cb=self._on_message) for subject in heard]
        except NATS_ERRORS as error:
            raise translated(error, "subscribing to the feed") from error
        replaying = asyncio.create_task(self.replay.run(), name="replay")
        try:
            await self.recover()
            yield
        finally:
            await end(replaying)
            await self._bus.unsubscribe(*subscriptions)

    async def _on_message(self, stored: Msg) -> None:
        """Read a message while no ranking is due, and not when one is."""
        if self._waiting.full():
            self._tally.trouble("parts_dropped", "the feed is faster than the ranking; messages are dropped")
            self.replay.want()
        elif (message := self._decoded(stored.data)) is not None:
            self._waiting.put_nowait(message)
            self._arrived.set()

    async def recover(self) -> None:
        """Take in what the streams hold. Raises BusError."""
        named = self._bus.names
        streams = (named.stream_reference, named.stream_universe, named.stream_curves, named.stream_halts)
        most = KEPT * smaller_messages(self._bus)
        for stream in streams:
            held = [self._decoded(stored.data) for stored in await get_from(self._bus, stream, 1, most)]
            self._apply_all(message for message in held if message is not None)
        for detail in (await read_details(self._bus)).values():
            merge_detail(self.universe, detail)
        for said in await read_news(self._bus):
            self.headlines.observe(said)

    async def _offer(self, data: bytes) -> None:
        """A message that was read again, queued like what comes live."""
        if (message := self._decoded(data)) is not None:
            await self._waiting.put(message)
            self._arrived.set()

    @property
    def waiting(self) -> int:
        """How many messages wait to be taken in."""
        return self._waiting.qsize()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is waiting to be merged."""
        return self._waiting.empty()

    def wake(self) -> None:
        """Let whoever waits for an arrival go on, though nothing may have come."""
        self._arrived.set()

    async def arrival(self, until: float = math.inf) -> None:
        """Wait until something is there to be merged, or until then on the loop's clock."""
        if self._waiting.empty():
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until if until < math.inf else None):
                    await self._arrived.wait()

    async def read(self) -> None:
        """Read what is here already: left lying, it would wait for the next ranking. To be called after a sleep."""
        for _ in range(_LOOP_PASSES):
            await asyncio.sleep(0)

    def apply(self) -> News:
        """Merge all that is waiting; what is new. Parts of a frame alone are no news."""
        self._arrived.clear()
        news = self._apply_all([self._waiting.get_nowait() for _ in range(self._waiting.qsize())])
        if News.SCAN in news:
            self.last_scan_at = time.monotonic()
            self.scanned.set()
        return news

    def _apply_all(self, messages: Iterable[Message]) -> News:
        """Merge messages in order, bars that follow one another together."""
        news = News(0)
        messages = list(messages)
        times = (getattr(message, "received", UNSET) for message in messages)
        self.received = max((at for at in times if at is not UNSET), default=self.received)
        for are_bars, group in groupby(messages, lambda message: isinstance(message, Bars)):
            if are_bars:
                bars = cast(list[Bars], list(group))
                merged = merge_bars(self.universe, *bars)
                news |= self._apply_bars(merged, sum(len(each.symbols) for each in bars))
            else:
                for message in group:
                    news |= self._apply(message)
        return news

    def _decoded(self, data: bytes) -> Message | None:
        try:
            return decode(data)
        except ProtocolError as error:
            self._tally.trouble("bad_frames", f"a message of the feed cannot be read: {error}")
            return None

    def _apply(self, message: Message) -> News:
        """Merge one message; what is new by it."""
        match message:
            case Clock():
                return self._apply_clock(message)
            case Trades():
                return self._apply_bars(merge_trades(self.universe, message), len(message.symbols))
            case PastBars():
                return News.LATER if merge_past_bars(self.universe, message) else News(0)
            case UniverseFrame():
                return self._apply_scan(message)
            case ReferenceFrame():
                return self._apply_reference(message)
            case VolumeCurves():
                return self._apply_curves(message)
            case Halts():
                return News.BARS if merge_halts(self.universe, message) else News(0)
            case Detail():
                merge_detail(self.universe, message)
                return News(0)  # not worth a ranking of its own
            case Headlines():
                return News.LATER if self.headlines.observe(message) else News(0)
        self._tally.trouble("bad_frames", f"the feed sent a {type(message).__name__}")
        return News(0)

    def _apply_clock(self, clock: Clock) -> News:
        if not 0 < self._clock - clock.as_of < _LITTLE_MS:  # the provider's whole seconds would take it back
            self._clock = clock.as_of
        self.feed.observe(clock)
        return News(0)

    def _apply_bars(self, number: int, offered: int) -> News:
        """`number` of the `offered` bars or trades were merged; before the first scan, none are."""
        self._tally.count("bars", number)
        if number < offered and self.universe.date is not None:
            self._tally.trouble(
                "bars_left_out", "bars of another day, or far ahead of the newest scan, are left out", offered - number
            )
        return News.BARS if number else News(0)

    def _apply_scan(self, part: UniverseFrame) -> News:
        """A scan counts when it is whole; of a new one with a hole, what lacks is read again."""
        whole = self._scans.add(part)
        if self.has_scan and part.as_of > self.universe.scanned_at and self._scans.has_hole(part):
            self._tally.trouble("parts_lacking", "a scan came without some of its parts, it is read again")
            self.replay.want((self._bus.names.stream_universe,))
        return self._apply_whole_scan(whole) if whole else News(0)

    def _apply_whole_scan(self, parts: Sequence[UniverseFrame]) -> News:
        before = self.universe.date
        if not merge_scan(self.universe, *parts):
            self._tally.trouble("old_frames", "a scan of an earlier trading day was left out")
            return News(0)
        if self.universe.date != before:
            self.headlines.forget_past()
        self.has_scan, clock = True, parts[0].clock
        self.shown_at = parts[0].as_of if clock is UNSET else clock
        self.headlines.merge_waiting()
        return News.SCAN

    def _apply_reference(self, frame: ReferenceFrame) -> News:
        counts = merge_reference(self.universe, frame)
        if frame.part < frame.parts:
            return News(0)
        self.has_reference = True
        if counts:
            self._complete = frame.date if frame.complete else ""
        return News.REFERENCE

    def _apply_curves(self, part: VolumeCurves) -> News:
        """Of a set that is whole, every symbol's relative volume is computed anew."""
        try:
            if not self.universe.curves.merge(part):
                return News(0)
        except ProtocolError as error:
            self._tally.trouble("bad_frames", f"the feed's volume curves cannot be used: {error}")
            return News(0)
        finally:
            if self.universe.curves.lacking:
                self.replay.want(())
        self.universe.mark_dirty(np.arange(len(self.universe)))
        return News.REFERENCE
