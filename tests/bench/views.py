"""What a part of every list costs on the wire beside the whole lists, over the same minute of the simulated open."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from websockets.asyncio.client import connect

from gapscan import runfile
from gapscan.protocol.websocket import Lists
from gapscan.runtime import end
from gapscan.supervisor import ports
from tests.bench.registry import Benchmark, Figure
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


BENCHMARKS: dict[str, Benchmark] = {"view-bytes": view_bytes}
