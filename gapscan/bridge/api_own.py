"""Own lists by plain requests: what one would have now, which there are, and their changes, for who has the right."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from aiohttp import web

from gapscan.bridge.api_access import ApiAccess
from gapscan.bridge.api_queries import Query
from gapscan.bridge.own_lists import AskPreview, OwnLists
from gapscan.bridge.problems import ProblemError
from gapscan.errors import GapscanError
from gapscan.protocol.api import PREFIX
from gapscan.protocol.api_own import ListFault, OwnListChanged, OwnListsAnswer, PreviewAnswer
from gapscan.protocol.messages import ListDefinition, Preview
from gapscan.ranking.faults import definition_in
from gapscan.ranking.spec import MAX_FILE
from gapscan.service.own_lists_file import warnings

_JSON: Final = "application/json"
_WAITING: Final = 8  # previews that may wait for the ranker at once
_BODY_SECONDS: Final = 10.0
_PREFLIGHT: Final = {
    "Access-Control-Allow-Methods": "GET, PUT, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match, If-None-Match",
    "Access-Control-Max-Age": "600",
}


class OwnListsApi:
    """The handlers for own lists, and for previews of lists."""

    def __init__(self, own: OwnLists, ask: AskPreview, access: ApiAccess) -> None:
        self._own = own
        self._ask = ask
        self._access = access
        self._waiting = 0

    def routes(self, preflight: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> list[web.RouteDef]:
        """All of them; `preflight` answers for what is only read."""
        return [
            web.get(f"{PREFIX}/preview", self._preview, allow_head=False),
            web.options(f"{PREFIX}/preview", preflight),
            web.get(f"{PREFIX}/own-lists", self._all),
            web.options(f"{PREFIX}/own-lists", preflight),
            web.put(f"{PREFIX}/own-lists/{{list}}", self._put),
            web.delete(f"{PREFIX}/own-lists/{{list}}", self._remove),
            web.options(f"{PREFIX}/own-lists/{{list}}", self._preflight),
        ]

    async def _preflight(self, request: web.Request) -> web.Response:
        return web.Response(status=204, headers=_PREFLIGHT)

    async def _preview(self, request: web.Request) -> web.Response:
        text = Query(request, "definition").text("definition")
        if not text:
            raise ProblemError("bad_request", "definition is missing: one list as TOML")
        definition, faults = definition_in(text)
        said = [ListFault(*fault) for fault in faults]
        if definition is None:
            return _answer(PreviewAnswer(said, [], None))
        return _answer(PreviewAnswer(said, warnings([definition]), await self._asked(definition)))

    async def _asked(self, definition: ListDefinition) -> Preview:
        if self._waiting >= _WAITING:
            raise ProblemError("unavailable", "too many questions are unanswered", Retry_After="1")
        self._waiting += 1
        try:
            return await self._ask(definition)
        except GapscanError as error:
            raise ProblemError("unavailable", error.message, Retry_After="1") from None
        finally:
            self._waiting -= 1

    async def _all(self, request: web.Request) -> web.Response:
        Query(request)
        self._access.check_edit(request)
        return _answer(OwnListsAnswer(await self._own.all()))

    async def _put(self, request: web.Request) -> web.Response:
        Query(request)
        self._access.check_edit(request)
        tag = _tag_in(request)
        changed, vain = await self._own.put(request.match_info["list"], await _text_of(request), tag)
        return _answer(OwnListChanged(changed, vain), 201 if tag is None else 200)

    async def _remove(self, request: web.Request) -> web.Response:
        Query(request)
        self._access.check_edit(request)
        tag = _tag_in(request)
        if tag is None:
            raise ProblemError("bad_request", 'say what is removed: If-Match: "TAG"')
        await self._own.remove(request.match_info["list"], tag)
        return web.Response(status=204)


def _answer(body: msgspec.Struct, status: int = 200) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(body), content_type=_JSON)


def _tag_in(request: web.Request) -> str | None:
    """What the change was made from; None: there must be no such list yet."""
    tag = request.headers.get("If-Match")
    if tag is None and request.headers.get("If-None-Match", "").strip() != "*" and request.method == "PUT":
        raise ProblemError("bad_request", 'say what is changed: If-Match: "TAG", or If-None-Match: * for a new list')
    return tag.strip().strip('"') if tag is not None else None


async def _text_of(request: web.Request) -> str:
    """The body. Raises ProblemError when it is too large for a list, does not come, or is no text."""
    if (request.content_length or 0) > MAX_FILE:
        raise ProblemError("bad_request", f"the body is too large: at most {MAX_FILE} bytes")
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            return (await request.read()).decode("utf-8")
    except TimeoutError:
        raise ProblemError("bad_request", "the body did not come") from None
    except UnicodeDecodeError as error:
        raise ProblemError("bad_request", f"the body is not UTF-8: byte {error.start}") from None
