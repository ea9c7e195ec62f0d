"""A symbol's minute bars by a plain request: asked of the feed once for all who ask within a moment."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from aiohttp import web
from aiohttp.typedefs import Handler

from gapscan.bridge.api_queries import Query, symbol_in
from gapscan.bridge.fanout import Clock
from gapscan.bridge.problems import ProblemError
from gapscan.errors import GapscanError
from gapscan.protocol.api import PREFIX
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import SymbolBars

AskBars = Callable[[str], Awaitable[SymbolBars]]

SHARED_SECONDS: Final = 2.0
_KEPT: Final = 64  # answers
_WAITING: Final = 16  # requests that may wait for the feed at once


class _Made(NamedTuple):
    at: float
    body: bytes


class BarsApi:
    """Answers requests for bars. `ask` raises GapscanError when there is no answer."""

    def __init__(self, ask: AskBars, clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self._made: OrderedDict[str, _Made] = OrderedDict()  # the oldest first
        self._waiting = 0

    def routes(self, preflight: Handler) -> list[web.RouteDef]:
        """The path, which a browser may ask about before it sends the token."""
        path = f"{PREFIX}/symbols/{{symbol}}/bars"
        return [web.get(path, self._answer), web.options(path, preflight)]

    async def _answer(self, request: web.Request) -> web.Response:
        Query(request)
        symbol = symbol_in(request)
        made = self._made.get(symbol)
        if made is None or self._clock() - made.at >= SHARED_SECONDS:
            made = await self._asked(symbol)
        return web.Response(body=made.body, content_type="application/json")

    async def _asked(self, symbol: str) -> _Made:
        if self._waiting >= _WAITING:
            raise ProblemError("unavailable", "too many requests wait for bars", Retry_After="1")
        self._waiting += 1
        try:
            bars = await self._ask(symbol)
        except GapscanError as error:
            raise ProblemError("unavailable", error.message, Retry_After="1") from None
        finally:
            self._waiting -= 1
        if bars.fault:
            raise ProblemError("unavailable", bars.fault, Retry_After="5")
        return self._keep(symbol, _Made(self._clock(), encode(bars)))

    def _keep(self, symbol: str, made: _Made) -> _Made:
        self._made.pop(symbol, None)
        self._made[symbol] = made
        while len(self._made) > _KEPT:
            self._made.popitem(last=False)
        return made
