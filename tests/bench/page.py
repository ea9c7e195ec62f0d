"""What the page costs in a real Chromium: 200 rows that change ten times a second."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from playwright.async_api import CDPSession, Page, async_playwright

from gapscan.protocol.messages import Row
from tests.bench.registry import Benchmark, Figure
from tests.browser.conftest import FLAGS, NAMES
from tests.browser.stage import Feed, Stage, staged
from tests.support.nats import NatsServer

ROWS = 200
TOUCHED = 20  # rows with new prices in each delta
SECONDS = 60.0
DELTAS_A_SECOND = 10
HEAP_DELTAS = 6000  # ten minutes' worth, sent five times as fast
HEAP_SPEED = 5
_WARM_UP_DELTAS = 300


class Clock(Protocol):
    """Market time."""

    def as_of(self) -> int: ...


class Market:
    """A list as it is before the open: prices move, ranks change, a symbol comes or goes now and then."""

    def __init__(self, clock: Clock, rows: int = ROWS, touched: int = TOUCHED) -> None:
        self.clock = clock
        self._touched = touched
        self._dice = random.Random(1)
        self._count = 0
        self.rows = self._ranked([self._newcomer() for _ in range(rows)])

    def _newcomer(self) -> Row:
        self._count += 1
        dice = self._dice
        price, gap = round(dice.lognormvariate(2.5, 1.0), 2), round(2 + abs(dice.gauss(0, 9)), 2)
        row: dict[str, Any] = {
            "symbol": f"T{self._count % 3000}",
            "name": f"Company {self._count} Inc.",
            "price": price,
            "prev_close": price,
            "change_percent": gap,
            "gap_percent": gap,
            "change_from_open_percent": 0.0,
            "from_high_percent": -1.0,
            "volume": dice.randint(10**5, 10**7),
            "dollar_volume": dice.randint(10**6, 10**8),
            "rvol": round(dice.lognormvariate(1, 0.6), 2),
            "price_time": self.clock.as_of(),
            "gap_indicative": True,
            "stale": False,
            "source": "bar",
        }
        return cast(Row, row)

    @staticmethod
    def _ranked(rows: list[Row]) -> list[Row]:
        return sorted(rows, key=lambda row: -(row["gap_percent"] or 0))

    def step(self) -> list[Row]:
        """The list a tenth of a second later."""
        rows, dice = list(self.rows), self._dice
        for at in dice.sample(range(len(rows)), self._touched):
            rows[at] = self._traded(rows[at])
        if dice.random() < 0.1:
            rows[dice.randrange(len(rows))] = self._newcomer()
        self.rows = self._ranked(rows)
        return self.rows

    def _traded(self, row: Row) -> Row:
        move = self._dice.gauss(0, 0.2)
        changed: dict[str, Any] = {
            "price": max(0.01, round((row["price"] or 1) * (1 + move / 100), 2)),
            "change_percent": round((row["change_percent"] or 0) + move, 2),
            "gap_percent": round((row["gap_percent"] or 0) + move, 2),
            "volume": (row["volume"] or 0) + self._dice.randint(100, 5000),
            "price_time": self.clock.as_of(),
        }
        return cast(Row, {**row, **changed})


async def drive(feed: Feed, market: Market, deltas: int, pause: float) -> None:
    """Publish `deltas` deltas, one each `pause` seconds as far as the machine allows."""
    due = time.monotonic()
    for _ in range(deltas):
        await feed.publish(market.step())
        feed.truth.clear()
        due += pause
        await asyncio.sleep(max(0.0, due - time.monotonic()))


async def metrics_of(session: CDPSession) -> dict[str, float]:
    answer = await session.send("Performance.getMetrics")
    return {entry["name"]: entry["value"] for entry in answer["metrics"]}


async def heap_of(session: CDPSession) -> float:
    """MB that are in use after a garbage collection."""
    for _ in range(3):
        await session.send("HeapProfiler.collectGarbage")
    return (await metrics_of(session))["JSHeapUsedSize"] / 1e6


async def _shown(page: Page, feed: Feed) -> None:
    while await page.evaluate("gapscan.copy(gapscan.list())?.sequence ?? 0") < feed.publisher.sequence:
        await asyncio.sleep(0.05)


async def _cpu(page: Page, session: CDPSession, feed: Feed, market: Market) -> list[Figure]:
    before, began = await metrics_of(session), time.monotonic()
    counts = await page.evaluate("gapscan.counts().deltas")
    await drive(feed, market, int(SECONDS * DELTAS_A_SECOND), 1 / DELTAS_A_SECOND)
    after, took = await metrics_of(session), time.monotonic() - began
    deltas = (await page.evaluate("gapscan.counts().deltas") - counts) / took
    share = {name: 100 * (after[name] - before[name]) / took for name in ("ScriptDuration", "TaskDuration")}
    return [
        Figure("page: deltas applied", deltas, "/s"),
        Figure("page: scripting, 200 rows, 10 deltas/s", share["ScriptDuration"], "% of a core", 10),
        Figure("page: main thread, drawing included", share["TaskDuration"], "% of a core"),
    ]


async def _growth(page: Page, session: CDPSession, stage: Stage, market: Market) -> list[Figure]:
    """Ten minutes of market time; what only fills up to its limit (trends, log) has time to in the first half."""
    feed = stage.feed
    await stage.close()
    await stage.open(window=0.01)
    feed.rate = HEAP_SPEED
    heaps = []
    for _ in range(2):
        await drive(feed, market, HEAP_DELTAS // 2, 1 / (DELTAS_A_SECOND * HEAP_SPEED))
        await _shown(page, feed)
        heaps.append(await heap_of(session))
    nodes = (await metrics_of(session))["Nodes"]
    return [
        Figure("page: heap after 10 market minutes", heaps[1], "MB"),
        Figure("page: heap growth, minutes 5 to 10", heaps[1] - heaps[0], "MB", 0.5),
        Figure("page: DOM nodes", nodes, "nodes"),
    ]


async def _run(server: NatsServer) -> Sequence[Figure]:
    path = next(filter(None, map(shutil.which, NAMES)))
    async with staged(server) as stage, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = await browser.new_page(viewport={"width": 1400, "height": 900})
        session = await page.context.new_cdp_session(page)
        await session.send("Performance.enable", {"timeDomain": "threadTicks"})
        market = Market(stage.feed)
        await page.goto(stage.url)
        await drive(stage.feed, market, _WARM_UP_DELTAS, 1 / DELTAS_A_SECOND)
        figures = await _cpu(page, session, stage.feed, market)
        figures += await _growth(page, session, stage, market)
        await browser.close()
        return figures


def with_server(run: Callable[[NatsServer], Coroutine[Any, Any, Sequence[Figure]]]) -> Sequence[Figure]:
    """What `run` measures on a NATS server of its own."""
    with tempfile.TemporaryDirectory() as directory:
        server = NatsServer(Path(directory))
        server.start()
        try:
            return asyncio.run(run(server))
        finally:
            server.close()


def page_cost() -> Sequence[Figure]:
    """CPU and heap of the page; about three and a half minutes."""
    return with_server(_run)


BENCHMARKS: dict[str, Benchmark] = {"page": page_cost}
