"""The bridge's HTTP side: the WebSocket endpoint, the page, health and figures."""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, cast

from aiohttp import WebSocketError, WSCloseCode, WSMsgType, web
from aiohttp.typedefs import Handler, Middleware
from aiohttp.web_server import Server

from gapscan.bridge.api import Api
from gapscan.bridge.api_access import ApiAccess
from gapscan.bridge.api_bars import BarsApi
from gapscan.bridge.api_own import OwnListsApi
from gapscan.bridge.api_symbols import SymbolsApi
from gapscan.bridge.assets import Assets
from gapscan.bridge.clients import client_session, linger
from gapscan.bridge.commands import CommandHandler, TokenCheck
from gapscan.bridge.connection_gate import BACKLOG, ConnectionLimiter, HttpConnection
from gapscan.bridge.encodings import WEBSOCKET, WEBSOCKET_DEFLATED, WINDOW_BITS, websocket_pong
from gapscan.bridge.guesses import Guesses
from gapscan.bridge.origin import host_name, is_allowed, is_own_host
from gapscan.bridge.plays import Plays
from gapscan.bridge.policy import AccessPolicy
from gapscan.bridge.questions import Questions
from gapscan.bridge.server import BridgeServer
from gapscan.bridge.session import BrowserSession
from gapscan.bridge.trials import Trials
from gapscan.obs import logger
from gapscan.protocol.codes import BAD_FRAME, TOO_FAST, TOO_LONG
from gapscan.protocol.websocket import RefusedError
from gapscan.runtime import end

_DRAIN_SECONDS: Final = 1.0  # at the end, for clients to take their leave
_SWEEP_SECONDS: Final = 1.0
_IGNORED: Final = 100  # messages after a close; what still comes then is not even looked at
_NAME_LENGTH: Final = 253  # no name in the DNS is longer
_NO_UPGRADE: Final = "/ws is a WebSocket: a proxy on the way must pass on the headers Upgrade and Connection\n"
_PROBES: Final = ("/healthz", "/readyz")  # load balancers ask by any name; a page gets nothing of worth there

_log = logger("bridge")


class Socket(web.WebSocketResponse):
    """The handshake and the reading. Every frame that goes out is the session's, closing ones included."""

    async def close(self, *, code: int = WSCloseCode.OK, message: bytes = b"", drain: bool = True) -> bool:
        """Nothing: when the handler returns, aiohttp closes the transport after what is still to be sent."""
        return True


class Misdirected(web.HTTPClientError):
    """A request that is not meant for this server."""

    status_code = 421


class UpgradeNeeded(web.HTTPClientError):
    """A request for the WebSocket that is no handshake."""

    status_code = 426


class Web:
    """The handlers."""

    def __init__(self, bridge: BridgeServer, policy: AccessPolicy) -> None:
        self._bridge = bridge
        self._policy = policy
        self._assets = Assets()
        self._bars = BarsApi(policy.bars, bridge.clock)
        self._symbols = SymbolsApi(bridge, policy.symbols)
        self.limiter: ConnectionLimiter | None = None
        self.questions = Questions(policy.ask, bridge.tally, bridge.clock)
        self.plays = Plays(bridge, policy.past.open_tape)
        self.guesses = Guesses(bridge.clock)
        access = ApiAccess(policy, self.guesses, bridge.tally, bridge.clock)
        self._api = Api(bridge, self.questions, policy.past, access, Trials(policy.tried_on, bridge.tally))
        self._own = OwnListsApi(policy.own, policy.preview, access)

    def app(self) -> web.Application:
        """All routes."""
        app = web.Application(middlewares=[self._api.problems(), self._admitting(), self._api.access()])
        app.add_routes(
            [
                web.get("/ws", self._websocket, allow_head=False),
                web.post("/ws", self._diagnose),
                web.get("/", self._page),
                web.get("/static/{path:.+}", self._static),
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._metrics),
                *self._bars.routes(self._api.preflight),
                *self._symbols.routes(self._api.preflight),
                *self._own.routes(self._api.preflight),
                *self._api.routes(),
            ]
        )
        return app

    def _admitting(self) -> Middleware:
        @web.middleware
        async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
            if self.limiter is not None and isinstance(request.protocol, HttpConnection):
                self.limiter.admit(request.protocol)
            self._check_host(request)
            return await handler(request)

        return admit

    def _check_host(self, request: web.Request) -> None:
        """Refuse a request by a name that is not the bridge's: a page of that name may have led it here."""
        host = request.headers.get("Host")
        if request.path in _PROBES or is_own_host(host, self._policy.hosts):
            return
        name = host_name(host or "")[:_NAME_LENGTH].encode("utf-8", "replace").decode()
        text = f'the bridge has no name "{name}": if it is to have it, set hosts = ["{name}"] in [bridge]'
        self._bridge.tally.trouble("refused.host", f"a request was refused: {text}")
        raise Misdirected(text=f"{text} of its settings (or GAPSCAN_BRIDGE_HOSTS={name})\n")

    async def _page(self, request: web.Request) -> web.Response:
        return self._assets.page.response(request)

    async def _static(self, request: web.Request) -> web.Response:
        response = self._assets.response(request.match_info["path"], request)
        if response is None:
            raise web.HTTPNotFound(text="there is no such file\n")
        return response

    async def _healthz(self, _request: web.Request) -> web.Response:
        # What starts a process again asks here: that NATS is away is no reason, `readyz` says it.
        return web.Response(text="ok\n")

    async def _readyz(self, _request: web.Request) -> web.Response:
        conditions = dict(self._policy.conditions())
        why = self._policy.trouble()
        answer = {**conditions, "why": why} if why else conditions
        return web.json_response(answer, status=200 if all(conditions.values()) else 503)

    async def _metrics(self, request: web.Request) -> web.Response:
        return self._policy.metrics.response(request)

    # The WebSocket.

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        self._check_upgrade(request)
        self._check(request)
        # aiohttp's limit is the first size that is too much.
        limit = self._bridge.limits.message_bytes + 1
        ws = Socket(compress=self._policy.compress, autoping=False, max_msg_size=limit)
        try:
            await ws.prepare(request)
        except web.HTTPBadRequest:
            self._bridge.tally.trouble("refused.bad_request", "a request for /ws was refused: it is no handshake")
            raise web.HTTPBadRequest(text="this is no WebSocket handshake\n") from None
        transport = request.transport
        if transport is None:  # gone already
            return ws
        peer, authorized = self._policy.proxies.client_of(request), self._policy.token is None
        encoding = WEBSOCKET_DEFLATED if ws.compress == WINDOW_BITS else WEBSOCKET
        async with client_session(
            self._bridge, self.questions, request, transport, encoding, authorized=authorized
        ) as session:
            try:
                await self._converse(request, ws, session, peer)
            finally:
                await self.plays.forget(session)
        return ws

    async def _diagnose(self, request: web.Request) -> web.Response:
        """What a handshake would get here: browsers do not tell their pages why one fails."""
        self._check(request)
        return web.Response(text="a WebSocket would be opened\n")

    def _check_upgrade(self, request: web.Request) -> None:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            self._bridge.tally.trouble("refused.no_upgrade", "a request for /ws was refused: it has no header Upgrade")
            raise UpgradeNeeded(text=_NO_UPGRADE, headers={"Upgrade": "websocket", "Connection": "Upgrade"})

    def _check(self, request: web.Request) -> None:
        """Refuse a handshake before it costs anything."""
        bridge = self._bridge
        if not is_allowed(request.headers.get("Origin"), request.host, self._policy.origins):
            bridge.tally.trouble("refused.origin", "a page of another origin was refused")
            raise web.HTTPForbidden(text=_origin_text(request))
        if len(bridge.sessions) >= bridge.limits.clients:
            bridge.tally.trouble("refused.full", "a client was refused: there are as many as may be")
            raise web.HTTPServiceUnavailable(text="too many clients\n", headers={"Retry-After": "5"})
        self._check_guesses(request)

    def _check_guesses(self, request: web.Request) -> None:
        if wait := self.guesses.wait(self._policy.proxies.client_of(request)):
            self._bridge.tally.trouble(
                "refused.guesses", "a client was refused: too many wrong tokens from its address"
            )
            headers = {"Retry-After": str(math.ceil(wait))}
            raise web.HTTPTooManyRequests(text="too many wrong tokens came from this address\n", headers=headers)

    def _commands(self, session: BrowserSession, peer: str) -> CommandHandler:
        check = TokenCheck(self._policy.token, self.guesses, peer, self._bridge.tally, self._policy.edit.token)
        return CommandHandler(
            self._bridge, session, self.questions, self.plays, check, self._policy.window, self._policy.links
        )

    async def _converse(self, request: web.Request, ws: Socket, session: BrowserSession, peer: str) -> None:
        handler = self._commands(session, peer)
        handler.greet()
        ignored = 0
        while ignored < _IGNORED:
            message = await ws.receive()
            if message.type is WSMsgType.ERROR and isinstance(message.data, WebSocketError):
                session.refuse(_violation(message.data, self._bridge.limits.message_bytes))
                await linger(request)
                return
            if message.type is WSMsgType.CLOSE:
                session.finish()
            if not _handle(handler, session, message.type, message.data):
                return
            ignored += session.closed
        await linger(request)


def _origin_text(request: web.Request) -> str:
    """Which names do not fit together: behind a proxy that drops the port, nobody sees that they do not."""
    origin, host = (request.headers.get(name, "")[:_NAME_LENGTH] for name in ("Origin", "Host"))
    names = f"its origin {_shown(origin)} is not allowed (the request's Host is {_shown(host)})"
    return f"this page may not connect: {names}\n"


def _shown(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()


def _handle(handler: CommandHandler, session: BrowserSession, kind: WSMsgType, data: object) -> bool:
    """One message of the client; False when it was the last."""
    if kind is WSMsgType.TEXT:
        handler.handle(str(data))
    elif kind is WSMsgType.BINARY:
        handler.handle(None)
    elif kind in (WSMsgType.PING, WSMsgType.PONG):
        if not handler.sign_of_life():
            session.refuse(RefusedError(TOO_FAST, "too many pings"))
        elif kind is WSMsgType.PING and isinstance(data, bytes | bytearray):
            session.write(websocket_pong(bytes(data)))
    else:
        return False
    return True


def _violation(error: WebSocketError, most: int) -> RefusedError:
    """What broke the protocol, in our words; `most` are the bytes that a message may have."""
    if error.code == WSCloseCode.MESSAGE_TOO_BIG:
        return RefusedError(TOO_LONG, f"the message has more than {most} bytes")
    return RefusedError(BAD_FRAME, str(error))


@asynccontextmanager
async def serving(listening: socket.socket, bridge: BridgeServer, policy: AccessPolicy) -> AsyncIterator[None]:
    """Serve on `listening`; at the end, close all clients' connections."""
    handlers = Web(bridge, policy)
    runner = web.AppRunner(handlers.app(), access_log=None)
    await runner.setup()
    limiter = handlers.limiter = ConnectionLimiter(cast(Server, runner.server), bridge.tally, bridge.clock)
    server = await asyncio.get_running_loop().create_server(limiter, sock=listening, backlog=BACKLOG)
    sweeping = asyncio.create_task(_sweep(limiter))
    try:
        yield
    finally:
        server.close()
        await end(sweeping)
        await handlers.plays.close()
        await handlers.questions.close()
        await bridge.close(_DRAIN_SECONDS)
        await runner.cleanup()


async def _sweep(limiter: ConnectionLimiter) -> None:
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        limiter.sweep()
