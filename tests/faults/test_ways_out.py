"""A WebSocket, an event stream and plain requests, while what stands behind them is killed: every row shown is exact.

Each client does what docs/protocol.md says, no more: it comes again after a while, with what it has. For WAYS_SECONDS
(20) bridge, ranker and nats-server are killed in turn.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
import pytest
from websockets.asyncio.client import connect as connect_websocket
from websockets.exceptions import WebSocketException

from gapscan import runfile
from gapscan.bus.client import connect
from gapscan.bus.direct_get import get_from
from gapscan.lists.state import Copy, Fit, unranked
from gapscan.lists.wish import Wish
from gapscan.protocol import codec, names
from gapscan.protocol.api import ListAnswer
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import Delta, RankedRow, Row, Snapshot
from gapscan.runtime import end
from tests.support.event_client import EventClient
from tests.support.until import PATIENCE, until
from tests.support.up import RunningSet, running_set

pytestmark = pytest.mark.timeout(float(os.environ.get("WAYS_SECONDS", 20)) + 180)

LIST: Final = "most_active"
WISH: Final = Wish.of(15, ["price", "volume", "change_percent", "name"])
QUERY: Final = f"limit={WISH.limit}&fields={','.join(WISH.fields or ())}"
AGAIN: Final = 0.2  # seconds until a client comes again
Steps = list[tuple[str, int, list[Row]]]


class WebSocketClient:
    """Subscribes to a part of a list, and resumes."""

    def __init__(self, port: int) -> None:
        self.steps: Steps = []
        self.snapshots = 0
        self._url = f"ws://127.0.0.1:{port}/ws"
        self._copy = Copy()

    async def run(self) -> None:
        async with connect_websocket(self._url, compression=None, proxy=None, open_timeout=5) as ws:
            have = {"epoch": self._copy.epoch, "last_sequence": self._copy.sequence} if self._copy.epoch else {}
            wanted = {"list": LIST, "limit": WISH.limit, "fields": WISH.fields, **have}
            await ws.send(json.dumps({"action": "subscribe", "lists": [wanted]}))
            while True:
                async with asyncio.timeout(5):  # heartbeats come every second
                    text = await ws.recv()
                if json.loads(text)["type"] in ("snapshot", "delta"):
                    self._take(codec.decode(str(text).encode()))

    def _take(self, message: object) -> None:
        if isinstance(message, Snapshot):
            self._copy.load(message)
            self.snapshots += 1
        elif isinstance(message, Delta) and message.changes:
            assert isinstance(message.sequence, int)
            assert self._copy.apply(message, message.sequence) is Fit.APPLIED
        self.steps.append((self._copy.epoch, self._copy.sequence, self._copy.rows))


class Poller:
    """Asks for a part of a list, with the ETag of what it has."""

    def __init__(self, port: int) -> None:
        self.steps: Steps = []
        self.unchanged = 0
        self._port = port
        self._etag = '"none"'

    async def run(self) -> None:
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            head = f"GET /api/lists/{LIST}?{QUERY} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nConnection: close\r\n"
            writer.write(f"{head}If-None-Match: {self._etag}\r\n\r\n".encode())
            async with asyncio.timeout(10):
                answer, _, body = (await reader.read()).partition(b"\r\n\r\n")
            writer.close()
            if answer:
                self._take(answer.decode(), body)
            await asyncio.sleep(0.05)

    def _take(self, head: str, body: bytes) -> None:
        status = int(head.split()[1])
        assert status in (200, 304, 503), head
        self.unchanged += status == 304
        if status == 200:
            self._etag = next(line[6:] for line in head.splitlines() if line.startswith("ETag: "))
            answer = msgspec.json.decode(body, type=ListAnswer)
            self.steps.append((answer.epoch, answer.sequence, _rows(answer.rows)))


def _rows(ranked_rows: list[RankedRow]) -> list[Row]:
    return unranked(Snapshot(LIST, "", 0, 0, ranked_rows, 0))


async def _for_ever(attempt: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """A client comes again, whatever became of its connection."""
    while True:
        with suppress(OSError, WebSocketException, TimeoutError, asyncio.IncompleteReadError):
            await attempt()
        await asyncio.sleep(AGAIN)


async def _truth(up: RunningSet) -> tuple[str, dict[int, list[Row]]]:
    """The epoch, and the part of the list at every sequence, by the stored deltas."""
    async with connect(up.nats, "check") as bus:
        stored = await get_from(bus, names.DEFAULT.list_stream(LIST), 1, 1_000_000)
    copy, rows = Copy(), {0: list[Row]()}
    for message in stored:
        delta = decode_as(Delta, message.data)
        copy.epoch = delta.epoch
        assert copy.apply(delta, message.sequence) is Fit.APPLIED
        rows[message.sequence] = WISH.rows(copy.rows)
    return copy.epoch, rows


async def _known(port: int) -> None:
    """Wait until the bridge has the list: a ranker that starts defines them one by one."""
    async with aiohttp.ClientSession() as client, asyncio.timeout(PATIENCE):
        while True:
            with suppress(aiohttp.ClientError):
                async with client.get(f"http://127.0.0.1:{port}/api/lists/{LIST}") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.1)


def _port(up: RunningSet) -> int:
    found = runfile.read(up.data)
    assert found is not None
    assert found.http_url is not None
    return int(found.http_url.rstrip("/").rpartition(":")[2])


async def test_every_way_out_stays_exact(tmp_path: Path) -> None:
    kept = {"GAPSCAN_NATS_DELTA_MAX_AGE": "3600"}
    async with running_set(tmp_path, symbols=400, start="09:31", speed=20, **kept) as up:
        port = _port(up)
        await _known(port)
        socket, poller = WebSocketClient(port), Poller(port)
        events = EventClient(port, f"/api/lists/{LIST}/stream?{QUERY}")
        clients: dict[str, Steps] = {"websocket": socket.steps, "events": events.steps, "http": poller.steps}
        tasks = [asyncio.create_task(_for_ever(each)) for each in (socket.run, events.read, poller.run)]
        await until(lambda: all(clients.values()), "rows on every way")
        ends, victims = (
            time.monotonic() + float(os.environ.get("WAYS_SECONDS", 20)),
            cycle(["bridge", "ranker", "nats"]),
        )
        killed = 0
        while time.monotonic() < ends or killed < 3:
            victim = next(victims)
            pid, seen = up.pid(victim), {way: len(steps) for way, steps in clients.items()}
            os.kill(pid, signal.SIGKILL)
            killed += 1
            await up.replaced(victim, pid)
            await until(lambda: all(len(clients[way]) > seen[way] + 1 for way in clients), f"more after {victim}")  # noqa: B023
        assert not [task for task in tasks if task.done()], [task.exception() for task in tasks if task.done()]
        await end(*tasks)
        epoch, rows = await _truth(up)
    for way, steps in clients.items():
        for each, sequence, shown in steps:
            assert (each, shown) == (epoch, rows[sequence]), (way, sequence)
        sequences = [sequence for _, sequence, _ in steps]
        assert way == "http" or sequences == sorted(sequences), way
