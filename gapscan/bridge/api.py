"""The HTTP interface: lists and the reason why, as plain requests. docs/protocol.md, section 17."""

from __future__ import annotations

from typing import Final

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from gapscan.bridge.api_access import ApiAccess
from gapscan.bridge.api_lists import ListReader, list_summary
from gapscan.bridge.api_past import PastApi
from gapscan.bridge.api_queries import Query, kind_wanted, symbol_in
from gapscan.bridge.event_stream import EventStreams
from gapscan.bridge.past import PastLists
from gapscan.bridge.problems import ProblemError, of_http
from gapscan.bridge.questions import Questions
from gapscan.bridge.server import BridgeServer
from gapscan.bridge.trials import Trials
from gapscan.protocol.api import PREFIX, ListsAnswer
from gapscan.protocol.openapi import OPENAPI
from gapscan.protocol.websocket import AskNear, AskWhy, RefusedError

_JSON: Final = "application/json"
_WAITING: Final = 64  # questions that may wait for the ranker at once
_PREFLIGHT: Final = {
    "Access-Control-Allow-Methods": "GET",
    "Access-Control-Allow-Headers": "Authorization, Last-Event-ID, If-None-Match",
    "Access-Control-Max-Age": "600",
}
_DOCUMENT: Final = msgspec.json.encode(OPENAPI)


class Api:
    """The handlers below /api."""

    def __init__(
        self, bridge: BridgeServer, questions: Questions, past: PastLists, access: ApiAccess, trials: Trials
    ) -> None:
        self._bridge = bridge
        self._questions = questions
        self._access = access
        self._lists = ListReader(bridge)
        self._past = PastApi(past)
        self._streams = EventStreams(bridge, questions)
        self._trials = trials
        self._waiting = 0

    def routes(self) -> list[web.RouteDef]:
        """All of them; a browser may ask of each whether it may be read with a token."""
        gets = [
            web.get(f"{PREFIX}/lists", self._all_lists),
            web.get(f"{PREFIX}/lists/{{list}}", self._list),
            web.get(f"{PREFIX}/lists/{{list}}/stream", self._stream, allow_head=False),
            web.get(f"{PREFIX}/lists/{{list}}/near", self._near),
            web.get(f"{PREFIX}/symbols/{{symbol}}/why", self._why),
            web.get(f"{PREFIX}/backtest", self._backtest, allow_head=False),
            web.get(f"{PREFIX}/openapi.json", self._openapi),
        ]
        return [*gets, *(web.options(route.path, self.preflight) for route in gets)]

    def problems(self) -> Middleware:
        """Says as a problem why a request is not answered, and how long an answer may be kept."""

        @web.middleware
        async def explain(request: web.Request, handler: Handler) -> web.StreamResponse:
            if not _is_ours(request):
                return await handler(request)
            try:
                response = await handler(request)
            except ProblemError as problem:
                self._bridge.tally.count(f"problem.{problem.code}")
                response = problem.response()
            except web.HTTPException as error:
                response = of_http(error)
            if not response.prepared:
                self._finish(request, response)
            return response

        return explain

    def access(self) -> Middleware:
        """Looks at each request before it costs anything."""

        @web.middleware
        async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
            if _is_ours(request):
                self._access.check(request)
            return await handler(request)

        return check

    def _finish(self, request: web.Request, response: web.StreamResponse) -> None:
        """What browsers, and proxies on the way, may do with it."""
        response.headers.update(self._headers(request))
        response.headers.setdefault("Cache-Control", "no-cache" if "ETag" in response.headers else "no-store")

    def _headers(self, request: web.Request) -> dict[str, str]:
        headers = {"Vary": "Origin, Accept, Authorization", "X-Content-Type-Options": "nosniff"}
        if (origin := request.headers.get("Origin")) and self._access.is_allowed_origin(request):
            headers |= {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "ETag, Retry-After"}
        return headers

    async def preflight(self, request: web.Request) -> web.Response:
        """Whether a page may ask with a token."""
        return web.Response(status=204, headers=_PREFLIGHT)

    async def _openapi(self, request: web.Request) -> web.Response:
        Query(request)
        return web.Response(body=_DOCUMENT, content_type=_JSON)

    async def _all_lists(self, request: web.Request) -> web.Response:
        Query(request)
        versions = self._bridge.versions
        if not versions.ready:
            raise ProblemError("not_published", "it is not known yet which lists there are", Retry_After="1")
        summaries = [list_summary(info, versions.histories[info.name]) for info in versions.infos]
        return web.Response(body=msgspec.json.encode(ListsAnswer(summaries, versions.simulated)), content_type=_JSON)

    async def _list(self, request: web.Request) -> web.Response:
        name, kind = kind_wanted(request.match_info["list"], request.headers.get("Accept", ""))
        query = Query(request, "limit", "fields", "at")
        if (moment := query.text("at")) is not None:
            return await self._past.response(name, moment, query, kind, request)
        return self._lists.response(name, query, kind, request)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        wish = Query(request, "limit", "fields").wish()
        return await self._streams.serve(
            request, self._lists.known(request.match_info["list"]), wish, self._headers(request)
        )

    async def _backtest(self, request: web.Request) -> web.Response:
        query = Query(request, "definition", "days")
        body = await self._trials.answer(query.text("definition") or "", query.text("days"))
        return web.Response(body=body, content_type=_JSON)

    async def _why(self, request: web.Request) -> web.Response:
        name = Query(request, "list").text("list")
        return await self._asked(AskWhy(symbol_in(request), None if name is None else self._lists.known(name)))

    async def _near(self, request: web.Request) -> web.Response:
        Query(request)
        return await self._asked(AskNear(self._lists.known(request.match_info["list"])))

    async def _asked(self, question: AskWhy | AskNear) -> web.Response:
        if self._waiting >= _WAITING:
            raise ProblemError("unavailable", "too many questions are unanswered", Retry_After="1")
        self._waiting += 1
        try:
            message = await self._questions.answer(question)
        except RefusedError as refusal:
            raise ProblemError("unavailable", str(refusal), Retry_After="1") from None
        finally:
            self._waiting -= 1
        return web.Response(body=message.payload, content_type=_JSON)


def _is_ours(request: web.Request) -> bool:
    return request.path.startswith(f"{PREFIX}/")
