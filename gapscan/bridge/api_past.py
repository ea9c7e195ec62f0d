"""A list as it was at a time, by a plain request: `?at=` of the HTTP interface."""

from __future__ import annotations

from typing import Final

import msgspec
from aiohttp import web

from gapscan.bridge.api_lists import CONTENT_TYPES, csv_of, is_had
from gapscan.bridge.api_queries import Kind, Query
from gapscan.bridge.past import PastLists, refusal
from gapscan.bridge.problems import ProblemError
from gapscan.client.past import PastView
from gapscan.errors import GapscanError
from gapscan.lists.delta import checksum
from gapscan.lists.state import ranked
from gapscan.protocol.api import PROBLEMS, PastAnswer
from gapscan.protocol.fields import FIELDS
from gapscan.protocol.messages import Row

_WAITING: Final = 16  # requests that may wait for the tape at once


class PastApi:
    """Answers requests for the past."""

    def __init__(self, past: PastLists) -> None:
        self._past = past
        self._waiting = 0

    async def response(self, name: str, moment: str, query: Query, kind: Kind, request: web.Request) -> web.Response:
        """The list as it was, or 304 when the asker has it. Raises ProblemError."""
        wish = query.wish()
        view = await self._view(name, moment)
        ends = "" if view.complete else "-ends"
        etag = f'"past-{view.when}-{view.epoch}:{view.sequence}{ends}-{kind}"'
        headers = {"ETag": etag}
        if is_had(request.headers.get("If-None-Match", ""), etag):
            return web.Response(status=304, headers=headers)
        rows = wish.rows(view.rows)
        body = csv_of(rows, tuple(query.fields() or FIELDS)) if kind == "csv" else _json(view, rows)
        return web.Response(body=body, content_type=CONTENT_TYPES[kind], charset="utf-8", headers=headers)

    async def _view(self, name: str, moment: str) -> PastView:
        if self._waiting >= _WAITING:
            raise ProblemError("unavailable", "too many requests wait for the past", Retry_After="1")
        self._waiting += 1
        try:
            return await self._past.view(name, moment)
        except GapscanError as error:
            raise _problem(error, name) from None
        finally:
            self._waiting -= 1


def _problem(error: GapscanError, name: str) -> ProblemError:
    told = refusal(error, name)
    code = told.error.code if told.error.code in PROBLEMS else "bad_request"
    return ProblemError(code, told.message, **({"Retry_After": "1"} if told.error.retry else {}))


def _json(view: PastView, rows: list[Row]) -> bytes:
    answer = PastAnswer(
        list=view.list,
        time=view.when,
        epoch=view.epoch,
        sequence=view.sequence,
        as_of=view.as_of,
        state="past",
        complete=view.complete,
        simulated=view.simulated,
        size=len(view.rows),
        checksum=checksum(rows),
        rows=ranked(rows),
    )
    return msgspec.json.encode(answer)
