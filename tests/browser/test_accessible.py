"""axe-core over the page in its states: nothing that it calls serious."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page

from gapscan.obs import Tally, logger
from gapscan.ranker.questions import answering
from tests.browser.answers import answer
from tests.browser.stage import Stage, some_row
from tests.browser.watching import Watched
from tests.support.npm import install

AXE = "axe-core@4.14.1"
_RUN = """axe.run(document).then(({passes, violations}) =>
  [passes.length, violations.map(({id, impact, nodes}) => [id, impact, nodes.map(({html}) => html)])])"""


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """axe-core's program. It is asked for first: the event loop stands still while npm fetches it."""
    modules = install(tmp_path_factory.mktemp("axe"), AXE)
    return Path(modules / "axe-core" / "axe.min.js").read_text("utf-8")


async def assert_accessible(page: Page, axe: str, state: str) -> None:
    await page.evaluate(axe)
    passed, found = await page.evaluate(_RUN)
    assert passed > 15, "axe-core found little to look at"
    assert [each for each in found if each[1] in ("serious", "critical")] == [], state


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_no_serious_finding(axe: str, watched: Watched, stage: Stage, theme: str) -> None:
    page = watched.page
    await page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    rows = [some_row(f"S{number}", 10.0 + number, gap_percent=5.0 - number, halt="halted" if number == 3 else None)
            for number in range(30)]  # fmt: skip
    async with answering(stage.bus, answer, Tally(logger("test"))):
        await watched.open()
        await watched.at(await stage.feed.publish(rows))
        await watched.word("Live")
        await assert_accessible(page, axe, "the list")
        await page.click("#row-S1")
        await watched.until("document.querySelector('.conditions')")
        await assert_accessible(page, axe, "why")
        await page.keyboard.press("Escape")
        await page.keyboard.press("f")
        await page.click("#columns")
        await assert_accessible(page, axe, "the columns, the order held")
        await page.keyboard.press("Escape")
        await page.click("#help")
        await assert_accessible(page, axe, "help")
        await page.keyboard.press("Escape")
        await stage.close()
        await watched.until("['Disconnected', 'Connecting'].includes(gapscan.status().word)")
        await assert_accessible(page, axe, "no connection")
        await stage.open()


async def test_no_serious_finding_in_what_is_marked(axe: str, watched: Watched, stage: Stage) -> None:
    page = watched.page
    await watched.open()
    await watched.at(await stage.feed.publish([some_row(f"S{number}", float(number)) for number in range(9)]))
    await watched.word("Live")
    for key in ("ArrowDown", "i", "ArrowDown", "d", "v"):
        await page.keyboard.press(key)
    for theme in ("dark", "light"):
        await page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        await assert_accessible(page, axe, f"who is pinned and hidden, {theme}")
    await page.keyboard.press("Escape")
    await page.keyboard.press("l")
    for theme in ("dark", "light"):
        await page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        await assert_accessible(page, axe, f"layouts and panels, {theme}")
    await page.keyboard.press("Escape")
    await page.click("#row-S4", button="right")
    for theme in ("dark", "light"):
        await page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        await assert_accessible(page, axe, f"a row's menu, {theme}")


async def test_no_serious_finding_in_the_editor_of_lists(axe: str, watched: Watched, stage: Stage) -> None:
    page = watched.page
    await watched.open()
    await page.keyboard.press("q")
    await page.fill("#own-where", "prize > 5")
    await page.wait_for_selector("#own-where-faults mark")
    await page.click("#own-form summary")
    await page.focus("#own-sort")
    await page.keyboard.press("Control+Space")
    for theme in ("dark", "light"):
        await page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        await assert_accessible(page, axe, f"a fault and words to choose from, {theme}")
    await page.click("#own-watch")
    await assert_accessible(page, axe, "a watchlist")
