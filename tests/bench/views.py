"""What a part of every list costs on the wire beside the whole lists, over the same minute of the simulated open."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from websockets.asyncio.client import connect

from gapscan import runfile
from gapscan.bridge.encodings import WEBSOCKET, WEBSOCKET_DEFLATED
from gapscan.lists.delta import checksum
from gapscan.lists.difference import diff
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import Delta
from gapscan.protocol.websocket import Lists
from gapscan.runtime import end
from gapscan.supervisor import ports
from tests.bench.page import Market
from tests.bench.registry import Benchmark, Figure, Timing, median
from tests.support.answers import decode_answer
from tests.support.up import RunningSet, running_set

LIMIT = 20
# What the page's layout for phones is made of, and asks for.
FIELDS = (
    "name", "price", "halt", "split_today", "stale", "gap_percent", "change_percent", "volume", "rvol", "float_shares",
)  # fmt: skip
SETTLING_SECONDS = 20.0  # for the lists to fill, and all snapshots to be sent
SECONDS = 60.0
PATIENCE = 30.0


class Reader:
    """A client of every list, and the bytes of its messages."""

    def __init__(self, url: str, wish: dict[str, object]) -> None:
        self.bytes = 0
        self.lists = 0
        self._url = url
        self._wish = wish

    async def read(self) -> None:
        async with connect(self._url, compression=None, proxy=None, max_size=None) as ws:
            while True:
                payload = await ws.recv(decode=False)
                self.bytes += len(payload)
                message = decode_answer(payload)
                if isinstance(message, Lists):
                    self.lists = len(message.lists)
                    wanted = [{"list": info.name, **self._wish} for info in message.lists]
                    await ws.send(json.dumps({"action": "subscribe", "lists": wanted}))


def _bridge_of(running: RunningSet) -> tuple[int, str]:
    """Its port, and the WebSocket's URL."""
    found = runfile.read(running.data)
    assert found is not None
    assert found.http_url is not None
    port = urlsplit(found.http_url).port
    assert port is not None
    return port, f"ws://127.0.0.1:{port}/ws"


async def _bytes() -> Sequence[Figure]:
    with tempfile.TemporaryDirectory() as directory:
        async with running_set(Path(directory), symbols=11_000, start="09:31", speed=1.0) as running:
            port, url = _bridge_of(running)
            await ports.listening(port, PATIENCE)
            whole, part = Reader(url, {}), Reader(url, {"limit": LIMIT, "fields": FIELDS})
            tasks = [asyncio.create_task(reader.read()) for reader in (whole, part)]
            await asyncio.sleep(SETTLING_SECONDS)
            before = whole.bytes, part.bytes
            await asyncio.sleep(SECONDS)
            spent = whole.bytes - before[0], part.bytes - before[1]
            assert not any(task.done() for task in tasks)
            await end(*tasks)
    what = f"first {LIMIT} rows, {len(FIELDS)} fields of {part.lists} lists"
    rates = [each / SECONDS / 1000 for each in spent]
    return [
        Figure(f"{what}: of the whole lists' bytes", 100 * spent[1] / spent[0], "%", 18, "the open, the same minute"),
        Figure(f"{what}: bytes", rates[1], "kB/s", 20, f"whole lists {rates[0]:.0f} kB/s"),
    ]


def view_bytes() -> Sequence[Figure]:
    """Two clients of one bridge of `gapscan up`."""
    return asyncio.run(_bytes())


class _Clock:
    """Market time, a few milliseconds on with each look."""

    def __init__(self) -> None:
        self._now = 1_795_357_800_000

    def as_of(self) -> int:
        self._now += 5
        return self._now


def _deltas(rows: int, touched: int) -> list[bytes]:
    """Half a minute of a list that changes ten times a second."""
    market = Market(_Clock(), rows, touched)
    before, found = market.rows, []
    for sequence in range(300):
        after = market.step()
        as_of, changes = market.clock.as_of(), diff(before, after)
        delta = Delta("movers", "e1", sequence, as_of, changes, len(after), checksum(after), sequence=sequence + 1)
        found.append(encode(delta))
        before = after
    return found


def compression() -> Iterator[Figure]:
    """What a delta becomes that is compressed by itself, once for all clients."""
    for rows, touched in ((200, 20), (50, 5)):
        messages = _deltas(rows, touched)
        timing, sent = Timing(), 0
        for message in messages:
            timing.measure(partial(WEBSOCKET_DEFLATED.message, message, ""))
            sent += len(WEBSOCKET_DEFLATED.message(message, ""))
        plain = sum(len(WEBSOCKET.message(message, "")) for message in messages)
        what = f"compressed deltas of {rows} rows, {touched} of them touched"
        reference = f"{plain / len(messages):,.0f} B as they are"
        yield Figure(f"{what}: of their bytes", 100 * sent / plain, "%", 40, reference)
        yield Figure(f"{what}: CPU, once for all clients", 1000 * median(timing.wall), "us")


def _compression() -> Sequence[Figure]:
    return [*compression()]


BENCHMARKS: dict[str, Benchmark] = {"view-bytes": view_bytes, "compression": _compression}
