"""The in-and-out log as a panel: the day by the tape, then what comes; an entry leads to its moment."""

from __future__ import annotations

import asyncio
import random

from playwright.async_api import Page

import gapscan
from gapscan.bus.client import BusOptions
from tests.browser.modules import at_home
from tests.browser.stage import LIST, OTHER, Stage, some_row
from tests.browser.test_timeline import set_rate
from tests.browser.watching import Watched
from tests.support.tape import recording

_ENTRIES = """[...document.querySelectorAll('ol.log li')].map((item) =>
  [item.className, item.dataset.symbol, item.querySelector('.note').textContent])"""


async def _add(watched: Watched) -> None:
    await watched.page.keyboard.press("l")
    await watched.page.click("#layouts-panels button:text-is('In and out')")
    await watched.page.wait_for_selector(".panel.log")


async def test_it_logs_the_lists_of_the_page(watched: Watched, stage: Stage) -> None:
    await stage.feed.publish([some_row("A"), some_row("B")])
    await watched.open(f"#{LIST}")
    await watched.word("Live")
    await _add(watched)
    await stage.feed.publish([some_row("C"), some_row("A")])
    await watched.until("document.querySelectorAll('ol.log li').length >= 2")
    assert (await watched.value(_ENTRIES))[:2] == [["in", "C", "Gappers up in #1"], ["out", "B", "Gappers up out"]]
    await watched.page.select_option(".panel.log select", OTHER)
    await watched.until("document.querySelector('.panel.log .panel-title').textContent === 'In and out of Winners'")
    await watched.until("![...document.querySelectorAll('ol.log li')].some(({dataset}) => dataset.symbol === 'C')")
    assert await watched.value("gapscan.panels().at(-1).state.list") == OTHER, "it is kept"


async def test_it_has_the_day_and_leads_to_a_moment(watched: Watched, stage: Stage) -> None:
    dice = random.Random(4)
    async with recording(BusOptions(stage.nats.url)):
        set_rate(stage, 120.0)
        for _ in range(10):
            await stage.feed.shuffle(dice, 2)
            await asyncio.sleep(0.2)
        set_rate(stage, 1.0)
        await watched.open(f"#{LIST}")
        await watched.word("Live")
        await _add(watched)
        await watched.page.select_option(".panel.log select", LIST)
        await watched.until("document.querySelectorAll('ol.log li').length > 10")
        times = await watched.value("[...document.querySelectorAll('ol.log .time')].map((time) => time.textContent)")
        assert times == sorted(times, reverse=True)
        entry = watched.page.locator("ol.log li.in").nth(4)
        symbol, note = await entry.get_attribute("data-symbol"), await entry.locator(".note").inner_text()
        await entry.locator("a").click()
        await watched.until("gapscan.past()?.settled")
        assert symbol in await watched.shown()
        past = await watched.value("gapscan.past()")
        view = await gapscan.at(LIST, past["time"], simulated=True, bus=stage.bus)
        assert [row["symbol"] for row in view.rows] == await watched.shown()
        assert note == f"in #{[row['symbol'] for row in view.rows].index(str(symbol)) + 1}"
        await watched.until("(symbol) => document.querySelector('.row.selected')?.dataset.symbol === symbol", symbol)


_MOVES = """async ({live, taped, begin, end}) => {
  const { Moves } = await import("/moves.js");
  const connection = new EventTarget();
  const view = { rows: [], asOf: 0 };
  Object.assign(connection, { say() {}, about: () => ({ view, held: {} }) });
  const emit = (type, detail) => connection.dispatchEvent(new CustomEvent(type, { detail }));
  const moves = new Moves(connection, "some");
  for (const [action, symbol, time] of live) {
    view.asOf = time;
    const [added, removed] = action === "enter" ? [[symbol], []] : [[], [symbol]];
    emit("change", { list: "some", changes: { whole: false, added, removed } });
  }
  const told = taped.map(([action, symbol, time]) => ({ action, symbol, time, rank: 1 }));
  emit("past", { type: "timeline", list: "some", since: 0, begin, end, moves: told, gaps: [], simulated: false });
  const found = moves.newest(100).map(({ action, symbol, time }) => [action, symbol, time]);
  moves.close();
  return found;
}"""


async def test_what_is_taped_is_told_once_whenever_its_message_came(page: Page) -> None:
    await at_home(page)
    minute = 1_795_789_800_000
    moves = [
        ("enter", "A", 10_100, 11_200),  # each on the tape, and with the time of its message
        ("leave", "A", 20_000, 20_000),
        ("enter", "B", 59_800, 60_300),
        ("leave", "C", 59_900, 60_300),
    ]
    newer = [("leave", "B", 61_000), ("enter", "C", 61_500), ("enter", "B", 62_000), ("leave", "C", 125_000)]
    taped = [(action, symbol, minute + time) for action, symbol, time, _ in moves]
    late = [(action, symbol, minute + time) for action, symbol, _, time in moves]
    since = [(action, symbol, minute + time) for action, symbol, time in newer]
    for end in (60_000, 64_000):
        said = {"live": late + since, "taped": taped, "begin": minute, "end": minute + end}
        found = [tuple(each) for each in await page.evaluate(_MOVES, said)]
        assert found == taped + since
    said = {"live": late + since, "taped": [], "begin": minute, "end": minute}
    assert [tuple(each) for each in await page.evaluate(_MOVES, said)] == late + since, "as long as it is not taped"
