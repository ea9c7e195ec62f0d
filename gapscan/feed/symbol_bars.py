"""Questions to the feed that leads: a symbol's minute bars of the day. Few are asked for at once, and kept a moment."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from gapscan.bus.client import NATS_ERRORS, Bus, translated
from gapscan.errors import FeedError, NotFoundError, ProtocolError
from gapscan.market.sessions import session_times, trading_date
from gapscan.obs import Tally, logger
from gapscan.protocol.codec import decode_as, encode
from gapscan.protocol.messages import BarsRequest, SymbolBars
from gapscan.provider import Bar
from gapscan.service.micro import Endpoint
from gapscan.service.retrying import retrying

FRESH_SECONDS: Final = 5.0  # who asks within them gets the same answer
_KEPT: Final = 64  # answers; one of a whole day has 960 bars
_WAITING: Final = 32  # questions; what comes on top is dropped, and its asker asks again
_TOGETHER: Final = 4  # requests to the provider

_log = logger("feed")

AskProvider = Callable[[str, int, int], Awaitable[list[Bar]]]  # of a symbol, from when to when (epoch ms)


def bars_endpoint(bus: Bus) -> Endpoint:
    """The questions as an endpoint of the feed's service."""
    schemas = {
        "request_schema": "schemas/bars_request.schema.json",
        "response_schema": "schemas/symbol_bars.schema.json",
    }
    return Endpoint(name="bars", subject=bus.names.bars, metadata=schemas)


class _Kept(NamedTuple):
    at: float
    bars: SymbolBars


class DayBars:
    """The bars of the trading day, symbol by symbol. `ask` raises FeedError; `market_time` is epoch ms."""

    def __init__(
        self,
        ask: AskProvider,
        market_time: Callable[[], int],
        *,
        simulated: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._market_time = market_time
        self._simulated = simulated
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()  # the oldest first

    async def of(self, symbol: str) -> SymbolBars:
        """The bars, which may be `FRESH_SECONDS` old. What the provider refuses is said in the answer, and kept too."""
        kept = self._kept.get(symbol)
        if kept is not None and self._clock() - kept.at < FRESH_SECONDS:
            return kept.bars
        bars = await self._asked(symbol)
        self._kept.pop(symbol, None)
        self._kept[symbol] = _Kept(self._clock(), bars)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return bars

    async def _asked(self, symbol: str) -> SymbolBars:
        now = self._market_time()
        times = session_times(trading_date(now))
        found: list[Bar] = []
        fault = ""
        try:
            found = await self._ask(symbol, times.pre, max(now, times.pre))
        except NotFoundError:
            pass
        except FeedError as error:
            fault = error.message
        return SymbolBars(
            symbol=symbol,
            as_of=now,
            opens=times.regular,
            simulated=self._simulated,
            start=[bar.start for bar in found],
            open=[bar.open for bar in found],
            high=[bar.high for bar in found],
            low=[bar.low for bar in found],
            close=[bar.close for bar in found],
            volume=[bar.volume for bar in found],
            fault=fault,
        )


async def answer_bars(bus: Bus, bars: DayBars, tally: Tally, endpoint: Endpoint) -> None:
    """Answer questions for ever: the feed that leads does.

    There is no queue group: a leader that was frozen would get a share of the questions, and answer none of them.
    """
    waiting: asyncio.Queue[Msg] = asyncio.Queue(_WAITING)

    async def on_message(message: Msg) -> None:
        try:
            waiting.put_nowait(message)
        except asyncio.QueueFull:
            tally.trouble("questions_dropped", "more bars are asked for than can be answered; questions are dropped")

    async def listen() -> Subscription:
        try:
            return await bus.nc.subscribe(bus.names.bars, cb=on_message)
        except NATS_ERRORS as error:
            raise translated(error, f"listening to {bus.names.bars}") from error

    subscription = await retrying("feed", "listening to questions", listen)
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(_TOGETHER):
                group.create_task(_answer_all(waiting, bars, tally, endpoint), name="bars of a symbol")
    finally:
        await bus.unsubscribe(subscription)


async def _answer_all(waiting: asyncio.Queue[Msg], bars: DayBars, tally: Tally, endpoint: Endpoint) -> None:
    while True:
        message = await waiting.get()
        try:
            with endpoint.measured():
                answer = await bars.of(decode_as(BarsRequest, message.data).symbol)
                await message.respond(encode(answer))
            tally.count("bars_answered")
        except ProtocolError as error:
            tally.trouble("questions_unreadable", f"a question for bars cannot be read: {error.message}")
        except Exception:  # noqa: BLE001  # a question must not end the feed
            tally.count("questions_failed")
            _log.exception("a question for bars could not be answered")
