"""What eight panels on the page cost in a real Chromium: 50 rows each, every list changing ten times a second."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from playwright.async_api import CDPSession, Page, async_playwright

from tests.bench.page import DELTAS_A_SECOND, Market, drive, heap_of, metrics_of, with_server
from tests.bench.registry import Benchmark, Figure, median
from tests.browser.conftest import FLAGS, NAMES
from tests.browser.stage import Stage, staged
from tests.support.nats import NatsServer

PANELS = 8
ROWS = 50
TOUCHED = 5  # rows with new prices in each delta
SECONDS = 60.0
_WARM_UP_SECONDS = 15.0
_HEAP_BEGINS_SECONDS = 300.0  # until the first look at the heap
_HEAP_SECONDS = 600.0  # and from there to the last one
_LOOKS = 5
_LOOK_SECONDS = 6.0
_PAINTS = 5  # loads of the page
_FIRST = """() => new Promise((done) => {
  const painted = () => requestAnimationFrame(() => done(performance.now()));
  const look = () => (globalThis.gapscan?.shown().length ? painted() : setTimeout(look, 1));
  look();
})"""


_COUNT = """() => {
  window.drawings = 0;
  document.addEventListener("gapscan:shown", () => (window.drawings += 1));
}"""


async def _eight(page: Page) -> None:
    """Eight panels, with both lists in turn."""
    for number in range(PANELS - 1):
        await page.keyboard.press("n")
        await page.keyboard.press(str(1 + number % 2))
    await page.mouse.move(2, 2)
    found = await page.evaluate("gapscan.panels().length")
    assert found == PANELS, found


async def _drive_all(stage: Stage, markets: Sequence[Market], seconds: float) -> None:
    pause = 1 / DELTAS_A_SECOND
    pairs = zip(stage.feeds.values(), markets, strict=True)
    await asyncio.gather(*(drive(feed, market, int(seconds / pause), pause) for feed, market in pairs))


async def _first_rows(page: Page, url: str) -> float:
    """Milliseconds from the start of loading to the first rows on the page: the best of a few loads."""
    found = []
    for _ in range(_PAINTS):
        await page.goto("about:blank")
        await page.goto(url)
        found.append(float(await page.evaluate(_FIRST)))
    return min(found)


async def _first_visit(page: Page, url: str) -> float:
    """The same where the browser has kept nothing of the page, nor has a process for it."""
    browser = page.context.browser
    assert browser is not None
    found = []
    for _ in range(_PAINTS):
        context = await browser.new_context(viewport=page.viewport_size)
        fresh = await context.new_page()
        await fresh.goto(url)
        found.append(float(await fresh.evaluate(_FIRST)))
        await context.close()
    return min(found)


@asynccontextmanager
async def _opened(server: NatsServer) -> AsyncIterator[tuple[Stage, Page, CDPSession, list[Market]]]:
    """A page that is not loaded yet, and both lists behind a bridge."""
    path = next(filter(None, map(shutil.which, NAMES)))
    async with staged(server) as stage, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = await browser.new_page(viewport={"width": 1600, "height": 900})
        session = await page.context.new_cdp_session(page)
        await session.send("Performance.enable", {"timeDomain": "threadTicks"})
        markets = [Market(feed, ROWS, TOUCHED) for feed in stage.feeds.values()]
        await _drive_all(stage, markets, 1.0)
        yield stage, page, session, markets
        await browser.close()


async def _run(server: NatsServer) -> Sequence[Figure]:
    async with _opened(server) as (stage, page, session, markets):
        first, visit = await _first_rows(page, stage.url), await _first_visit(page, stage.url)
        await _eight(page)
        await _drive_all(stage, markets, _WARM_UP_SECONDS)
        before, began = await metrics_of(session), time.monotonic()
        await page.evaluate(_COUNT)
        deltas = await page.evaluate("gapscan.counts().deltas")
        await _drive_all(stage, markets, SECONDS)
        after, took = await metrics_of(session), time.monotonic() - began
        deltas = (await page.evaluate("gapscan.counts().deltas") - deltas) / took
        drawings = await page.evaluate("drawings") / took
        share = {name: 100 * (after[name] - before[name]) / took for name in ("ScriptDuration", "TaskDuration")}
        return [
            Figure("panels: first rows after load", first, "ms", 300),
            Figure("panels: first rows of a first visit", visit, "ms"),
            Figure("panels: deltas applied, both lists", deltas, "/s"),
            Figure("panels: drawings, all panels", drawings, "/s"),
            Figure("panels: scripting, 8 panels of 50 rows", share["ScriptDuration"], "% of a core", 10),
            Figure("panels: main thread, drawing included", share["TaskDuration"], "% of a core", 25),
        ]


async def _settled_heap(session: CDPSession, stage: Stage, markets: Sequence[Market]) -> float:
    """MB in use, the median of a few looks: how many rows came lately is chance."""
    looks = []
    for _ in range(_LOOKS):
        await _drive_all(stage, markets, _LOOK_SECONDS)
        looks.append(await heap_of(session))
    return median(looks)


async def _run_heap(server: NatsServer) -> Sequence[Figure]:
    async with _opened(server) as (stage, page, session, markets):
        await page.goto(stage.url)
        await page.evaluate(_FIRST)
        await _eight(page)
        await _drive_all(stage, markets, _HEAP_BEGINS_SECONDS)
        first = await _settled_heap(session, stage, markets)
        nodes = (await metrics_of(session))["Nodes"]
        await _drive_all(stage, markets, _HEAP_SECONDS - _LOOKS * _LOOK_SECONDS)
        last = await _settled_heap(session, stage, markets)
        return [
            Figure("panels: heap after five minutes", first, "MB"),
            Figure("panels: heap ten minutes later", last, "MB"),
            Figure("panels: growth of the heap within them", 100 * (last / first - 1), "%", 2),
            Figure("panels: DOM nodes, more than before", (await metrics_of(session))["Nodes"] - nodes, "nodes"),
        ]


def panels_cost() -> Sequence[Figure]:
    """CPU of the page with eight panels; about one and a half minutes."""
    return with_server(_run)


def panels_heap() -> Sequence[Figure]:
    """The heap of the same page, at the market's speed; about a quarter of an hour."""
    return with_server(_run_heap)


BENCHMARKS: dict[str, Benchmark] = {"panels": panels_cost, "panels_heap": panels_heap}
