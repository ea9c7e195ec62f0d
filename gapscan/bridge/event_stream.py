"""Server-sent events: a list's snapshot, then its deltas and heartbeats, as long as the client listens."""

from __future__ import annotations

from typing import Final

from aiohttp import HttpVersion11, web

from gapscan.bridge.clients import client_session
from gapscan.bridge.encodings import EVENT_STREAM, EVENT_STREAM_1_0, Encoding, chunk
from gapscan.bridge.history import Position
from gapscan.bridge.problems import ProblemError
from gapscan.bridge.questions import Questions
from gapscan.bridge.server import BridgeServer
from gapscan.lists.wish import Wish

RETRY_MS: Final = 2000  # after which a browser connects again
_FULL_MS: Final = 5000  # the same, when there was no room
_EVENT_STREAM: Final = "text/event-stream"
_HEADERS: Final = {
    "Content-Type": _EVENT_STREAM,
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would hold events back
}


class EventStreams:
    """All streams are clients as those on WebSockets are: of the same messages, limits and recovery."""

    def __init__(self, bridge: BridgeServer, questions: Questions) -> None:
        self._bridge = bridge
        self._questions = questions

    async def serve(self, request: web.Request, name: str, wish: Wish, headers: dict[str, str]) -> web.StreamResponse:
        """Send `name`, from what the client has on, until one of both ends it. Raises ProblemError."""
        if len(self._bridge.sessions) >= self._bridge.limits.clients:
            return self._full(request)
        response = _Stream(headers=headers | _HEADERS)
        await response.prepare(request)
        transport = request.transport
        if transport is None:  # gone already
            return response
        encoding = EVENT_STREAM if request.version >= HttpVersion11 else EVENT_STREAM_1_0
        session_of = client_session(self._bridge, self._questions, request, transport, encoding, authorized=True)
        async with session_of as session:
            session.write(_greeting(encoding))
            have = Position.parse(request.headers.get("Last-Event-ID", ""))
            if have is not None:
                self._bridge.tally.count("resumes")
            self._bridge.subscribe(session, name, have, wish)
            self._bridge.beat_to(session)
            await session.over.wait()
        return response

    def _full(self, request: web.Request) -> web.Response:
        """No room. A browser's EventSource would take an error for the end of it all, so it is told to come again."""
        self._bridge.tally.trouble("refused.full", "a client was refused: there are as many as may be")
        if _EVENT_STREAM not in request.headers.get("Accept", ""):
            raise ProblemError("full", "this bridge has as many clients as it may have", Retry_After="5")
        text = f"retry: {_FULL_MS}\n: this bridge has as many clients as it may have\n\n"
        return web.Response(text=text, content_type=_EVENT_STREAM, headers={"Cache-Control": "no-store"})


class _Stream(web.StreamResponse):
    """The head of the answer. Every byte of its body is the session's, the end included."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__(headers=headers)
        self.force_close()  # the connection ends with the answer

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing: the session has said goodbye, or could not any more."""


def _greeting(encoding: Encoding) -> bytes:
    text = b"retry: %d\n\n" % RETRY_MS
    return chunk(text) if encoding is EVENT_STREAM else text
