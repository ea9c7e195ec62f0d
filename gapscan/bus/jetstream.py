"""JetStream as one connection sees it: the link to a server can be well while its JetStream is mute."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal

from nats.aio.client import Client
from nats.js import JetStreamContext, api
from nats.js.errors import NoStreamResponseError, ServiceUnavailableError

MUTE_SECONDS: Final = 4.0  # two requests' time and more
# Where no server's JetStream answers, or not to us, moving about helps nobody: each wait is twice the one before.
MOVE_AGAIN_SECONDS: Final = 15.0
_MOVE_LIMIT: Final = 600.0


# A stream's leader may be silent because there is none: electing one takes up to eleven seconds on a busy machine, and
# who moves meanwhile finds none elsewhere either.
LEADERLESS_SECONDS: Final = 15.0

Kind = Literal["read", "ask_leader", "store", "hear"]
_WORDS: Final[dict[Kind, str]] = {
    "read": "JetStream does not answer",
    "ask_leader": "JetStream does not answer",
    "store": "JetStream stores nothing",
    "hear": "no heartbeat comes",
}


class JetStreamHealth:
    """Calls `on_mute`, with the reason in words, when for MUTE_SECONDS nothing that was asked of JetStream came,
    nothing that was to be stored was, or nothing was heard of what is to be heard all the time. What streams' leaders
    are asked may take LEADERLESS_SECONDS.

    The one is no sign of the other: a node that is cut off from the others goes on answering from its own copy what is
    read. That it has no majority it does not know, or says at once.
    """

    def __init__(self, on_mute: Callable[[str], None]) -> None:
        self._on_mute = on_mute
        self._unanswered: dict[Kind, float] = {}  # since when, monotonic
        self._next_move = 0.0
        self._moved_to: Kind = "read"  # what the latest move was for
        self._wait = MOVE_AGAIN_SECONDS

    @contextmanager
    def asking(self, kind: Kind = "read") -> Iterator[None]:
        """Around a request: any answer is one, an error too, unless it is that nobody is there who could store.

        Being cancelled says nothing.
        """
        began = time.monotonic()
        try:
            yield
        except TimeoutError:
            self._missed(began, kind)
            raise
        except asyncio.CancelledError:
            raise
        except (NoStreamResponseError, ServiceUnavailableError):
            if kind == "store":
                self._missed(began, kind)
            else:
                self._answered(kind)
            raise
        except BaseException:
            self._answered(kind)
            raise
        self._answered(kind)

    def heard(self) -> None:
        """Something came of what is to be heard all the time."""
        self._answered("hear")

    def heard_nothing(self, seconds: float) -> None:
        """Nothing came of it for so long."""
        self._missed(time.monotonic() - seconds, "hear")

    def reset(self) -> None:
        """The link is another one."""
        self._unanswered.clear()

    def _answered(self, kind: Kind) -> None:
        self._unanswered.pop(kind, None)
        if kind == self._moved_to:
            self._wait = MOVE_AGAIN_SECONDS

    def _missed(self, began: float, kind: Kind) -> None:
        now = time.monotonic()
        since = self._unanswered.setdefault(kind, began)
        patience = LEADERLESS_SECONDS if kind == "ask_leader" else MUTE_SECONDS
        if now - since >= patience and now >= self._next_move:
            self._next_move, self._wait = now + self._wait, min(_MOVE_LIMIT, self._wait * 2)
            self._moved_to = kind
            self.reset()
            self._on_mute(_WORDS[kind])


class JetStream(JetStreamContext):
    """The library's context, with an ear for its silence."""

    def __init__(self, conn: Client, health: JetStreamHealth, **options: Any) -> None:
        super().__init__(conn, **options)
        self._health = health

    async def publish(self, subject: str, *args: Any, **options: Any) -> api.PubAck:
        """As the library's."""
        with self._health.asking("store"):
            return await super().publish(subject, *args, **options)

    async def _api_request(self, req_subject: str, req: bytes = b"", timeout: float = 5) -> dict[str, Any]:
        with self._health.asking("ask_leader"):
            return await super()._api_request(req_subject, req, timeout)
