"""Several panels on a page: each an exact list of its own, by one connection."""

from __future__ import annotations

import random
from typing import Any

from gapscan.obs import Tally, logger
from gapscan.ranker.questions import answering
from tests.browser.answers import answer
from tests.browser.stage import LIST, OTHER, Stage, some_row
from tests.browser.watching import Watched, symbols
from tests.browser.wire import Wire

# Remembers of every panel that ever drew what it showed.
_RECORDER = """
window.panelsDrawn = [];
document.addEventListener("gapscan:shown", ({detail}) => {
  const panel = gapscan.panels().find(({id}) => id === detail.panel);
  panelsDrawn.push({...detail, shown: panel.shown});
});
"""


async def _two_panels(watched: Watched, stage: Stage) -> None:
    """A panel with each list, the second one current."""
    await stage.feeds[OTHER].publish([some_row("W"), some_row("V")])
    await stage.feed.publish([some_row("A"), some_row("B"), some_row("C")])
    await watched.page.add_init_script(_RECORDER)
    await watched.open()
    await watched.word("Live")
    await watched.page.keyboard.press("n")
    await watched.page.keyboard.press("2")
    await watched.until("gapscan.panels().map(({shown}) => shown.join()).join(' ') === 'A,B,C W,V'")


async def test_each_panel_has_its_own_list_order_and_search(watched: Watched, stage: Stage) -> None:
    await _two_panels(watched, stage)
    page = watched.page
    assert await watched.text("#title") == "Winners"
    await page.keyboard.press("f")
    await stage.feeds[OTHER].publish([some_row("V")])
    await stage.feed.publish([some_row("B"), some_row("A")])
    await watched.until("gapscan.panels()[0].shown.join() === 'B,A'")
    assert (await watched.value("gapscan.panels()"))[1]["shown"] == ["W", "V"], "held"
    await page.keyboard.press(",")
    assert await watched.text("#title") == "Gappers up"
    assert not (await watched.status())["held"], "the tools are about the other panel now"
    await page.keyboard.press("/")
    await page.keyboard.type("b")
    await watched.until("gapscan.shown().join() === 'B'")
    await page.keyboard.press("Enter")
    await page.keyboard.press(".")
    assert await page.input_value("#search") == ""
    assert (await watched.status())["held"]
    await page.keyboard.press("x")
    await watched.until("gapscan.panels().length === 1")
    assert await page.input_value("#search") == "b"


async def test_eight_panels_are_exact_by_one_connection(watched: Watched, stage: Stage, wire: Wire) -> None:
    dice = random.Random(3)
    for feed in stage.feeds.values():
        await feed.shuffle(dice, 4)
    await watched.page.add_init_script(_RECORDER)
    await watched.open()
    await watched.word("Live")
    for number in range(7):
        await watched.page.keyboard.press("n")
        await watched.page.keyboard.press(str(1 + number % 2))
    await watched.page.keyboard.press("n")
    assert await watched.text("#toast") == "There is no room for another panel"
    assert len(await watched.value("gapscan.panels()")) == 8
    for _ in range(30):
        for feed in stage.feeds.values():
            await feed.shuffle(dice, 1, pause=0.02)
    while await watched.value("panelsDrawn.length") <= 50:  # of a page that is slow
        for feed in stage.feeds.values():
            await feed.shuffle(dice, 1, pause=0.1)
    done = {name: feed.publisher.sequence for name, feed in stage.feeds.items()}
    current = """(done) => gapscan.panels().every(({id, list}) =>
      panelsDrawn.findLast(({panel}) => panel === id)?.sequence === done[list])"""
    await watched.until(current, done)
    drawn: list[dict[str, Any]] = await watched.value("panelsDrawn")
    for each in drawn:
        if each["epoch"]:
            assert each["shown"] == symbols(stage.feeds[each["list"]].truth[each["sequence"]]), each["panel"]
    assert wire.connects == 1
    counts = await watched.counts()
    assert counts["mismatches"] == counts["resyncs"] == 0


async def test_a_symbol_is_chosen_in_all_panels_of_its_colour(watched: Watched, stage: Stage) -> None:
    both = [some_row("A"), some_row("B")]
    await stage.feeds[OTHER].publish([*both, some_row("C")])
    await watched.open()
    await watched.at(await stage.feed.publish(both))
    await watched.page.keyboard.press("n")
    await watched.page.keyboard.press("2")
    await watched.until("gapscan.panels()[1].shown.length === 3")
    selected = "[...document.querySelectorAll('.row.selected')].map(({id}) => id).sort()"
    async with answering(stage.bus, answer, Tally(logger("test"))):
        await watched.page.click("#row-B")
        assert await watched.value(selected) == ["row-B", "row-B-2"]
        await watched.page.keyboard.press("Escape")
        await watched.page.keyboard.press("g")
        await watched.page.keyboard.press("ArrowUp")
        assert await watched.value(selected) == ["row-A", "row-B-2"], "it is of another colour"


async def test_borders_move_by_pointer_and_by_keyboard(watched: Watched, stage: Stage) -> None:
    await _two_panels(watched, stage)
    page = watched.page
    width = "document.querySelector('.panel').getBoundingClientRect().width"
    before = await watched.value(width)
    box = await page.locator(".border").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    await page.mouse.move(x, y)
    await page.mouse.down()
    await page.mouse.move(x - 50, y)
    await page.mouse.move(x - 100, y)
    await page.mouse.up()
    dragged = await watched.value(width)
    assert abs(before - 100 - dragged) < 3
    await page.focus(".border")
    await page.keyboard.press("ArrowRight")
    assert await watched.value(width) > dragged


async def test_panels_change_places_by_keyboard(watched: Watched, stage: Stage) -> None:
    await _two_panels(watched, stage)
    left = "gapscan.panels().map(({list}) => list)"
    assert await watched.value(left) == [LIST, OTHER]
    await watched.page.keyboard.press("Shift+ArrowLeft")
    assert await watched.value(left) == [OTHER, LIST]
    assert await watched.value("gapscan.list()") == OTHER
    await watched.page.keyboard.press("Shift+ArrowLeft")
    assert await watched.value(left) == [OTHER, LIST], "there is nothing beyond"
    box = """(() => { const {x, y} = document.querySelector(".panel.current").getBoundingClientRect();
      return document.elementFromPoint(x + 30, y - 30)?.closest(".panel") !== null; })()"""
    assert not await watched.value(box), "nothing is above it"
    for _ in range(3):  # from the left of the other one around to below it
        await watched.page.keyboard.press("u")
    assert await watched.value(box)
    assert await watched.value(left) == [LIST, OTHER]
