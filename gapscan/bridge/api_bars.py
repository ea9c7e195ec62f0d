"""A symbol's minute bars by a plain request: asked of the feed once for all who ask within a moment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from gapscan.bridge.api_queries import Query, symbol_in
from gapscan.bridge.fanout import Clock
from gapscan.bridge.problems import ProblemError
from gapscan.bridge.shared import Shared
from gapscan.bus.bars_client import SECONDS
from gapscan.protocol.api import PREFIX
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import SymbolBars

AskBars = Callable[[str], Awaitable[SymbolBars]]

SHARED_SECONDS: Final = 2.0
_TOGETHER: Final = 16  # the feed asks the provider for each, which takes its time


class BarsApi:
    """Answers requests for bars. `ask` raises GapscanError when there is no answer."""

    def __init__(self, ask: AskBars, clock: Clock) -> None:
        self._ask = ask
        self._bodies = Shared("bars", self._body, SHARED_SECONDS, clock, together=_TOGETHER, waited=SECONDS)

    def routes(self, preflight: Handler) -> list[web.RouteDef]:
        """The path, which a browser may ask about before it sends the token."""
        path = f"{PREFIX}/symbols/{{symbol}}/bars"
        return [web.get(path, self._answer), web.options(path, preflight)]

    async def _answer(self, request: web.Request) -> web.Response:
        Query(request)
        return web.Response(body=await self._bodies.get(symbol_in(request)), content_type="application/json")

    async def _body(self, symbol: str) -> bytes:
        bars = await self._ask(symbol)
        if bars.fault:
            raise ProblemError("unavailable", bars.fault, Retry_After="5")
        return encode(bars)
