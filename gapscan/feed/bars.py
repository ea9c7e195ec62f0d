"""Bars and trades on their way to NATS, and figures about them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from gapscan.errors import BusError
from gapscan.feed.publisher import FeedPublisher
from gapscan.market.bar_columns import BAR_NUMBERS
from gapscan.market.columns import packed
from gapscan.obs import Tally
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import Bars, Trades
from gapscan.provider import BarColumns, Trade

# Far below NATS's max_payload (1 MiB): about 130 bytes a bar, 40 a trade.
SYMBOLS_A_MESSAGE: Final = 2_000
_RECEIVING_SECONDS: Final = 60.0
_RATE_SECONDS: Final = 10


class Rate:
    """How often something happens, over the last ten whole seconds. Times are seconds of any clock."""

    def __init__(self) -> None:
        self._seconds: deque[tuple[int, int]] = deque(maxlen=_RATE_SECONDS + 1)

    def add(self, number: int, now: float) -> None:
        """It happened `number` times."""
        second = int(now)
        if self._seconds and self._seconds[-1][0] == second:
            number += self._seconds.pop()[1]
        self._seconds.append((second, number))

    def per_second(self, now: float) -> float:
        """The mean over the whole seconds before this one."""
        last = int(now)
        return sum(number for second, number in self._seconds if last - _RATE_SECONDS <= second < last) / _RATE_SECONDS


class BarPublisher:
    """Publishes what it is given at once, and remembers who traded when.

    Core messages, not stored: a bar that nobody hears is made up for by the next one or by the next scan.
    """

    def __init__(self, publisher: FeedPublisher, tally: Tally, *, simulated: bool) -> None:
        self.newest_end = 0  # market time of the newest bar's end, epoch ms; 0 before the first
        self.rate = Rate()
        self._publisher = publisher
        self._tally = tally
        self._simulated = simulated
        self._heard: dict[str, float] = {}

    async def publish(self, bars: BarColumns, trades: list[Trade]) -> None:
        """Publish bars and trades that came together. Never raises for NATS's sake."""
        self._note(bars)
        self._tally.count("trades", len(trades))
        for bars_message in bars_messages(bars, simulated=self._simulated):
            await self._publish(self._publisher.names.feed_bars, bars_message)
        for trades_message in trades_messages(trades, simulated=self._simulated):
            await self._publish(self._publisher.names.feed_trades, trades_message)

    async def _publish(self, subject: str, message: Bars | Trades) -> None:
        try:
            await self._publisher.send(subject, encode(message))
        except BusError as error:
            self._tally.trouble("live_unpublished", f"live data is lost: {error.message}", len(message.symbols))

    def _note(self, bars: BarColumns) -> None:
        if not len(bars):
            return
        now = time.monotonic()
        self._heard.update(dict.fromkeys(bars.symbols, now))
        self.newest_end = max(self.newest_end, *bars.end)
        self.rate.add(len(bars), now)
        self._tally.count("bars", len(bars))

    def receiving(self, symbols: Iterable[str]) -> int:
        """How many of `symbols` had a bar within the last 60 seconds."""
        since = time.monotonic() - _RECEIVING_SECONDS
        return sum(self._heard.get(symbol, since) > since for symbol in symbols)

    def per_second(self) -> float:
        """Bars a second, lately."""
        return self.rate.per_second(time.monotonic())


def bars_messages(bars: BarColumns, *, simulated: bool) -> Iterator[Bars]:
    """The bars, in messages of at most SYMBOLS_A_MESSAGE."""
    received = round(time.time() * 1000)
    for at in range(0, len(bars), SYMBOLS_A_MESSAGE):
        part = bars.part(slice(at, at + SYMBOLS_A_MESSAGE))
        numbers = dict(zip(BAR_NUMBERS, map(packed, part.numbers), strict=True))
        yield Bars(simulated, part.symbols, part.start, part.end, **numbers, received=received)


def trades_messages(trades: Sequence[Trade], *, simulated: bool) -> Iterator[Trades]:
    """The newest trade of each symbol, in messages of at most SYMBOLS_A_MESSAGE."""
    newest: dict[str, Trade] = {}
    for trade in trades:
        before = newest.get(trade.symbol)
        if before is None or before.time <= trade.time:
            newest[trade.symbol] = trade
    last = list(newest.values())
    for at in range(0, len(last), SYMBOLS_A_MESSAGE):
        part = last[at : at + SYMBOLS_A_MESSAGE]
        yield Trades(
            simulated=simulated,
            symbols=[trade.symbol for trade in part],
            price=[trade.price for trade in part],
            time=[trade.time for trade in part],
            received=round(time.time() * 1000),
        )
