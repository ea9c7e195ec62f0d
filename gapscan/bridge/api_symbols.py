"""Symbols and halts by plain requests: where a symbol stands and stood, what is said of it, and who is halted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final, TypeVar

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from gapscan.bridge.api_lists import place_of
from gapscan.bridge.api_queries import Query, symbol_in
from gapscan.bridge.problems import ProblemError
from gapscan.bridge.server import BridgeServer
from gapscan.bridge.shared import Shared
from gapscan.bridge.symbol_facts import SymbolFacts
from gapscan.protocol.api import PREFIX, HaltsAnswer, SymbolAnswer
from gapscan.protocol.fields import Fields

T = TypeVar("T")

SHARED_SECONDS: Final = 1.0
_READING_SECONDS: Final = 20.0  # a whole day of all lists, where it is read for the first time
_ALL: Final = ""  # the key of what is of no symbol


class SymbolsApi:
    """Answers them. What NATS is asked for is a second old at most."""

    def __init__(self, bridge: BridgeServer, facts: SymbolFacts) -> None:
        self._bridge = bridge
        self._facts = facts
        self._halts = Shared("halts", self._all_halts, SHARED_SECONDS, bridge.clock)
        self._news = Shared("news", facts.news, SHARED_SECONDS, bridge.clock)
        self._stays = Shared("the past", self._stays_body, SHARED_SECONDS, bridge.clock, waited=_READING_SECONDS)

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
        row, stands = _newest(row for row, _ in places), [place for _, place in places]
        reading_news, reading_halts = self._told(self._news, symbol), self._told(self._halts, _ALL)
        news, halts = await asyncio.gather(reading_news, reading_halts)
        market = versions.market(simulated=versions.simulated)
        answer = SymbolAnswer(
            symbol,
            row,
            stands,
            versions.simulated,
            news,
            next((halt for halt in halts.halts if halt.symbol == symbol), None) if halts else None,
            halt_unread=halts is None,
            market_time=market.time,
            state=market.state,
        )
        return _json(msgspec.json.encode(answer))

    async def _told(self, shared: Shared[T], key: str) -> T | None:
        """One thing that is said of symbols; None when it cannot be read, which is no reason to leave out the rest."""
        try:
            return await shared.get(key)
        except ProblemError as error:
            self._bridge.tally.trouble("symbol_unread", f"what is said of a symbol cannot be read: {error.message}")
            return None


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")


def _newest(rows: Iterable[Fields]) -> Fields | None:
    return max(rows, key=lambda row: row.get("as_of") or 0, default=None)
