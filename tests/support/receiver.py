"""A web server that takes the deliveries of alerts, as somebody's own program would."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web


@dataclass
class Receiver:
    """A web server that takes deliveries, and fails a share of them: some after it has taken them."""

    failing: float = 0.0
    posts: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)
    dice: random.Random = field(default_factory=lambda: random.Random(3))
    redirect: str = ""
    hang: bool = False
    url: str = ""
    tried: int = 0
    on_alert: Callable[[dict[str, Any]], object] | None = None  # is told of each as it comes

    async def take(self, request: web.Request) -> web.Response:
        """One delivery."""
        self.tried += 1
        body = await request.read()
        if self.hang:
            await asyncio.sleep(3600)
        if self.redirect and request.path == "/hook":
            raise web.HTTPMovedPermanently(self.redirect)
        fails = self.dice.random() < self.failing
        if not fails or self.dice.random() < 0.5:
            self.methods.append(request.method)
            self.bodies.append(body)
            self.headers.append(dict(request.headers))
            if request.content_type == "application/json":
                self.posts.append(msgspec.json.decode(body))
                self._note(self.posts[-1]["alerts"])
        return web.Response(status=503 if fails else 204)

    def _note(self, alerts: list[dict[str, Any]]) -> None:
        if self.on_alert is not None:
            for alert in alerts:
                self.on_alert(alert)

    def keys(self) -> list[str]:
        """The alerts that came, each key once, in the order in which they came first."""
        return list(self.alerts())

    def alerts(self) -> dict[str, dict[str, Any]]:
        """The same with what they say."""
        found: dict[str, dict[str, Any]] = {}
        for post in self.posts:
            for alert in post["alerts"]:
                found.setdefault(alert["key"], alert)
        return found


@asynccontextmanager
async def receiver(**settings: Any) -> AsyncIterator[Receiver]:
    """One on a free port, for as long as the block."""
    found = Receiver(**settings)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", found.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield found
    finally:
        await runner.cleanup()
