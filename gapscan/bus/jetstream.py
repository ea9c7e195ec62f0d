"""JetStream as one connection sees it: the link to a server can be well while its JetStream is mute."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from nats.aio.client import Client
from nats.js import JetStreamContext, api

MUTE_SECONDS: Final = 4.0  # two requests' time and more
# Where no server's JetStream answers, or not to us, moving about helps nobody: each wait is twice the one before.
MOVE_AGAIN_SECONDS: Final = 15.0
_MOVE_LIMIT: Final = 600.0


class JetStreamHealth:
    """Calls `on_mute` when nothing that was asked of JetStream was answered for MUTE_SECONDS."""

    def __init__(self, on_mute: Callable[[], None]) -> None:
        self._on_mute = on_mute
        self._unanswered_since: float | None = None
        self._next_move = 0.0
        self._wait = MOVE_AGAIN_SECONDS

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Around a request: any answer is one, an error too; being cancelled says nothing."""
        began = time.monotonic()
        try:
            yield
        except TimeoutError:
            self._missed(began)
            raise
        except asyncio.CancelledError:
            raise
        except BaseException:
            self._answered()
            raise
        self._answered()

    def reset(self) -> None:
        """The link is another one."""
        self._unanswered_since = None

    def _answered(self) -> None:
        self._unanswered_since, self._wait = None, MOVE_AGAIN_SECONDS

    def _missed(self, began: float) -> None:
        now = time.monotonic()
        since = self._unanswered_since = self._unanswered_since or began
        if now - since >= MUTE_SECONDS and now >= self._next_move:
            self._next_move, self._wait = now + self._wait, min(_MOVE_LIMIT, self._wait * 2)
            self.reset()
            self._on_mute()


class JetStream(JetStreamContext):
    """The library's context, with an ear for its silence."""

    def __init__(self, conn: Client, health: JetStreamHealth, **options: Any) -> None:
        super().__init__(conn, **options)
        self._health = health

    async def publish(self, subject: str, *args: Any, **options: Any) -> api.PubAck:
        """As the library's."""
        with self._health.asking():
            return await super().publish(subject, *args, **options)

    async def _api_request(self, req_subject: str, req: bytes = b"", timeout: float = 5) -> dict[str, Any]:
        with self._health.asking():
            return await super()._api_request(req_subject, req, timeout)
