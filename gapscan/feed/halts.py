"""Trading halts: what is said of them, kept, and published whenever it changes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import chain

from gapscan.bus.client import Bus
from gapscan.bus.direct_get import get_last
from gapscan.errors import BusError, ProtocolError
from gapscan.feed.halt_book import HaltBook
from gapscan.feed.halt_notices import HaltNotice
from gapscan.feed.publisher import FeedPublisher
from gapscan.obs import Tally, logger
from gapscan.protocol.codec import decode_as, encode
from gapscan.protocol.messages import Halts
from gapscan.provider import BarColumns, Halt, MarketSnapshot, Trade
from gapscan.runtime import Backoff
from gapscan.service.retrying import RETRY_FIRST, RETRY_LIMIT

_log = logger("feed")


class HaltKeeper:
    """Keeps the book of halts and publishes it; begins with what an earlier feed published.

    Where halts are not `wanted`, from neither source, none come, and the book stays empty.
    """

    def __init__(
        self,
        bus: Bus,
        tally: Tally,
        *,
        simulated: bool,
        wanted: bool = True,
        publisher: FeedPublisher | None = None,
    ) -> None:
        self.book = HaltBook()
        self._wanted = wanted
        self._bus = bus
        self._publisher = publisher or FeedPublisher(bus, tally)
        self._tally = tally
        self._simulated = simulated
        self._due = asyncio.Event()
        self._listed: Sequence[HaltNotice] | None = None  # what the exchanges' list had last

    def observe_events(self, events: Sequence[Halt]) -> None:
        """Halts and resumptions, as they came."""
        changes = [self.book.observe_event(event) for event in events]
        self._changed(any(changes), sum(changes))

    def observe_list(self, notices: Sequence[HaltNotice]) -> None:
        """The whole of the exchanges' list: it counts until there is another, on days that begin too."""
        self._listed = notices
        self._apply_list()

    def _apply_list(self) -> None:
        if self._listed is not None and self.book.date is not None:
            changes = self.book.observe_list(self._listed)
            self._changed(changes > 0, changes)

    def observe_traded(self, bars: BarColumns, trades: Sequence[Trade]) -> None:
        """What traded, by which a symbol shows that its resumption was missed."""
        if (halted := self.book.halted) and (halted.intersection(bars.symbols) or trades):
            traded = chain(zip(bars.symbols, bars.start, strict=True), ((each.symbol, each.time) for each in trades))
            self._missed(self.book.observe_traded(traded))

    def observe_scan(self, snapshot: MarketSnapshot, at: int) -> None:
        """A scan of the whole market, at market time `at`: it says which day it is, and what trades without being
        hot."""
        if self.book.advance(at):
            self._due.set()
        self._apply_list()
        if (halted := self.book.halted) and "minute_start" in snapshot.columns:
            minutes = zip(snapshot.symbols, snapshot.columns["minute_start"].tolist(), strict=True)
            traded = [(symbol, int(start)) for symbol, start in minutes if symbol in halted and start <= at]
            self._missed(self.book.observe_traded(traded))

    def _missed(self, changed: bool) -> None:
        if changed:
            self._tally.trouble("resumptions_missed", "a halted symbol trades, its resumption never came")
        self._changed(changed, int(changed))

    def _changed(self, changed: bool, number: int) -> None:
        if changed:
            self._tally.count("halt_changes", number)
            self._due.set()

    async def run(self) -> None:
        """Publish for ever; the loss of NATS is waited out, and what it may have lost is published again."""
        backoff = Backoff(RETRY_FIRST, RETRY_LIMIT)
        stop_listening = self._bus.on_link_change(self._link_changed)
        loaded = not self._wanted
        try:
            while True:
                try:
                    loaded = loaded or await self._load()
                    await self._publish_when_due()
                    backoff.reset()
                except BusError as error:
                    self._due.set()
                    self._tally.trouble("halts_unpublished", f"the halts cannot be published: {error.message}")
                    await asyncio.sleep(backoff.next())
        finally:
            stop_listening()

    def _link_changed(self) -> None:
        if self._bus.connected:
            self._due.set()

    async def _load(self) -> bool:
        stored = await get_last(self._bus, self._bus.names.stream_halts, self._bus.names.feed_halts)
        if stored is None:
            return True
        try:
            halts = decode_as(Halts, stored.data)
        except ProtocolError as error:
            self._tally.trouble("bad_halts", f"the stored halts cannot be read: {error}")
            return True
        if halts.simulated == self._simulated:
            self.book.load(halts)
            _log.info("halts of an earlier feed", extra={"halted": sorted(self.book.halted)})
        return True

    async def _publish_when_due(self) -> None:
        await self._due.wait()
        self._due.clear()
        if self.book.date is None:
            return  # there is no day yet that this could be of
        await self._publisher.store(self._bus.names.feed_halts, encode(self.book.message(simulated=self._simulated)))
