"""A hand on the wire between page and bridge, message by message: for what a healthy bridge cannot be made to send."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from playwright.async_api import Page, WebSocketRoute

Message = dict[str, Any]
Rewrite = Callable[[Message], Message | None]


def as_it_is(message: Message) -> Message | None:
    return message


class Wire:
    """The page's connections, one after the other. `rewrite` sees each of the bridge's messages; None drops it."""

    def __init__(self) -> None:
        self.rewrite: Rewrite = as_it_is
        self.connects = 0
        self._route: WebSocketRoute | None = None

    async def attach(self, page: Page) -> None:
        await page.route_web_socket("**/ws", self._connected)

    def _connected(self, route: WebSocketRoute) -> None:
        self.connects += 1
        self._route = route
        server = route.connect_to_server()
        server.on_message(lambda text: self.send(json.loads(text)))

    def send(self, message: Message) -> None:
        """Send the page a message, rewritten."""
        rewritten = self.rewrite(message)
        if rewritten is not None and self._route is not None:
            self._route.send(json.dumps(rewritten))

    async def close(self, code: int, reason: str) -> None:
        """Close the page's connection as a bridge does."""
        assert self._route is not None
        await self._route.close(code=code, reason=reason)
