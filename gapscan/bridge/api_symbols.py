"""Symbols and halts by plain requests: where a symbol stands and stood, what is said of it, and who is halted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from gapscan.bridge.api_lists import place_of
from gapscan.bridge.api_queries import Query, symbol_in
from gapscan.bridge.problems import ProblemError
from gapscan.bridge.server import BridgeServer
from gapscan.bridge.shared import Shared
from gapscan.bridge.symbol_facts import SymbolFacts
from gapscan.protocol.api import PREFIX, HaltsAnswer, SymbolAnswer, SymbolHalt
from gapscan.protocol.fields import Fields
from gapscan.protocol.headlines import Headlines

SHARED_SECONDS: Final = 1.0
_ALL: Final = ""  # the key of what is of no symbol


class SymbolsApi:
    """Answers them. What NATS is asked for is a second old at most."""

    def __init__(self, bridge: BridgeServer, facts: SymbolFacts) -> None:
        self._bridge = bridge
        self._facts = facts
        self._halts = Shared("halts", self._all_halts, SHARED_SECONDS, bridge.clock)
        self._news = Shared("news", facts.news, SHARED_SECONDS, bridge.clock)
        self._stays = Shared("the past", self._stays_body, SHARED_SECONDS, bridge.clock)

    def routes(self, preflight: Handler) -> list[web.RouteDef]:
        """The paths, which a browser may ask about before it sends the token."""
        gets = [
            web.get(f"{PREFIX}/halts", self._answer_halts),
            web.get(f"{PREFIX}/symbols/{{symbol}}", self._answer_symbol),
            web.get(f"{PREFIX}/symbols/{{symbol}}/when", self._answer_when),
        ]
        return [*gets, *(web.options(route.path, preflight) for route in gets)]

    async def _all_halts(self, _key: str) -> HaltsAnswer:
        return await self._facts.halts()

    async def _stays_body(self, symbol: str) -> bytes:
        return msgspec.json.encode(await self._facts.stays(symbol))

    async def _answer_halts(self, request: web.Request) -> web.Response:
        Query(request)
        return _json(msgspec.json.encode(await self._halts.get(_ALL)))

    async def _answer_when(self, request: web.Request) -> web.Response:
        Query(request)
        return _json(await self._stays.get(symbol_in(request)))

    async def _answer_symbol(self, request: web.Request) -> web.Response:
        Query(request)
        symbol = symbol_in(request)
        versions = self._bridge.versions
        places = [place for each in versions.histories.values() if (place := place_of(symbol, each))]
        news, halt = await self._told_of(symbol)
        row, stands = _newest(row for row, _ in places), [place for _, place in places]
        return _json(msgspec.json.encode(SymbolAnswer(symbol, row, stands, versions.simulated, news, halt)))

    async def _told_of(self, symbol: str) -> tuple[Headlines | None, SymbolHalt | None]:
        """Its headlines and its halt: where its places are known, these being away is no reason not to answer."""
        try:
            news = await self._news.get(symbol)
            halts = (await self._halts.get(_ALL)).halts
        except ProblemError as error:
            self._bridge.tally.trouble("symbol_unread", f"what is said of a symbol cannot be read: {error.message}")
            return None, None
        return news, next((halt for halt in halts if halt.symbol == symbol), None)


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")


def _newest(rows: Iterable[Fields]) -> Fields | None:
    return max(rows, key=lambda row: row.get("as_of") or 0, default=None)
