"""JetStream as one connection sees it: the link to a server can be well while its JetStream is mute."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from nats.aio.client import Client
from nats.js import JetStreamContext, api
from nats.js.errors import NoStreamResponseError, ServiceUnavailableError

MUTE_SECONDS: Final = 4.0  # two requests' time and more
# Where no server's JetStream answers, or not to us, moving about helps nobody: each wait is twice the one before.
MOVE_AGAIN_SECONDS: Final = 15.0
_MOVE_LIMIT: Final = 600.0


class JetStreamHealth:
    """Calls `on_mute` when nothing that was asked of JetStream, or nothing that it was to store, was answered for
    MUTE_SECONDS.

    What is read is no sign of what can be stored: a node that is cut off from the others goes on answering from its own
    copy, and that it has no majority it does not know, or says at once.
    """

    def __init__(self, on_mute: Callable[[], None]) -> None:
        self._on_mute = on_mute
        self._unanswered: dict[bool, float] = {}  # by whether it was to be stored: since when, monotonic
        self._next_move = 0.0
        self._moved_to_store = False  # what the latest move was for
        self._wait = MOVE_AGAIN_SECONDS

    @contextmanager
    def asking(self, *, to_store: bool = False) -> Iterator[None]:
        """Around a request: any answer is one, an error too, unless it is that nobody is there who could store.

        Being cancelled says nothing.
        """
        began = time.monotonic()
        try:
            yield
        except TimeoutError:
            self._missed(began, to_store)
            raise
        except asyncio.CancelledError:
            raise
        except (NoStreamResponseError, ServiceUnavailableError):
            if to_store:
                self._missed(began, to_store)
            else:
                self._answered(to_store)
            raise
        except BaseException:
            self._answered(to_store)
            raise
        self._answered(to_store)

    def reset(self) -> None:
        """The link is another one."""
        self._unanswered.clear()

    def _answered(self, to_store: bool) -> None:
        self._unanswered.pop(to_store, None)
        if to_store == self._moved_to_store:
            self._wait = MOVE_AGAIN_SECONDS

    def _missed(self, began: float, to_store: bool) -> None:
        now = time.monotonic()
        since = self._unanswered.setdefault(to_store, began)
        if now - since >= MUTE_SECONDS and now >= self._next_move:
            self._next_move, self._wait = now + self._wait, min(_MOVE_LIMIT, self._wait * 2)
            self._moved_to_store = to_store
            self.reset()
            self._on_mute()


class JetStream(JetStreamContext):
    """The library's context, with an ear for its silence."""

    def __init__(self, conn: Client, health: JetStreamHealth, **options: Any) -> None:
        super().__init__(conn, **options)
        self._health = health

    async def publish(self, subject: str, *args: Any, **options: Any) -> api.PubAck:
        """As the library's."""
        with self._health.asking(to_store=True):
            return await super().publish(subject, *args, **options)

    async def _api_request(self, req_subject: str, req: bytes = b"", timeout: float = 5) -> dict[str, Any]:
        with self._health.asking():
            return await super()._api_request(req_subject, req, timeout)
