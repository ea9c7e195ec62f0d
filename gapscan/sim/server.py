"""The server: Polygon's REST and WebSocket interface on one port, in front of a market.

async with SimServer(Market(source), clock) as server:
    client = polygon.RESTClient(api_key="any", base=server.url)
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Self

import msgspec
from aiohttp import web

from gapscan.errors import ConfigError
from gapscan.sim import control, halt_list
from gapscan.sim.account import FULL, AccountPlan
from gapscan.sim.clock import Clock, DelayedClock, FollowingClock
from gapscan.sim.distortions import Distortions
from gapscan.sim.driver import Driver
from gapscan.sim.faults import Faults
from gapscan.sim.hub import Hub, StreamOptions, StreamStats
from gapscan.sim.market import Market
from gapscan.sim.replies import Refusal, Reply, Request, error, standard_error
from gapscan.sim.rest import RestApi
from gapscan.sim.stream import StreamSession

log = logging.getLogger(__name__)

_HTML = b"<!DOCTYPE html><html><head><title>Bad Gateway</title></head><body><h1>502</h1></body></html>"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class SimStats(msgspec.Struct):
    """Counts since the start; `requests` by endpoint."""

    requests: Counter[str]
    stream: StreamStats


class SimServer:
    """Serves `market` at `clock`'s time, or as it was `delay_ms` before, by an account's `plan`. Port 0: a free one.

    `keys` None accepts any key.
    """

    def __init__(
        self,
        market: Market,
        clock: Clock,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        keys: frozenset[str] | None = None,
        faults: Faults | None = None,
        stream: StreamOptions | None = None,
        delay_ms: int = 0,
        plan: AccountPlan = FULL,
    ) -> None:
        self.market = market
        self.clock = clock
        self.faults = faults or Faults()
        self._distortions = Distortions(self.faults)
        self.host, self.port = host, port
        self._keys = keys
        self._driver = Driver(market, DelayedClock(clock, delay_ms) if delay_ms else clock, plan)
        self._api = RestApi(self._driver, clock)
        if isinstance(clock, FollowingClock):
            market.halts_only = lambda: clock.stepping
        self._hub = Hub(self._driver, self.faults, self.accepts, stream or StreamOptions())
        self.stats = SimStats(Counter(), self._hub.stats)
        self._closing = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Base of the REST interface."""
        return f"http://{self.ws_feed}"

    @property
    def ws_feed(self) -> str:
        """What polygon's WebSocketClient takes as `feed`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def sessions(self) -> Sequence[StreamSession]:
        """The stream's open sessions."""
        return self._hub.sessions

    def accepts(self, key: str) -> bool:
        """Whether a client may use this key."""
        return bool(key) and (self._keys is None or key in self._keys)

    async def __aenter__(self) -> Self:
        await self._driver.bring_up()
        self._runner = web.AppRunner(
            self._application(), access_log=None, shutdown_timeout=1.0, handler_cancellation=True
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, self.port)
        try:
            await site.start()
        except OSError as failure:
            await self._runner.cleanup()
            raise ConfigError(
                f"cannot listen on {self.host} port {self.port}: {failure.strerror}",
                remedy="choose a free port, or 0",
            ) from failure
        self.port = self._runner.addresses[0][1]
        self.faults.on_set = self._hub.faults_set
        self.faults.on_clear = self._hub.faults_cleared
        self._pump = asyncio.create_task(self._hub.run(), name="sim-stream")
        self._pump.add_done_callback(_log_failure)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self.faults.clear()
        if self._pump:
            self._pump.cancel()
            await asyncio.wait((self._pump,))
        await self._hub.close()
        await self._runner.cleanup()

    async def serve_forever(self) -> None:
        """Wait until the caller cancels. The failure of the task that sends is raised: the stream is then dead."""
        if self._pump:
            await asyncio.shield(self._pump)

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=1 << 16)
        application.router.add_get("/stocks", self._hub.handle)
        for name, (path, handler) in self._api.routes.items():
            application.router.add_get(path, self._endpoint(name, handler))
        application.router.add_get(halt_list.PATH, self._halt_list)
        application.router.add_get("/sim/status", self._status)
        application.router.add_post("/sim/clock", self._clock)
        application.router.add_get("/sim/faults", self._faults)
        application.router.add_post("/sim/faults", self._faults)
        application.router.add_delete("/sim/faults", self._faults)
        return application

    def _endpoint(self, name: str, handler: Callable[[Request], Awaitable[Reply]]) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            self.stats.requests[name] += 1
            reply = await self._fault_before(name, request)
            if reply is None:
                reply = self._refuse_key(request) or await self._run(handler, request)
            return await self._respond(name, request, reply)

        return answer

    async def _halt_list(self, request: web.Request) -> web.StreamResponse:
        """The exchanges' list of halts: public."""
        name = "halt_list"
        self.stats.requests[name] += 1
        reply = await self._fault_before(name, request)
        if reply is None:
            await self._driver.bring_up()
            market = self.market
            body = halt_list.rss(market.halt_records, market.source.listings, self.clock.now())
            reply = Reply(200, body)
        return await self._respond(name, request, reply, "text/xml")

    def _refuse_key(self, request: web.Request) -> Reply | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        key = token if scheme == "Bearer" else request.query.get("apiKey", "")
        if not key:
            return error(401, "API Key was not provided")
        return None if self.accepts(key) else standard_error(401)

    async def _run(self, handler: Callable[[Request], Awaitable[Reply]], request: web.Request) -> Reply:
        origin = f"{request.scheme}://{request.host}"
        try:
            return await handler(Request(request.match_info, request.query, origin))
        except Refusal as refusal:
            return refusal.reply

    async def _fault_before(self, name: str, request: web.Request) -> Reply | None:
        if self.faults.take("rest_stall", name):
            await self._stall(request)
        if self.faults.take("rest_drop", name):
            self._drop(request)
        if fault := self.faults.take("rest_status", name):
            return standard_error(fault.status or 500)
        return None

    async def _stall(self, request: web.Request) -> None:
        """Hold the request until its client or this server goes; the former cancels this."""
        await self._closing.wait()
        self._drop(request)

    def _drop(self, request: web.Request) -> None:
        if request.transport:
            request.transport.abort()
        raise asyncio.CancelledError

    async def _respond(
        self, name: str, request: web.Request, reply: Reply, kind: str = "application/json"
    ) -> web.StreamResponse:
        status, body = reply
        if fault := self.faults.take("rest_html", name):
            return web.Response(status=fault.status or 502, body=_HTML, content_type="text/html")
        body = self._distortions.apply(name, body, f"{request.scheme}://{request.host}")
        if fault := self.faults.take("rest_slow", name):
            return await self._trickle(request, status, body, fault.seconds)
        return web.Response(status=status, body=body, content_type=kind)

    async def _trickle(self, request: web.Request, status: int, body: bytes, seconds: float) -> web.StreamResponse:
        response = web.StreamResponse(status=status, headers={"Content-Type": "application/json"})
        response.content_length = len(body)
        await response.prepare(request)
        piece = len(body) // 20 + 1
        for start in range(0, len(body), piece):
            await response.write(body[start : start + piece])
            if not self._closing.is_set():
                await asyncio.sleep(seconds / 20)
        return response

    async def _status(self, request: web.Request) -> web.Response:
        control.require_loopback(request)
        return web.Response(body=msgspec.json.encode(self.describe()), content_type="application/json")

    def describe(self) -> dict[str, Any]:
        """What GET /sim/status answers."""
        return {
            "label": self.market.source.label,
            "simulated": True,
            "market_time": self.clock.now(),
            "speed": self.clock.speed,
            "speed_reached": round(self.clock.reached(), 3)
            if isinstance(self.clock, FollowingClock)
            else self.clock.speed,
            "trading_date": str(self.market.date),
            "symbols": len(self.market.symbols),
            "requests": dict(self.stats.requests),
            "stream": self.stats.stream,
            "faults": self.faults.describe(),
        }

    def _speed_reached(self) -> float:
        return round(self.clock.reached(), 3) if isinstance(self.clock, FollowingClock) else self.clock.speed

    async def _clock(self, request: web.Request) -> web.Response:
        control.require_loopback(request)
        return control.change_clock(self.clock, await request.read())

    async def _faults(self, request: web.Request) -> web.Response:
        control.require_loopback(request)
        if request.method == "POST":
            return control.change_faults(self.faults, await request.read())
        if request.method == "DELETE":
            self.faults.clear(request.query.get("name"))
        return control.describe_faults(self.faults)


def _log_failure(pump: asyncio.Task[None]) -> None:
    if not pump.cancelled() and (failure := pump.exception()):
        log.error("sim: the stream has stopped", exc_info=failure)
