"""One session of Polygon's WebSocket.

The official client is not used for it: it ends without a word on close 1000 or 1001; it connects again by itself, for
ever where connecting fails, and only logs it; it sends topics from a set of its own, and forgets those that the
link lost. A session here never connects twice, and topics are sent by whoever knows what the provider confirmed.
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Literal

from msgspec import Struct
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from gapscan.obs import logger
from gapscan.polygon.certificates import trusted_certificates
from gapscan.polygon.events import SESSION_ENDS, Frame, StreamStatus, statuses_in
from gapscan.polygon.ledger import Ending, Reason, SessionEndedError, ending_of
from gapscan.polygon.proxies import proxy_for
from gapscan.polygon.topics import batches

_MAX_FRAME: Final = 16 * 1024 * 1024  # bytes; the provider's largest are about one
_CLOSE_SECONDS: Final = 1
_CLOSE_LIMIT: Final = 2.0
_LAST_FRAMES: Final = 4  # kept, because the reason of a close is said just before it
_SHOWN: Final = 200  # characters of a foreign error

# Its level keeps frames, and so the API key, out of any log.
_socket_log = logger("feed.websocket")
_socket_log.setLevel(logging.WARNING)

Action = Literal["auth", "subscribe", "unsubscribe"]


class StreamSettings(Struct, frozen=True, kw_only=True):
    """Where the stream is, and how long to wait for it, in seconds.

    `opening` bounds connecting and authentication together, `sending` one request; a ping goes out every `ping`
    seconds, and the link is given up when it is not answered for as long again. `record` gets the frames too, as they
    came. Without a `proxy`, that of the environment counts.
    """

    host: str
    key: str
    secure: bool = True
    opening: float = 5.0
    sending: float = 5.0
    ping: float = 5.0
    record: Callable[[Frame], None] | None = None
    proxy: str | None = None

    @property
    def url(self) -> str:
        """Of the stock market's stream."""
        return f"ws{'s' if self.secure else ''}://{self.host}/stocks"


class ProviderSession:
    """One connection, from opening to its end. `on_frame` must not wait; it gets the frames that come once the
    session is ready."""

    def __init__(self, settings: StreamSettings, on_frame: Callable[[Frame], None]) -> None:
        self.ready = asyncio.Event()
        self._settings = settings
        self._on_frame = on_frame
        self._last: deque[Frame] = deque(maxlen=_LAST_FRAMES)
        self._socket: ClientConnection | None = None

    async def run(self) -> None:
        """Open the session and stay until it is over, which SessionEndedError says; it never returns."""
        try:
            socket = await self._open()
            self.ready.set()
            while True:
                frame = await self._receive(socket)
                if self._settings.record:
                    self._settings.record(frame)
                self._on_frame(frame)
        except ConnectionClosed as error:
            raise SessionEndedError(self._ending(error)) from None
        finally:
            await self._close()

    async def _open(self) -> ClientConnection:
        limit = self._settings.opening
        try:
            async with asyncio.timeout(limit):
                self._socket = socket = await self._connect()
                await self._authenticate(socket)
                return socket
        except TimeoutError:
            known = self._ending(TimeoutError())
            late = Ending(Reason.UNREACHABLE, f"no session within {limit:g} s")
            raise SessionEndedError(known if known.of_account else late) from None

    async def _connect(self) -> ClientConnection:
        settings = self._settings
        try:
            return await connect(
                settings.url,
                ssl=_tls() if settings.secure else None,
                proxy=proxy_for(settings.url, settings.proxy),
                compression=None,
                open_timeout=None,  # `opening` bounds it
                close_timeout=_CLOSE_SECONDS,
                max_size=_MAX_FRAME,
                ping_interval=settings.ping,
                ping_timeout=settings.ping,
                logger=_socket_log,
            )
        except (OSError, WebSocketException) as error:
            raise SessionEndedError(Ending(Reason.UNREACHABLE, self._shown(error))) from None

    async def _authenticate(self, socket: ClientConnection) -> None:
        """Wait for the greeting, send the key, and wait for a word about it."""
        await self._receive(socket)
        await socket.send(_request("auth", self._settings.key))
        while True:
            said = {status.status for status in statuses_in(await self._receive(socket))}
            if "auth_success" in said:
                return
            if not said.isdisjoint(SESSION_ENDS):
                raise SessionEndedError(self._ending(ConnectionError("not authenticated")))

    async def _receive(self, socket: ClientConnection) -> Frame:
        frame = await socket.recv(decode=False)
        self._last.append(frame)
        return frame

    def _ending(self, error: BaseException) -> Ending:
        ending = ending_of(error, self._last_words())
        return Ending(ending.reason, self._without_key(ending.detail))

    def _last_words(self) -> list[StreamStatus]:
        return [status for frame in self._last for status in statuses_in(frame)]

    def _shown(self, error: Exception) -> str:
        return self._without_key(f"{type(error).__name__}: {error}")[:_SHOWN]

    def _without_key(self, text: str) -> str:
        return text.replace(self._settings.key, "***")

    async def _close(self) -> None:
        """Leave nothing behind, also where the other side does not answer."""
        if self._socket is None:
            return
        try:
            with suppress(TimeoutError, OSError, ConnectionClosed):
                async with asyncio.timeout(_CLOSE_LIMIT):
                    await self._socket.close()
        finally:
            self._socket.transport.abort()

    async def subscribe(self, topics: list[str]) -> None:
        """Ask for `topics`. Raises SessionEndedError when the link takes nothing."""
        await self._send("subscribe", topics)

    async def unsubscribe(self, topics: list[str]) -> None:
        """Give `topics` back. Raises SessionEndedError when the link takes nothing."""
        await self._send("unsubscribe", topics)

    async def _send(self, action: Action, topics: list[str]) -> None:
        assert self._socket is not None  # for the type checker: whoever asks waits for `ready`
        try:
            for batch in batches(topics):
                async with asyncio.timeout(self._settings.sending):
                    await self._socket.send(_request(action, ",".join(batch)))
        except ConnectionClosed:
            return  # `run` says why
        except TimeoutError:
            raise SessionEndedError(Ending(Reason.STALLED, "the link takes no requests")) from None


def _request(action: Action, params: str) -> str:
    return json.dumps({"action": action, "params": params})


def _tls() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=trusted_certificates())
