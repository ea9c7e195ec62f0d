"""A bridge process without NATS: a list that changes by itself, as fast as it can be sent or at a fixed rate.

python -m tests.bench.fanout_server RATE [write]    changes a second; 0: whenever the last one has been sent to all;
write: with a system call for each client, whatever the system has
Prints its port.
"""

from __future__ import annotations

import asyncio
import random
import resource
import sys
import time
from collections.abc import Iterator
from itertools import cycle, islice

from gapscan.bridge.broadcast import open_writer
from gapscan.bridge.connection_gate import open_socket
from gapscan.bridge.history import ListStatus, Position
from gapscan.bridge.http import serving
from gapscan.bridge.server import BridgeServer
from gapscan.bridge.service import Bridge
from gapscan.config import BridgeSection, Config
from gapscan.protocol.messages import Row
from gapscan.protocol.websocket import ListInfo
from gapscan.runtime import run, until_stopped

LIST = "winners"
ROWS = 200
STATES = 1000
CHANGED = 6  # rows a step: frames of about 1.2 kB


def some_row(number: int) -> Row:
    return Row(
        symbol=f"S{number:03}", name=f"Some Company Number {number} Inc. Common Stock", exchange="XNAS", type="CS",
        price=100.0, prev_close=99.0, open=99.5, high=101.0, low=98.5, vwap=100.1, change_percent=1.01,
        gap_percent=0.5, change_from_open_percent=0.5, from_high_percent=-1.0, volume=1_000_000,
        dollar_volume=100_000_000, average_volume=5_000_000, rvol=2.0, price_time=1_795_364_569_000,
        as_of=1_795_364_569_000, session="regular", gap_indicative=False, split_today=False, stale=False, source="bar",
    )  # fmt: skip


def states() -> Iterator[list[Row]]:
    """The list, as it changes at the rate of nature: some rows' cells, now and then a place."""
    dice = random.Random(7)
    rows = [some_row(number) for number in range(ROWS)]
    step = 0
    while True:
        yield rows
        step += 1
        rows = list(rows)
        for at in dice.sample(range(ROWS), CHANGED):
            changed = {"price": round(dice.uniform(90, 110), 2), "volume": dice.randint(1_000_000, 2_000_000)}
            changed |= {"change_percent": round(dice.uniform(0, 9), 2), "dollar_volume": 10**8 + step, "rvol": 2.5}
            rows[at] = Row(**{**rows[at], **changed, "price_time": 1_795_364_569_000 + step})  # type: ignore[typeddict-item]
        if step % 3 == 0:
            rows.insert(dice.randrange(ROWS), rows.pop(dice.randrange(ROWS)))


def there_and_back(number: int) -> Iterator[list[Row]]:
    """The first so many states, made beforehand: making them is no part of what is measured."""
    made = list(islice(states(), number))
    return cycle(made + made[-2:0:-1])


class Driver:
    """Changes the list."""

    def __init__(self, bridge: BridgeServer) -> None:
        self._bridge = bridge
        self._states = enumerate(there_and_back(STATES))

    def step(self) -> None:
        sequence, rows = next(self._states)
        # Microseconds, so that clients can tell how long a change took to reach them.
        now = time.time_ns() // 1000
        self._bridge.put(LIST, Position("bench", sequence), now, rows, ListStatus(now, "live", True))

    async def at_rate(self, rate: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            self.step()
            due += 1 / rate
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def flat_out(self) -> None:
        """The next change once all have the last one: no frame is saved by leaving changes out."""
        while True:
            if not self._bridge.lagging:
                self.step()
                self._bridge.flush(LIST)
            self._bridge.retry()
            await asyncio.sleep(0)


async def main(stop: asyncio.Event) -> None:
    rate = float(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with open_writer(io_uring="write" not in sys.argv) as writer:
        await _serve(Bridge(Config(bridge=BridgeSection(clients=100_000)), writer), rate, stop)


async def _serve(service: Bridge, rate: float, stop: asyncio.Event) -> None:
    bridge = service.bridge
    bridge.define([ListInfo(LIST, "", [], [], ROWS)])
    listening = open_socket("127.0.0.1", 0)
    async with serving(listening, bridge, service.policy()):
        print(listening.getsockname()[1], flush=True)
        driver = Driver(bridge)
        await until_stopped(stop, *([driver.at_rate(rate), bridge.run()] if rate else [driver.flat_out()]))


if __name__ == "__main__":
    run(main)
