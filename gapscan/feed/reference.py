"""The feed's reference data: loaded once a trading day, published, and never called complete before it is."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final

from gapscan.bus.client import Bus
from gapscan.bus.direct_get import get_last
from gapscan.config import FeedSection
from gapscan.errors import BusError, FeedError, NotFoundError
from gapscan.feed.corporate_actions import DayActions
from gapscan.feed.new_symbols import NewSymbols
from gapscan.feed.reference_frames import Baselines, reference_frames
from gapscan.market.sessions import previous_trading_day
from gapscan.obs import Tally, logger
from gapscan.protocol.feed import symbols_a_part
from gapscan.protocol.messages import ReferenceFrame
from gapscan.provider import Listing, Provider
from gapscan.runtime import Backoff

_log = logger("feed")

_RETRY_FIRST: Final = 0.1
# Days without a single bar, one after the other, after which no older ones are asked for.
_EMPTY_DAYS: Final = 7

# A market of fewer symbols may have half of them in no listing.
_MANY: Final = 100
_LEAST: Final = 0.5

Publish = Callable[[str, ReferenceFrame], Awaitable[None]]


class _ReferenceLoad:
    """How far the reference data of `date` is. What has come stays, so that a failure costs one request only."""

    def __init__(self, date: dt.date, actions: DayActions) -> None:
        self.date = date
        self.actions = actions
        self.listings: list[Listing] | None = None
        self.named = False  # whether listings and splits are published
        self.owed = False  # whether something changed since all was published
        self.baselines = Baselines()
        self.oldest = date  # before which no bars were asked for
        self.empty = 0  # days without a bar since the last one that had some

    def parts(self, size: int, *, complete: bool) -> list[ReferenceFrame]:
        """What is known so far, as frames of at most `size` symbols."""
        return reference_frames(
            self.listings or (), self.actions.of, self.baselines, self.date, complete=complete, size=size
        )


class ReferenceLoader:
    """Loads what is known about the symbols whenever a trading day begins. `others` waits for what else belongs to a
    day that is complete.
    """

    def __init__(
        self,
        bus: Bus,
        provider: Provider,
        section: FeedSection,
        tally: Tally,
        publish: Publish,
        others: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._bus = bus
        self._provider = provider
        self._section = section
        self._tally = tally
        self._publish = publish
        self._others = others
        self._day_begins: asyncio.Queue[dt.date] = asyncio.Queue(1)
        self._announced: tuple[dt.date, bool] | None = None
        self._load: _ReferenceLoad | None = None
        self._last_error = ""
        self._published: Sequence[ReferenceFrame] = ()
        self._listed: frozenset[str] = frozenset()
        self._scanned: frozenset[str] = frozenset()
        self._news = asyncio.Event()  # a scan, or a day that begins
        self.new = NewSymbols()

    @property
    def complete(self) -> bool:
        """Whether all that there is to know of the present day is published."""
        return (
            bool(self._published)
            and self._published[0].complete
            and self._announced in ((self._date, False), (self._date, True))
        )

    @property
    def splits(self) -> frozenset[str]:
        """The symbols that split on the day of the reference data; empty while they are not known."""
        acted = self._load.actions.of if self._load else {}
        return frozenset(symbol for symbol, action in acted.items() if action.split)

    @property
    def _date(self) -> dt.date | None:
        return dt.date.fromisoformat(self._published[0].date) if self._published else None

    def announce(self, date: dt.date, *, early: bool = False) -> None:
        """Say which trading day it is; `early`: in its night, when the day before may not yet be told in whole."""
        if (date, early) != self._announced and self._day_begins.empty():
            self._announced = date, early
            self._day_begins.put_nowait(date)
            self._news.set()

    def observe_scan(self, symbols: Iterable[str]) -> None:
        """Say which symbols the market has: those about which something should be known."""
        self._scanned = frozenset(symbols)
        self._news.set()

    async def run(self) -> None:
        """Load for ever, a day at a time; a day that is over before it is loaded is left for the next."""
        while True:
            date = await self._day_begins.get()
            self._load = _ReferenceLoad(date, DayActions(self._provider, date, self._tally))
            backoff = Backoff(_RETRY_FIRST, self._section.discovery_interval)
            while self._day_begins.empty() and (error := await self._failure(self._load)):  # noqa: ASYNC110  # grace
                await asyncio.sleep(backoff.next() if error.retry else self._section.discovery_interval)
            while self._day_begins.empty():
                self._news.clear()
                await self._ask_for_new(self._load)
                await self._settle_splits(self._load)
                await self._news.wait()

    async def _failure(self, load: _ReferenceLoad) -> FeedError | BusError | None:
        """Go on loading; what stopped it, or None when all has come. No failure is a reason to end the scans."""
        try:
            await self._go_on(load)
        except (FeedError, BusError) as error:
            name = "reference_failed" if error.retry else "reference_refused"
            self._last_error = error.message
            self._tally.trouble(name, f"reference data of {load.date} cannot be loaded: {error}")
            return error
        self._last_error = ""
        return None

    async def _ask_for_new(self, load: _ReferenceLoad) -> None:
        """Ask about symbols that trade and are in no listing, a few at a time, and publish those that there are."""
        now = asyncio.get_running_loop().time()
        self.new.observe(self._scanned - self._listed, now)
        found = await self._new_listings(now)
        if not found:
            return
        before = load.listings or []
        load.listings = [*before, *found]
        try:
            await self._publish_all(load.parts(self._size, complete=True))
        except BusError as error:  # a later round asks again
            load.listings = before
            self._tally.trouble("new_symbols_failed", f"new symbols cannot be published: {error}")
        else:
            self._tally.count("new_symbols", len(found))

    async def _settle_splits(self, load: _ReferenceLoad) -> None:
        """Publish what has become known of the closes before today's splits."""
        load.owed |= await load.actions.settle()
        if not load.owed:
            return
        try:
            await self._publish_all(load.parts(self._size, complete=True))
        except BusError as error:  # the next scan tries again
            self._tally.trouble("closes_failed", f"the closes before splits cannot be published: {error}")
        else:
            load.owed = False

    async def _new_listings(self, now: float) -> list[Listing]:
        """Those of this round's symbols that the provider knows, up to the first failure."""
        found: list[Listing] = []
        for symbol in self.new.due(now):
            try:
                found += [await self._provider.listing(symbol)]
            except NotFoundError:
                self.new.rest(symbol, now)
            except FeedError as error:
                self._tally.trouble("new_symbols_failed", f"new symbols cannot be asked about: {error}")
                break
        return found

    async def _listings(self) -> list[Listing]:
        """The day's listings. Raises FeedError when they cannot be those of this market."""
        listings = await self._provider.listings()
        known, scanned = len(self._scanned & {listing.symbol for listing in listings}), len(self._scanned)
        if scanned >= _MANY and known < scanned * _LEAST:
            raise FeedError(f"the reference data names {known} of the {scanned} symbols in the market")
        return listings

    async def _go_on(self, load: _ReferenceLoad) -> None:
        """Names and splits first, so that lists can be ranked; then the volume baselines, day by day, and closes."""
        if load.listings is None:
            load.listings = await self._listings()
        await load.actions.load_events()
        if not load.named:
            await self._publish_all(load.parts(self._size, complete=False))
            load.named = True
        await self._load_baselines(load)
        await load.actions.load_closes()
        if self._others:
            await self._others()
        await self._publish_all(load.parts(self._size, complete=True))
        symbols, sessions = len(load.listings), load.baselines.sessions
        extra = {"date": load.date, "symbols": symbols, "splits": len(self.splits), "sessions": sessions}
        _log.info("reference data loaded", extra=extra)

    async def _load_baselines(self, load: _ReferenceLoad) -> None:
        while load.baselines.sessions < self._section.baseline_sessions and load.empty < _EMPTY_DAYS:
            date = previous_trading_day(load.oldest)
            bars = await self._provider.daily_bars(date)
            load.oldest = date
            load.empty = 0 if bars else load.empty + 1
            if bars:
                load.baselines.add(bars)
                load.actions.observe_day_before(date, bars)
            await asyncio.sleep(0)

    @property
    def _size(self) -> int:
        return symbols_a_part(self._bus.max_payload)

    async def _publish_all(self, parts: Sequence[ReferenceFrame]) -> None:
        for part in parts:
            await self._publish(self._bus.names.feed_reference, part)
        self._published = parts
        self._listed = frozenset(symbol for part in parts for symbol in part.symbols)

    async def restore(self) -> None:
        """Publish again where NATS has lost it: without it nothing can be ranked. Raises BusError."""
        if (
            self._published
            and await get_last(self._bus, self._bus.names.stream_reference, self._bus.names.feed_reference) is None
        ):
            _log.warning("NATS has lost the reference data, publishing it again")
            for part in self._published:
                await self._publish(self._bus.names.feed_reference, part)

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows: how many of the market's symbols the reference data knows, and of what day."""
        return {
            "known": len(self._scanned & self._listed),
            "needed": len(self._scanned),
            "new": self.new.waiting,
            "complete": self.complete,
            "date": str(self._date) if self._date else None,
            "baseline_sessions": self._load.baselines.sessions if self._load else 0,
            "last_error": self._last_error,
        }
