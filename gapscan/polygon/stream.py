"""One session of the provider's WebSocket, through the official client. Nothing else touches that client.

What the client does of its own accord and is kept from doing: it ends without a word on close 1000 or 1001; it
connects again by itself, for ever where connecting fails, and tells its log only; it sends topics from a set of its
own, when it next looks, and forgets those that the link lost. So every session has a client of its own that never
connects twice, and topics are sent by whoever knows what the provider confirmed.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from msgspec import Struct
from websockets.exceptions import ConnectionClosed

from gapscan.config import Library
from gapscan.obs import logger
from gapscan.polygon.events import Frame, Status, statuses_in
from gapscan.polygon.ledger import Ending, Reason, SessionEndedError, ending_of
from gapscan.polygon.library import client_library
from gapscan.polygon.topics import batches
from gapscan.runtime import end

_log = logger("feed")

_MAX_FRAME: Final = 16 * 1024 * 1024  # bytes; the provider's largest are about one
_CLOSE_SECONDS: Final = 1
_CLOSE_LIMIT: Final = 2.0
_LAST_FRAMES: Final = 4  # kept, because the reason of a close is told just before it


class StreamSettings(Struct, frozen=True, kw_only=True):
    """Where the stream is, and how long to wait for it, in seconds.

    `opening` bounds connecting and authentication together, `sending` one request; a ping goes out every `ping`
    seconds, and the link is given up when it is not answered for as long again.
    """

    library: Library = "polygon"
    host: str
    key: str
    secure: bool = True
    opening: float = 5.0
    sending: float = 5.0
    ping: float = 5.0


class ProviderSession:
    """One connection, from opening to its end. `on_frame` must not wait; it gets every frame but the greeting."""

    def __init__(self, settings: StreamSettings, on_frame: Callable[[Frame], None]) -> None:
        self.ready = asyncio.Event()
        self._settings = settings
        self._on_frame = on_frame
        self._last: deque[Frame] = deque(maxlen=_LAST_FRAMES)
        self._opened: asyncio.Future[Ending | None] = asyncio.get_running_loop().create_future()
        self._client = _open_client(settings, self._on_auth_reply)

    async def run(self) -> None:
        """Open the session and stay until it is over, which SessionEndedError says; it never returns."""
        link = asyncio.create_task(self._connect(), name="provider link")
        try:
            await self._until_open(link)
            await asyncio.wait((link,))
            raise SessionEndedError(self._ending(link.exception()))
        finally:
            await self._close(link)

    async def _connect(self) -> None:
        ping = self._settings.ping
        await self._client.connect(
            self._receive,
            close_timeout=_CLOSE_SECONDS,
            max_size=_MAX_FRAME,
            proxy=None,
            compression=None,
            ping_interval=ping,
            ping_timeout=ping,
            logger=_listening_logger(self._on_connect_failure),
        )

    async def _receive(self, frame: Frame) -> None:
        self._last.append(frame)
        self._on_frame(frame)

    def _on_auth_reply(self, reply: Frame) -> None:
        self._last.append(reply)
        if any(status.status == "auth_success" for status in statuses_in(reply)):
            self.ready.set()
            self._settle(None)

    def _on_connect_failure(self, why: str) -> None:
        self._settle(Ending(Reason.UNREACHABLE, why))

    def _settle(self, ending: Ending | None) -> None:
        if not self._opened.done():
            self._opened.set_result(ending)

    async def _until_open(self, link: asyncio.Task[None]) -> None:
        limit = self._settings.opening
        done, _ = await asyncio.wait((link, self._opened), timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            late = TimeoutError(f"no session within {limit:g} s")
            known = ending_of(late, self._last_words())
            raise SessionEndedError(Ending(Reason.UNREACHABLE, str(late)) if known.reason is Reason.FAILED else known)
        if self._opened.done() and (ending := self._opened.result()):
            raise SessionEndedError(ending)

    def _last_words(self) -> list[Status]:
        return [status for frame in self._last for status in statuses_in(frame)]

    def _ending(self, error: BaseException | None) -> Ending:
        ending = ending_of(error, self._last_words())
        return Ending(ending.reason, ending.detail.replace(self._settings.key, "***"))

    async def _close(self, link: asyncio.Task[None]) -> None:
        """Leave nothing behind; the client itself keeps its connection open when it is cancelled."""
        websocket = self._client.websocket
        await end(link)
        if not link.cancelled():
            link.exception()  # told by run already
        if websocket is None:
            return
        try:
            with suppress(TimeoutError, OSError, ConnectionClosed):
                async with asyncio.timeout(_CLOSE_LIMIT):
                    await websocket.close()
        finally:
            websocket.transport.abort()

    async def subscribe(self, topics: list[str]) -> None:
        """Ask for `topics`. Raises SessionEndedError when the link takes nothing."""
        # Not client.subscribe: that asks only for what it believes not to have asked for yet.
        await self._send(self._client._subscribe, topics)

    async def unsubscribe(self, topics: list[str]) -> None:
        """Give `topics` back. Raises SessionEndedError when the link takes nothing."""
        await self._send(self._client._unsubscribe, topics)

    async def _send(self, method: Any, topics: list[str]) -> None:
        try:
            for batch in batches(topics):
                async with asyncio.timeout(self._settings.sending):
                    await method(batch)
        except ConnectionClosed:
            return  # `run` says why
        except TimeoutError:
            raise SessionEndedError(Ending(Reason.STALLED, "the link takes no requests")) from None


class _Json:
    """The client's JSON module. In raw mode it reads the answer to authentication only, which nobody else sees."""

    dumps = staticmethod(json.dumps)

    def __init__(self, on_reply: Callable[[Frame], None]) -> None:
        self._on_reply = on_reply

    def loads(self, text: Frame) -> Any:
        """What `text` holds."""
        self._on_reply(text)
        return json.loads(text)


def _open_client(settings: StreamSettings, on_auth_reply: Callable[[Frame], None]) -> Any:
    return client_library(settings.library).WebSocketClient(
        api_key=settings.key,
        feed=settings.host,
        market="stocks",
        raw=True,
        max_reconnects=0,
        secure=settings.secure,
        custom_json=_Json(on_auth_reply),
    )


class _ConnectFailures(logging.Handler):
    """Hears of a failure to connect: the client swallows it, and the WebSocket library only logs it."""

    def __init__(self, on_failure: Callable[[str], None]) -> None:
        super().__init__()
        self._on_failure = on_failure

    def emit(self, record: logging.LogRecord) -> None:
        """Pass on the error that is being logged, and other troubles to gapscan's log."""
        if str(record.msg).startswith("connect failed"):
            error = sys.exc_info()[1]
            self._on_failure(f"{type(error).__name__}: {error}"[:200] if error else "cannot connect")
        elif record.levelno >= logging.WARNING:
            _log.warning("WebSocket: %s", record.getMessage(), exc_info=record.exc_info)


def _listening_logger(on_failure: Callable[[str], None]) -> logging.Logger:
    """A logger for one connection. Its level keeps frames, and so the API key, out of any log."""
    log = logging.Logger("websockets.client", logging.INFO)
    log.addHandler(_ConnectFailures(on_failure))
    return log
