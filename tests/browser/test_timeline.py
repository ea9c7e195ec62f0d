"""The timeline under a list: every moment of it is what the tape says, and the past is never taken for now."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import FloatRect

import gapscan
from gapscan.bus.client import BusOptions
from gapscan.client.tape_reader import TapeReader
from gapscan.market.sessions import new_york
from tests.browser.stage import LIST, Stage
from tests.browser.watching import Watched
from tests.support.tape import recording
from tests.support.until import until

RATE = 60.0  # of market time, while it is recorded
MINUTES = 4
DRAGS = 100

# Remembers every frame of the past that was drawn, with the time that the page said of it.
_RECORDER = """
window.past = [];
document.addEventListener("gapscan:shown", ({detail}) => {
  if (!detail.epoch.startsWith("play.")) return;
  window.past.push({...detail, asOf: gapscan.past().asOf, symbols: gapscan.shown(), prices: gapscan.past().prices});
});
"""


@asynccontextmanager
async def recorded(stage: Stage) -> AsyncIterator[None]:
    """Some minutes of a list on the tape, which goes on being written."""
    dice = random.Random(9)
    feed = stage.feed
    set_rate(stage, RATE)
    try:
        async with recording(BusOptions(stage.nats.url)):
            began = feed.as_of()
            await feed.shuffle(dice, 12)
            while feed.as_of() < began + MINUTES * 60_000:
                await feed.shuffle(dice)
                await asyncio.sleep(0.05)
            set_rate(stage, 1.0)
            await until(lambda: _end(stage, began + (MINUTES - 1) * 60_000), "the tape")
            yield
    finally:
        set_rate(stage, 1.0)


def set_rate(stage: Stage, rate: float) -> None:
    """All lists have one market's time."""
    for feed in stage.feeds.values():
        feed.as_of()
        feed.rate = rate


async def _end(stage: Stage, least: int) -> bool:
    try:
        return await (await TapeReader.open(stage.bus, LIST, simulated=True)).end() >= least
    except gapscan.UnknownListError:
        return False


async def _opened(watched: Watched, address: str = "") -> None:
    await watched.page.add_init_script(_RECORDER)
    await watched.open(address)
    await watched.until("document.querySelector('.timeline') && !document.querySelector('.under > div').hidden")


async def _said(stage: Stage, when: int) -> list[str]:
    view = await gapscan.at(LIST, when, simulated=True, bus=stage.bus)
    return [row["symbol"] for row in view.rows]


async def _time(watched: Watched) -> int:
    return int(await watched.value("gapscan.past()?.time ?? 0"))


async def _box(watched: Watched) -> FloatRect:
    box = await watched.page.locator(".tl-track").bounding_box()
    assert box is not None
    return box


async def test_wherever_it_is_dragged_it_shows_what_stood_there(watched: Watched, stage: Stage) -> None:
    async with recorded(stage):
        await _opened(watched)
        box, mouse, dice = await _box(watched), watched.page.mouse, random.Random(3)
        y = box["y"] + box["height"] / 2
        await mouse.move(box["x"] + 5, y)
        await mouse.down()
        wrong: list[Any] = []
        for _ in range(DRAGS):
            await mouse.move(box["x"] + box["width"] * dice.uniform(0.02, 0.95), y)
            await watched.until("gapscan.past()?.settled")
            shown = await watched.value("[gapscan.past().time, gapscan.shown()]")
            if shown[1] != await _said(stage, shown[0]):
                wrong.append(shown[0])
        await mouse.up()
        assert wrong == []
        assert await watched.page.locator(".past-banner").is_visible()
        assert (await watched.status())["word"].startswith("Past ")
        assert (await watched.page.title()).startswith("Past ")
        await _back_to_live(watched, stage)


async def _back_to_live(watched: Watched, stage: Stage) -> None:
    """With the next frame: what is live is here, and is not asked for."""
    snapshots = (await watched.counts())["snapshots"]
    past, live = await watched.value(
        """() => {
          document.querySelector(".tl-live").click();
          const past = gapscan.past();
          return new Promise((done) => requestAnimationFrame(() => done([past, gapscan.shown()])));
        }"""
    )
    assert past is None
    assert live == [row["symbol"] for row in stage.feed.publisher.rows]
    assert (await watched.counts())["snapshots"] == snapshots
    assert not await watched.page.locator(".past-banner").is_visible()
    sequence = await stage.feed.shuffle(random.Random(4))
    await watched.until("(sequence) => gapscan.copy('gappers_up').sequence === sequence", sequence)
    truth = [row["symbol"] for row in stage.feed.truth[sequence]]
    await watched.until("(truth) => gapscan.shown().join() === truth.join()", truth)


async def test_every_frame_of_a_play_is_what_stood_there(watched: Watched, stage: Stage) -> None:
    async with recorded(stage):
        await _opened(watched)
        page = watched.page
        await page.locator(".tl-track").focus()
        await page.keyboard.press("Home")
        await watched.until("gapscan.past()?.settled")
        begin = await _time(watched)
        await page.select_option(".tl-speed", "60")
        await page.click(".tl-play")
        await watched.until("(end) => gapscan.past().time > end", begin + 120_000)
        await page.keyboard.press("p")
        await watched.until("gapscan.past().state === 'paused'")
        frames = await watched.value("past")
        assert len(frames) > 10
        for frame in frames:
            view = await gapscan.at(LIST, -(-frame["asOf"] // 1000) * 1000, simulated=True, bus=stage.bus)
            assert frame["symbols"] == [row["symbol"] for row in view.rows]
            assert frame["prices"] == [row["price"] for row in view.rows]
        await page.keyboard.press("l")
        await watched.until("gapscan.past() === null")


# The browser has no frame from now on until oneFrame().
_HOLD_FRAMES = """() => {
  const due = [];
  window.requestAnimationFrame = (draw) => due.push(draw);
  window.oneFrame = () => due.splice(0).forEach((draw) => draw(performance.now()));
}"""
_GO_ON = """() => {
  const slider = document.querySelector(".tl-track");
  slider.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true, cancelable: true }));
  oneFrame();
  return gapscan.past();
}"""


async def test_a_moment_is_not_settled_while_another_is_asked_for(watched: Watched, stage: Stage) -> None:
    async with recorded(stage):
        await _opened(watched)
        await watched.page.locator(".tl-track").focus()
        await watched.page.keyboard.press("Home")
        await watched.until("gapscan.past()?.settled")
        there = await _time(watched)
        await watched.value(_HOLD_FRAMES)
        await watched.page.keyboard.press("ArrowRight")
        await watched.until("(time) => gapscan.past().time === time", there + 1000)  # it came, and is not drawn
        past = await watched.value(_GO_ON)
        assert (past["time"], past["settled"]) == (there + 1000, False)
        settled = "gapscan.past().settled && gapscan.past().time === time"
        await watched.until(f"(time) => oneFrame() ?? ({settled})", there + 2000)


async def test_a_link_to_a_moment(watched: Watched, stage: Stage) -> None:
    async with recorded(stage):
        await _opened(watched)
        await watched.page.locator(".tl-track").focus()
        await watched.page.keyboard.press("Home")
        for _ in range(3):
            await watched.page.keyboard.press("Shift+ArrowRight")
        await watched.until("gapscan.past()?.settled")
        there = await _time(watched)
        address = await watched.value("location.hash")
        assert address.startswith(f"#{LIST}@2026-11-22T")
        await watched.open("?again" + address)
        await watched.until("(time) => gapscan.past()?.settled && gapscan.past().time === time", there)
        await watched.until("(said) => gapscan.shown().join() === said.join()", await _said(stage, there))
        await watched.value("location.hash = '#gappers_up'")
        await watched.page.keyboard.press("Escape")
        await watched.until("gapscan.past() === null && location.hash === '#gappers_up'")
        await _an_earlier_day(watched, stage)


async def _an_earlier_day(watched: Watched, stage: Stage) -> None:
    """A link leads there, and the arrows go on from there; the strip is of the newest day."""
    there = stage.feed.as_of() // 60_000 * 60_000 - 60_000
    next_day = there + 20 * 3_600_000
    for feed in stage.feeds.values():
        feed.stand_at(next_day)
    await stage.feed.shuffle(random.Random(12))
    await until(lambda: _end(stage, next_day), "the next day on the tape")
    await watched.open(f"?earlier#{LIST}@{new_york(there):%Y-%m-%dT%H:%M:%S}")
    await _stands_at(watched, stage, there)
    assert f"{new_york(there):%-d %b %Y}" in await watched.page.locator(".past-text").inner_text()
    await watched.page.locator(".tl-track").focus()
    for key, by in (("ArrowRight", 1), ("Shift+ArrowLeft", -60)):
        await watched.page.keyboard.press(key)
        await _stands_at(watched, stage, there := there + by * 1000)
    slider = "(name) => Number(document.querySelector('.tl-track').getAttribute(`aria-value${name}`))"
    await watched.until(f"(time) => ({slider})('now') === time", there)
    assert await watched.value(slider, "min") <= there
    await watched.page.keyboard.press("Home")
    await watched.until("(time) => gapscan.past()?.settled && gapscan.past().time > time", there + 3_600_000)


async def _stands_at(watched: Watched, stage: Stage, time: int) -> None:
    await watched.until("(time) => gapscan.past()?.settled && gapscan.past().time === time", time)
    assert await watched.value("gapscan.shown()") == await _said(stage, time)


async def test_who_came_and_left_is_found(watched: Watched, stage: Stage) -> None:
    async with recorded(stage):
        await _opened(watched)
        await watched.page.locator(".tl-track").focus()
        await watched.page.keyboard.press("<")
        await watched.until("gapscan.past()?.settled")
        last = await _time(watched)
        await watched.page.keyboard.press("<")
        await watched.until("(last) => gapscan.past().settled && gapscan.past().time < last", last)
        then = await _time(watched)
        assert await _said(stage, then) != await _said(stage, then - 1000)
        await watched.page.keyboard.press(">")
        await watched.until("(last) => gapscan.past().settled && gapscan.past().time === last", last)


async def test_the_log_leads_to_the_moment(watched: Watched, stage: Stage) -> None:
    async with recorded(stage):
        await _opened(watched)
        await watched.word("Live")
        since, dice = stage.feed.as_of(), random.Random(11)
        async with asyncio.timeout(60):
            while not await _end(stage, since):
                await stage.feed.shuffle(dice)
                await asyncio.sleep(0.3)
        await watched.until("document.querySelectorAll('#activity li').length > 0")
        await watched.page.locator("#activity li").last.click()
        await watched.until("gapscan.past()?.settled")
        assert abs(await _time(watched) - since) < 60_000


async def test_after_a_break_the_play_goes_on(watched: Watched, stage: Stage) -> None:
    async with recorded(stage):
        await _opened(watched)
        await watched.page.locator(".tl-track").focus()
        await watched.page.keyboard.press("Home")
        await watched.page.keyboard.press("Shift+ArrowRight")
        await watched.until("gapscan.past()?.settled")
        there = await _time(watched)
        await stage.close()
        await watched.until("gapscan.status().phase === 'waiting'")
        assert await _time(watched) == there
        await stage.open()
        await watched.until("gapscan.status().phase === 'open'")
        await watched.page.keyboard.press("ArrowRight")
        await watched.until("(time) => gapscan.past()?.settled && gapscan.past().time === time", there + 1000)
        assert await watched.value("gapscan.shown()") == await _said(stage, there + 1000)
