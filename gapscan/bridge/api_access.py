"""Who may use the HTTP interface: how often, from which pages, with which token."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from aiohttp import web

from gapscan.bridge.commands import TokenCheck, is_token
from gapscan.bridge.guesses import Guesses
from gapscan.bridge.limits import REQUESTS, REQUESTS_PER_SECOND
from gapscan.bridge.origin import is_allowed
from gapscan.bridge.policy import AccessPolicy
from gapscan.bridge.problems import ProblemError
from gapscan.obs import Tally
from gapscan.protocol.codes import TOO_MANY_GUESSES
from gapscan.protocol.websocket import RefusedError
from gapscan.runtime import TokenBucket

_ADDRESSES: Final = 10_000  # that are remembered
_BEARER: Final = "bearer "


class ApiAccess:
    """Looks at each request before it costs anything. Raises ProblemError."""

    def __init__(self, policy: AccessPolicy, guesses: Guesses, tally: Tally, clock: Callable[[], float]) -> None:
        self._policy = policy
        self._guesses = guesses
        self._tally = tally
        self._clock = clock
        self._requests: dict[str, TokenBucket] = {}  # by address, the longest unheard first

    def check(self, request: web.Request) -> None:
        """Whether it may be answered."""
        self._check_rate(self._policy.proxies.client_of(request))
        if not self.is_allowed_origin(request):
            self._tally.trouble("refused.origin", "a page of another origin was refused")
            raise ProblemError("origin", f"pages of {request.headers['Origin']!r} may not read this")
        if request.method != "OPTIONS":  # a browser asks without the token whether it may send it
            self._check_token(request)

    def is_allowed_origin(self, request: web.Request) -> bool:
        """Whether the page that asks, if it is one, may."""
        return is_allowed(request.headers.get("Origin"), request.host, self._policy.origins)

    @property
    def has_token(self) -> bool:
        """Whether answers are for those who know a token."""
        return self._policy.token is not None

    def _check_rate(self, peer: str) -> None:
        bucket = self._requests.pop(peer, None) or TokenBucket(REQUESTS_PER_SECOND, REQUESTS)
        self._requests[peer] = bucket
        while len(self._requests) > _ADDRESSES:
            del self._requests[next(iter(self._requests))]
        if wait := bucket.acquire(self._clock()):
            self._tally.trouble("refused.rate", "a request was refused: too many came from its address")
            raise ProblemError("rate_limited", "too many requests came from this address", Retry_After=_whole(wait))

    def check_edit(self, request: web.Request) -> None:
        """Whether it may change lists, or see their definitions as they are written."""
        edit = self._policy.edit
        if edit.allowed and edit.token is not None:
            self._check_edit_token(request, edit.token)
        elif refusal := edit.refusal(request):
            self._tally.count("refused.edit")
            raise ProblemError("not_allowed", refusal)

    def _check_edit_token(self, request: web.Request, token: str) -> None:
        wrong = "the token is not that for changing lists"
        reading = self._policy.token
        if reading != token and is_token(_said(request), reading):  # a reader who asks has guessed nothing
            raise _no_token(wrong)
        self._compare(request, token, None, wrong)

    def _check_token(self, request: web.Request) -> None:
        if self._policy.token is not None:
            self._compare(request, self._policy.token, self._policy.edit.token, "the token is wrong")

    def _compare(self, request: web.Request, token: str, other: str | None, wrong: str) -> None:
        """Who says no token at all is told so, and has not guessed one."""
        said, peer = _said(request), self._policy.proxies.client_of(request)
        if not said:
            raise _no_token(wrong)
        try:
            TokenCheck(token, self._guesses, peer, self._tally, other).check(said)
        except RefusedError as refusal:
            if refusal.error is TOO_MANY_GUESSES:
                wait = _whole(self._guesses.wait(peer))
                raise ProblemError("rate_limited", refusal.message, Retry_After=wait) from None
            raise _no_token(wrong) from None


def _said(request: web.Request) -> str:
    """The token in the request; "" when there is none."""
    given = request.headers.get("Authorization", "")
    return given[len(_BEARER) :].strip() if given[: len(_BEARER)].lower() == _BEARER else ""


def _no_token(why: str) -> ProblemError:
    return ProblemError("no_token", why, WWW_Authenticate="Bearer")


def _whole(seconds: float) -> str:
    return str(math.ceil(seconds))
