"""A recording of the provider played again: the answers and frames that came then, as raw as they came."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

import msgspec
from aiohttp import WSMsgType, web

from gapscan.errors import ConfigError, DataError
from gapscan.polygon.recording import SNAPSHOT, STATUS, Record, path_of, read_records, recorded_files
from gapscan.sim import control
from gapscan.sim.clock import Clock
from gapscan.sim.events import status_frame
from gapscan.sim.replies import standard_error

Pace = Literal["clock", "requests"]

_LIKE: Final = 10_000  # subscriptions of one message that are answered
_STATUS_FRAME: Final = b'[{"ev":"status"'


class Recording:
    """The records of a directory: all of the reference data, and what came live, one after the other.

    Raises DataError for a directory without a snapshot.
    """

    def __init__(self, directory: Path) -> None:
        live, reference = (recorded_files(directory, kind) for kind in ("live", "reference"))
        if not live:
            raise DataError(f"{directory} has no recording", remedy="name a directory that `gapscan record` filled")
        self._of: dict[str, list[Record]] = {}
        for path in reference:
            for record in read_records(path):
                self._of.setdefault(record.path, []).append(record)
        self._live: Iterator[Record] = chain.from_iterable(map(read_records, live))
        self._ahead: deque[Record] = deque()  # read, and not taken yet
        self._latest: dict[str, Record] = {}
        if self.next is None:
            raise DataError(f"{directory} has a recording of nothing")
        self.began = self.next.at

    @property
    def next(self) -> Record | None:
        """The live record that comes next."""
        return next(self._coming(), None)

    def _coming(self) -> Iterator[Record]:
        """All that comes, without taking it: what is read on the way waits in memory."""
        yield from self._ahead
        for record in self._live:
            self._ahead.append(record)
            yield record

    def take(self) -> Record | None:
        """The next live record, which counts from now on; None at the end."""
        record = self.next
        if record is not None:
            self._ahead.popleft()
            if record.path:
                self._latest[_question(record)] = record
        return record

    def status_ahead(self) -> bytes | None:
        """The market status that goes with the next snapshot, the one that came nearest to it; None without one.

        Who asks for the two at once hears either first, and some ask for the status more often: before each snapshot
        and after it, or to see whether there is an answer.
        """
        statuses, snapshot = [self._latest[STATUS]] if STATUS in self._latest else [], None
        for record in self._coming():
            question = _question(record)
            if snapshot is not None and question in (SNAPSHOT, STATUS):
                statuses += [record] * (question == STATUS)
                break
            if question == STATUS:
                statuses.append(record)
            elif question == SNAPSHOT:
                snapshot = record
        if snapshot is None or not statuses:
            return None
        at = snapshot.at
        return min(statuses, key=lambda status: abs(status.at - at)).body

    def latest(self, path: str) -> bytes | None:
        """The newest answer of what scans ask for."""
        return self._latest[path].body if path in self._latest else None

    def reference(self, path: str, now: int) -> bytes | None:
        """The answer of other paths as it was at a moment, or the first that there is; None without any."""
        records = self._of.get(path, [])
        past = [record for record in records if record.at <= now]
        return (past[-1] if past else records[0]).body if records else None


def _question(record: Record) -> str:
    """What was asked for; nothing, of a frame."""
    return record.path.partition("?")[0]


class RecordedServer:
    """Plays a recording on one port, with Polygon's protocols.

    By `clock`, everything comes when it came then; by `requests`, a scan gets the next snapshot that there is, the
    status that went with it, and what came before that over the stream: as fast as the set asks. At the end the last
    answers stay.
    """

    def __init__(
        self, recording: Recording, clock: Clock, pace: Pace = "clock", host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.recording = recording
        self.clock = clock
        self.host, self.port = host, port
        self._pace = pace
        self._sockets: set[web.WebSocketResponse] = set()
        self._lock = asyncio.Lock()
        # By requests, a scan asks for a snapshot and a status, at once: which comes first is chance. So what asks for a
        # status after both is taken for the next scan: nothing tells it from one request too many. Of who asks for
        # the snapshot first, scans after one too many have the status of the next one, until one asks for that first.
        self._early = False  # whether the status of the next snapshot was given
        self._late: bytes | None = None  # the status of the last snapshot, until it is asked for
        self._status: bytes | None = None  # that was given last
        self._pump: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Base of the REST interface."""
        return f"http://{self.ws_feed}"

    @property
    def ws_feed(self) -> str:
        """Where the stream is."""
        return f"{self.host}:{self.port}"

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_get("/stocks", self._stream)
        application.router.add_get("/sim/status", self._describe)
        application.router.add_get("/{path:.*}", self._answer)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self.host, self.port).start()
        except OSError as failure:
            await self._runner.cleanup()
            where = f"cannot listen on {self.host} port {self.port}: {failure.strerror}"
            raise ConfigError(where, remedy="choose a free port, or 0") from failure
        self.port = self._runner.addresses[0][1]
        if self._pace == "clock":
            self._pump = asyncio.create_task(self._play(), name="recording")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pump:
            self._pump.cancel()
            await asyncio.wait((self._pump,))
        for socket in list(self._sockets):
            await socket.close()
        await self._runner.cleanup()

    @property
    def listeners(self) -> int:
        """Sessions of the stream that get its frames."""
        return len(self._sockets)

    async def serve_forever(self) -> None:
        """Wait until the caller cancels."""
        await asyncio.Event().wait()

    async def _play(self) -> None:
        while (record := self.recording.next) is not None:
            await self.clock.sleep_until(record.at)
            await self.advance()

    async def advance(self) -> None:
        """Play all that came until now, by the clock."""
        async with self._lock:
            while self.recording.next is not None and self.recording.next.at <= self.clock.now():
                await self._send(self.recording.take())

    async def _present(self, path: str) -> bytes | None:
        await self.advance()
        return self.recording.latest(path)

    async def _next(self, path: str) -> bytes | None:
        """The answer of the next scan; at the end, the last one for ever."""
        async with self._lock:
            return await self._next_snapshot() if path == SNAPSHOT else self._next_status()

    async def _next_snapshot(self) -> bytes | None:
        """The next one, when all that came before it was played."""
        self._late, self._early = None if self._early else self.recording.status_ahead(), False
        while (record := self.recording.take()) is not None and _question(record) != SNAPSHOT:
            await self._send(record)
        return self.recording.latest(SNAPSHOT)

    def _next_status(self) -> bytes | None:
        """That of the last snapshot, unless it was asked for: then of the next one."""
        if self._late is not None:
            self._status, self._late = self._late, None
        elif (status := self.recording.status_ahead()) is not None:
            self._status, self._early = status, True
        return self._status

    async def _send(self, record: Record | None) -> None:
        if record is None or record.path or record.body.startswith(_STATUS_FRAME):
            return
        for socket in list(self._sockets):
            with suppress(ConnectionError):
                await socket.send_str(record.body.decode())

    async def _answer(self, request: web.Request) -> web.Response:
        path = request.path
        if path in (SNAPSHOT, STATUS):
            body = await (self._next(path) if self._pace == "requests" else self._present(path))
        else:
            body = self.recording.reference(path_of(str(request.rel_url)), self.clock.now())
        if body is None:
            status, body = standard_error(404)
            return web.Response(status=status, body=body, content_type="application/json")
        return web.Response(body=body, content_type="application/json")

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        await socket.send_bytes(status_frame("connected", "Connected Successfully"))
        try:
            async for message in socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    await self._command(socket, message.data)
        finally:
            self._sockets.discard(socket)
        return socket

    async def _command(self, socket: web.WebSocketResponse, data: str | bytes) -> None:
        """Whatever is asked for is granted: what comes is what came then."""
        try:
            command = msgspec.json.decode(data, type=dict[str, str])
        except msgspec.MsgspecError:
            await socket.send_bytes(status_frame("error", "not a command"))
            return
        if command.get("action") == "auth":
            await socket.send_bytes(status_frame("auth_success", "authenticated"))
            self._sockets.add(socket)
            return
        verb = "subscribed to" if command.get("action") == "subscribe" else "unsubscribed to"
        for topic in command.get("params", "").split(",")[:_LIKE]:
            await socket.send_bytes(status_frame("success", f"{verb}: {topic}"))

    async def _describe(self, request: web.Request) -> web.Response:
        control.require_loopback(request)
        state: dict[str, Any] = {"simulated": True, "market_time": self.clock.now(), "speed": self.clock.speed}
        return web.json_response(state | {"ended": self.recording.next is None})
