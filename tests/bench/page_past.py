"""What the past costs on the page in a real Chromium: an hour of a list's tape, dragged through and played at 60x.

What is drawn is compared with what the tape says: a figure of a page that shows something else would be worth nothing.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from playwright.async_api import CDPSession, Page, async_playwright

import gapscan
from gapscan.bus.tape import TapeLimits, TapeWriter
from gapscan.errors import BusError
from gapscan.lists.delta import checksum
from gapscan.lists.difference import diff
from gapscan.lists.recording import Recording
from gapscan.lists.state import ranked
from gapscan.protocol.messages import Delta, Snapshot
from tests.bench.page import Market, metrics_of, with_server
from tests.bench.registry import Benchmark, Figure, percentile
from tests.browser.conftest import FLAGS, NAMES
from tests.browser.stage import LIST, Stage, staged
from tests.support.nats import NatsServer

TAPE_SECONDS = 3720  # of market time on the tape: a change each second
PLAY_SECONDS = 60.0
SPEED = 60
DRAGS = 100
RETURNS = 10
_DAYS = 5 * 86_400.0
_BYTES = 1 << 30
_FRAMES = """
window.frames60 = [];
document.addEventListener("gapscan:shown", ({detail}) => {
  if (!detail.epoch.startsWith("play.")) return;
  frames60.push([gapscan.past().asOf, gapscan.shown(), gapscan.past().prices]);
});
"""
_TO_LIVE = """() => new Promise((done, fail) => {
  setTimeout(() => fail(Error("nothing was drawn")), 20_000);
  const began = performance.now();
  const look = ({detail}) => detail.epoch.startsWith("play.") || (
    document.removeEventListener("gapscan:shown", look), done(performance.now() - began));
  document.addEventListener("gapscan:shown", look);
  document.querySelector(".tl-live").click();
})"""


async def _record(stage: Stage) -> None:
    """The hour before now, written as a recorder does; then the list goes on live from its last rows."""
    market, writer, recording = (
        Market(stage.feed),
        TapeWriter(stage.bus, simulated=True),
        Recording(LIST, simulated=True),
    )
    await writer.open(TapeLimits(_DAYS, _BYTES))
    begin, rows = stage.feed.as_of() // 1000 * 1000 - TAPE_SECONDS * 1000, market.rows
    first = Snapshot(LIST, "bench", 0, begin, ranked(rows), checksum(rows), simulated=True)
    writer.append(LIST, recording.begin(first, "not_kept"))
    for second in range(1, TAPE_SECONDS):
        before, rows = rows, market.step()
        delta = Delta(
            LIST, "bench", second - 1, begin + second * 1000 - 300, diff(before, rows), len(rows), checksum(rows)
        )
        writer.append(LIST, recording.offer(delta, second)[1])
        if second % 60 == 0:
            await _store(writer)
    writer.append(LIST, recording.flush())
    await _store(writer)
    await stage.feed.publish(rows)


async def _store(writer: TapeWriter) -> None:
    """What NATS does not take in time, it takes later."""
    async with asyncio.timeout(60):
        while writer.waiting:
            with suppress(BusError):
                await writer.store()


async def _until(page: Page, expression: str, argument: Any = None) -> None:
    async with asyncio.timeout(60):
        while not await page.evaluate(expression, argument):
            await asyncio.sleep(0.01)


async def _dragged(page: Page, stage: Stage) -> list[Figure]:
    """To random moments: how long until each is drawn, and how many were wrong."""
    box = await page.locator(".tl-track").bounding_box()
    assert box is not None
    dice, took, wrong = random.Random(3), [], 0
    y = box["y"] + box["height"] / 2
    await page.mouse.move(box["x"] + 5, y)
    await page.mouse.down()
    for _ in range(DRAGS):
        began = time.perf_counter()
        await page.mouse.move(box["x"] + box["width"] * dice.uniform(0.02, 0.95), y)
        await _until(page, "gapscan.past()?.settled")
        took.append((time.perf_counter() - began) * 1000)
        when, shown = await page.evaluate("[gapscan.past().time, gapscan.shown()]")
        view = await gapscan.at(LIST, when, simulated=True, bus=stage.bus)
        wrong += shown != [row["symbol"] for row in view.rows]
    await page.mouse.up()
    return [
        Figure(f"past on the page: {DRAGS} drags, not what the tape says", wrong, "", 0),
        Figure("past on the page: from a drag to its list, p50", percentile(took, 0.5), "ms"),
    ]


async def _played(page: Page, session: CDPSession, stage: Stage) -> list[Figure]:
    await page.locator(".tl-track").focus()
    await page.keyboard.press("Home")
    await _until(page, "gapscan.past()?.settled")
    begin = await page.evaluate("gapscan.past().time")
    await page.select_option(".tl-speed", str(SPEED))
    await page.evaluate("frames60.length = 0")
    before, began = await metrics_of(session), time.monotonic()
    await page.click(".tl-play")
    await asyncio.sleep(PLAY_SECONDS)
    after, took = await metrics_of(session), time.monotonic() - began
    await page.keyboard.press("p")
    await _until(page, "gapscan.past().state === 'paused'")
    played = (await page.evaluate("gapscan.past().time") - begin) / 1000
    frames = await page.evaluate("frames60")
    share = {name: 100 * (after[name] - before[name]) / took for name in ("ScriptDuration", "TaskDuration")}
    return [
        Figure(
            f"past on the page: scripting, played at {SPEED}x, 200 rows", share["ScriptDuration"], "% of a core", 15
        ),
        Figure("past on the page: main thread, drawing included", share["TaskDuration"], "% of a core"),
        Figure("past on the page: market time in a minute of it", played / took * PLAY_SECONDS, "s"),
        Figure("past on the page: lists drawn", len(frames) / took, "/s"),
        Figure("past on the page: lists drawn that are not what the tape says", await _wrong(stage, frames), "", 0),
    ]


async def _wrong(stage: Stage, frames: list[Any]) -> int:
    wrong = 0
    for as_of, symbols, prices in frames:
        view = await gapscan.at(LIST, -(-as_of // 1000) * 1000, simulated=True, bus=stage.bus)
        wrong += symbols != [row["symbol"] for row in view.rows] or prices != [row["price"] for row in view.rows]
    return wrong


async def _returned(page: Page) -> Figure:
    """Back to what is now."""
    took = []
    for _ in range(RETURNS):
        took.append(float(await page.evaluate(_TO_LIVE)))
        await page.keyboard.press("p")
        await _until(page, "gapscan.past()?.settled")
    return Figure("past on the page: back to live, the slowest of ten", max(took), "ms", 200)


async def _run(server: NatsServer) -> Sequence[Figure]:
    path = next(filter(None, map(shutil.which, NAMES)))
    async with staged(server) as stage, async_playwright() as playwright:
        await _record(stage)
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = await browser.new_page(viewport={"width": 1400, "height": 900})
        session = await page.context.new_cdp_session(page)
        await session.send("Performance.enable", {"timeDomain": "threadTicks"})
        await page.add_init_script(_FRAMES)
        await page.goto(stage.url)
        await _until(page, "document.querySelector('.timeline') && !document.querySelector('.under > div').hidden")
        figures = [*await _dragged(page, stage), *await _played(page, session, stage), await _returned(page)]
        await browser.close()
        return figures


def page_past() -> Sequence[Figure]:
    """About two minutes."""
    return with_server(_run)


BENCHMARKS: dict[str, Benchmark] = {"page_past": page_past}
