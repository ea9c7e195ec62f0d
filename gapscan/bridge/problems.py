"""Refusals of the HTTP interface, as problem+json (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web

from gapscan.errors import GapscanError
from gapscan.protocol.api import PROBLEMS, Problem

_TYPE: Final = "application/problem+json"
_BY_STATUS: Final = {404: "not_found", 405: "bad_method", 421: "host"}  # what the web server itself refuses


class ProblemError(GapscanError):
    """A request that is answered with a problem; `code` is one of PROBLEMS."""

    def __init__(self, code: str, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.code = code
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def response(self) -> web.Response:
        """The answer."""
        return _response(PROBLEMS[self.code][0], self.code, self.message, self.headers)


def of_http(error: web.HTTPException) -> web.Response:
    """What the web server refused."""
    kept = {name: value for name, value in error.headers.items() if name in ("Allow", "Retry-After")}
    code = _BY_STATUS.get(error.status, "bad_request")
    detail = PROBLEMS[code][1] if code in ("not_found", "bad_method") else (error.text or error.reason).strip()
    return _response(error.status, code, detail, kept)


def _response(status: int, code: str, detail: str, headers: dict[str, str]) -> web.Response:
    problem = Problem(HTTPStatus(status).phrase, status, detail, code)
    return web.Response(status=status, body=msgspec.json.encode(problem), content_type=_TYPE, headers=headers)
