"""Trading halts: what the provider says of them, kept for the day, and published whenever it changes."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Final, Literal

from msgspec import Struct

from gapscan.bus.client import Bus
from gapscan.bus.direct_get import get_last
from gapscan.errors import BusError, ProtocolError
from gapscan.feed.publisher import FeedPublisher
from gapscan.market.sessions import trading_date
from gapscan.obs import Tally, logger
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as, encode
from gapscan.protocol.messages import Halts
from gapscan.provider import Bar, Halt, MarketSnapshot, Trade
from gapscan.runtime import Backoff
from gapscan.service.retrying import RETRY_FIRST, RETRY_LIMIT

_log = logger("feed")

HaltStatus = Literal["halted", "resumed"]

# A trade may be reported 10 s after it was made (FINRA rule 6380A) and is then in a bar of that moment: what begins
# this long after a halt shows that the symbol trades again. A pause takes five minutes at least.
RESUMED_AFTER_MS: Final = 15_000
# A market that is this much earlier than it was has begun anew.
_BACK_MS: Final = 300_000


class _HaltState(Struct):
    """One symbol's newest status and since when; `event_time` is the time of the newest event about it, epoch ms."""

    status: HaltStatus
    time: int
    event_time: int


class HaltBook:
    """The symbols that halted on one trading day. No I/O; all times are epoch ms of market time."""

    def __init__(self) -> None:
        self.date: dt.date | None = None
        self.as_of = 0
        self._of: dict[str, _HaltState] = {}
        self._halted: set[str] = set()

    def load(self, halts: Halts) -> None:
        """Go on from what was published; what is known by now is newer."""
        date = trading_date(halts.as_of)
        if self.date is not None and (date != self.date or halts.as_of >= self.as_of + _BACK_MS):
            return
        self.date, self.as_of = date, max(self.as_of, halts.as_of)
        for symbol, status, time in zip(halts.symbols, halts.status, halts.time, strict=True):
            if symbol not in self._of:
                self._set(symbol, _HaltState(status, time, time))

    def advance(self, ms: int) -> bool:
        """It is `ms`, as a scan says; whether that begins a day, or the same one anew."""
        date = trading_date(ms)
        if date == self.date and ms > self.as_of - _BACK_MS:
            self.as_of = max(self.as_of, ms)
            return False
        self.date, self.as_of = date, ms
        self._of.clear()
        self._halted.clear()
        return True

    def observe_event(self, event: Halt) -> bool:
        """A halt or resumption of the day counts, unless a newer one was; whether a symbol's status has changed."""
        halts, time = event.halted, event.time
        if not self._is_today(time):
            return False
        known = self._of.get(event.symbol)
        if known is not None and time < known.event_time:
            return False
        self.as_of = max(self.as_of, time)
        status: HaltStatus = "halted" if halts else "resumed"
        if known is not None and known.status == status and (halts or time >= known.time):
            known.event_time = time
            return False
        self._set(event.symbol, _HaltState(status, time, time))
        return True

    def _is_today(self, ms: int) -> bool:
        if self.date is None:
            self.date = trading_date(ms)
        return trading_date(ms) == self.date

    def _set(self, symbol: str, halt: _HaltState) -> None:
        self._of[symbol] = halt
        (self._halted.add if halt.status == "halted" else self._halted.discard)(symbol)

    def observe_traded(self, traded: Iterable[tuple[str, int]]) -> bool:
        """Symbols that traded at a time; whether that shows that one was resumed without a word about it."""
        changed = False
        for symbol, time in traded:
            if (
                symbol in self._halted
                and time >= self._of[symbol].event_time + RESUMED_AFTER_MS
                and self._is_today(time)
            ):
                self._set(symbol, _HaltState("resumed", time, self._of[symbol].event_time))
                self.as_of = max(self.as_of, time)
                changed = True
        return changed

    @property
    def halted(self) -> frozenset[str]:
        """The symbols that are halted now."""
        return frozenset(self._halted)

    def message(self, *, simulated: bool) -> Halts:
        """All of it, in the order in which the symbols halted first."""
        return Halts(
            as_of=self.as_of,
            simulated=simulated,
            symbols=list(self._of),
            status=[halt.status for halt in self._of.values()],
            time=[halt.time for halt in self._of.values()],
        )


class HaltKeeper:
    """Keeps the book of the day's halts and publishes it; begins with what an earlier feed published.

    Where halts are not `wanted`, none come, and the book stays empty.
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

    def observe_events(self, events: Sequence[Halt]) -> None:
        """Halts and resumptions, as they came."""
        changes = [self.book.observe_event(event) for event in events]
        self._changed(any(changes), sum(changes))

    def observe_traded(self, bars: Sequence[Bar], trades: Sequence[Trade]) -> None:
        """What traded, by which a symbol shows that its resumption was missed."""
        if not self.book.halted:
            return
        traded = [(bar.symbol, bar.start) for bar in bars] + [(trade.symbol, trade.time) for trade in trades]
        self._missed(self.book.observe_traded(traded))

    def observe_scan(self, snapshot: MarketSnapshot, at: int) -> None:
        """A scan of the whole market, at market time `at`: it says which day it is, and what trades without being
        hot."""
        if self.book.advance(at):
            self._due.set()
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
        stored = await get_last(self._bus, names.STREAM_HALTS, names.FEED_HALTS)
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
        await self._publisher.store(names.FEED_HALTS, encode(self.book.message(simulated=self._simulated)))
