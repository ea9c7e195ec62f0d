"""What NATS has of symbols beside the lists: their halts, their news, and when they were in lists today."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from msgspec import UNSET

from gapscan.bridge.day_moves import DayMoves
from gapscan.bridge.fanout import Clock
from gapscan.bridge.versions import VersionStore
from gapscan.bus.bucket_values import can_be_key
from gapscan.bus.client import Bus
from gapscan.bus.direct_get import NoStreamError, get_last
from gapscan.bus.news import read_news_of
from gapscan.client.stays import Stay
from gapscan.client.told_days import DayReader
from gapscan.market.sessions import date_of_trades
from gapscan.protocol.api import HaltsAnswer, StaysAnswer, SymbolHalt, SymbolStay
from gapscan.protocol.codec import decode_as
from gapscan.protocol.headlines import Headlines
from gapscan.protocol.messages import Halts

REFRESH_SECONDS: Final = 5.0  # between two looks at the tape, whoever asks


class SymbolFacts:
    """Reads it when it is asked for. `reached` raises BusError while NATS is away."""

    def __init__(self, reached: Callable[[], Bus], versions: VersionStore, clock: Clock, days: DayReader) -> None:
        self._reached = reached
        self._versions = versions
        self._moves = DayMoves(versions, days)
        self._clock = clock
        self._looked = float("-inf")
        self._looking = asyncio.Lock()

    async def halts(self) -> HaltsAnswer:
        """All halts of the day. Raises BusError, ProtocolError."""
        bus = self._reached()
        try:
            stored = await get_last(bus, bus.names.stream_halts, bus.names.feed_halts)
        except NoStreamError:
            stored = None
        if stored is None:
            return _halts_answer(0, self._versions.simulated, [], self._versions)
        halts = decode_as(Halts, stored.data)
        found = sorted(halts_of(halts), key=_last_and_newest)
        return _halts_answer(halts.as_of, halts.simulated, found, self._versions)

    async def news(self, symbol: str) -> Headlines:
        """The newest headlines of a symbol, the newest first. Raises BusError, ProtocolError."""
        if not can_be_key(symbol):
            return []
        news = await read_news_of(self._reached(), symbol)
        return [] if news is None else news.headlines

    async def stays(self, symbol: str) -> StaysAnswer:
        """When a symbol was in lists today. Raises BusError, ProtocolError."""
        async with self._looking:
            if self._clock() - self._looked >= REFRESH_SECONDS:
                await self._moves.refresh(self._reached())
                self._looked = self._clock()
        date = self._moves.date
        stays = [_told(stay) for stay in await self._moves.stays(symbol)]
        return StaysAnswer(symbol, date.isoformat() if date else None, stays)


def _halts_answer(as_of: int, simulated: bool, halts: list[SymbolHalt], versions: VersionStore) -> HaltsAnswer:
    """With how their market stands: of that, halts themselves say nothing while none comes and none ends."""
    market = versions.market(simulated=simulated)
    time = max(market.time, as_of) if market.time else 0
    return HaltsAnswer(as_of, simulated, halts, _day_of(as_of), time, _day_of(time), market.state)


def _day_of(ms: int) -> str | None:
    return date_of_trades(ms).isoformat() if ms else None


def halts_of(halts: Halts) -> Iterable[SymbolHalt]:
    """One by one, in the order of the message."""
    nothing: list[None] = [None] * len(halts.symbols)
    reasons = nothing if halts.reason is UNSET else halts.reason
    ends = nothing if halts.resumes_at is UNSET else halts.resumes_at
    columns = zip(halts.symbols, halts.status, halts.time, reasons, ends, strict=True)
    for symbol, status, time, reason, end in columns:
        yield SymbolHalt(symbol, status, int(time), reason or None, None if end is None else int(end))


def _last_and_newest(halt: SymbolHalt) -> tuple[bool, int, str]:
    return halt.status == "resumed", -halt.time, halt.symbol


def _told(stay: Stay) -> SymbolStay:
    return SymbolStay(
        stay.list,
        stay.entered,
        stay.left,
        stay.rank_in,
        stay.rank_out,
        stay.price_in,
        stay.price_out,
        stay.reason,
        stay.uncertain,
        stay.unrecorded,
    )
