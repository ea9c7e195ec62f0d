"""The panel about a symbol, and one symbol in all panels and windows of a colour."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Browser

import gapscan
from gapscan.bridge import questions, symbol_facts
from gapscan.bus.client import BusOptions
from gapscan.bus.news import write_news
from gapscan.obs import Tally, logger
from gapscan.protocol.messages import Headline, News
from gapscan.ranker.questions import answering
from tests.browser.answers import IN, UNKNOWN, answer
from tests.browser.stage import LIST, OPENED, OTHER, Stage, some_row
from tests.browser.test_alerts import tell
from tests.browser.test_timeline import set_rate
from tests.browser.watching import Watched, watch
from tests.support.tape import recording
from tests.support.until import until

_ROWS = [some_row(IN, 10.0, name="Alpha", float_shares=8_600_000, halt="halted"), some_row("BBB", 20.0, name="Beta")]
_TEXT = "(text) => document.querySelector('.panel.symbol').textContent.includes(text)"


@pytest.fixture(autouse=True)
def _nothing_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test gets the answer that the one before it got a moment ago."""
    monkeypatch.setattr(questions, "SHARED_SECONDS", 0.0)
    monkeypatch.setattr(symbol_facts, "REFRESH_SECONDS", 0.0)


async def _beside_a_list(watched: Watched, stage: Stage) -> None:
    await watched.open()
    await watched.at(await stage.feed.publish(_ROWS))
    await watched.word("Live")
    await watched.page.keyboard.press("l")
    await watched.page.click("#layouts-panels button:text-is('Symbol')")
    await watched.page.wait_for_selector(".panel.symbol")


async def test_it_says_what_a_symbol_is_and_how_it_stands(watched: Watched, stage: Stage) -> None:
    async with answering(stage.bus, answer, Tally(logger("test"))):
        await _beside_a_list(watched, stage)
        assert await watched.value(_TEXT, "Choose a row of a list of this colour.")
        await watched.page.click(f"#row-{IN}")
        assert not await watched.page.is_visible("#why"), "the panel says why"
        for text in (IN, "Alpha", "HALTED", "8.60M", "In 1 of 2 lists", "rank 1 of 57"):
            await watched.until(_TEXT, text)
        await watched.page.keyboard.press("ArrowDown")
        for text in ("BBB", "Beta", "In 0 of 2 lists"):
            await watched.until(_TEXT, text)
        await watched.page.click(".panel.symbol summary >> nth=0")
        await watched.until(_TEXT, "Gap %")


async def test_panels_of_two_colours_ask_apart(watched: Watched, stage: Stage) -> None:
    async with answering(stage.bus, answer, Tally(logger("test"))):
        await _beside_a_list(watched, stage)
        await watched.page.click(f"#row-{IN}")
        await watched.until(_TEXT, "In 1 of 2 lists")
        page = watched.page
        await page.click(".panel.symbol .group")  # of another colour: it keeps what it shows
        await page.click("#row-BBB")
        await watched.until("document.getElementById('why-answer').textContent.includes('Not in it')")
        await page.wait_for_timeout(2500)  # both ask again
        assert await watched.value(_TEXT, "In 1 of 2 lists")
        assert "Not in it" in await watched.text("#why-answer")


async def test_a_symbol_is_chosen_in_other_windows_too(watched: Watched, stage: Stage) -> None:
    async with answering(stage.bus, answer, Tally(logger("test"))):
        await _beside_a_list(watched, stage)
        other = await watch(await watched.page.context.new_page(), stage.url)
        await stage.feeds[OTHER].publish(_ROWS)
        await other.open("#" + OTHER)
        await other.until("gapscan.shown().length === 2")
        await other.page.click("#row-BBB")
        await watched.until(_TEXT, "In 0 of 2 lists")
        await watched.until("document.querySelector('#row-BBB').getAttribute('aria-selected') === 'true'")
        assert other.errors == []


async def test_nobody_answers(watched: Watched, stage: Stage) -> None:
    await _beside_a_list(watched, stage)
    await watched.page.click(f"#row-{IN}")
    await watched.until("document.querySelector('.panel.symbol .panel-word').textContent === 'No answer'")
    async with answering(stage.bus, answer, Tally(logger("test"))):
        await watched.until(_TEXT, "In 1 of 2 lists")
        word = "(word) => document.querySelector('.panel.symbol .panel-word').textContent === word"
        await watched.until(word, "")
        for feed in stage.feeds.values():
            feed.state = "stale"
        await watched.until(word, "Stale")  # what is answered is of a market that does not move


async def test_a_symbol_that_nobody_knows(watched: Watched, stage: Stage) -> None:
    async with answering(stage.bus, answer, Tally(logger("test"))):
        await _beside_a_list(watched, stage)
        await stage.feed.publish([*_ROWS, some_row(UNKNOWN)])
        await watched.page.click(f"#row-{UNKNOWN}")
        await watched.until(_TEXT, f"There is no symbol {UNKNOWN}.")
        await watched.page.click(".panel.symbol .meant")
        await watched.until(_TEXT, "In 1 of 2 lists")


async def test_the_phone_layout_has_a_sheet_and_few_rows(browser: Browser, stage: Stage) -> None:
    context = await browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    watched = await watch(await context.new_page(), stage.url)
    async with answering(stage.bus, answer, Tally(logger("test"))):
        await watched.open()
        await stage.feed.publish([*_ROWS, *(some_row(f"S{number}") for number in range(60))])
        await watched.word("Live")
        await watched.page.tap("#layouts")
        await watched.page.tap("#layouts-choices button:text-is('Phone')")
        await watched.until("gapscan.shown().length === 30")
        wish = await watched.value("gapscan.panels()[0].wish")
        assert wish["limit"] == 30
        assert "source" not in wish["fields"]
        await watched.until("gapscan.copy(gapscan.list()).rows.length === 30")  # the others are not sent
        await watched.page.tap(f"#row-{IN}")
        await watched.until(_TEXT, "In 1 of 2 lists")
        assert not await watched.page.is_visible("#why")
        assert await watched.value("document.documentElement.scrollWidth <= innerWidth")
    assert watched.errors == []
    await context.close()


async def _taped(stage: Stage) -> bool:
    return [stay.left is None for stay in await gapscan.when(IN, bus=stage.bus)] == [False, True]


async def test_news_alerts_and_the_day_follow_the_symbol(watched: Watched, stage: Stage) -> None:
    headlines = [
        Headline(OPENED - age, f"{IN} news {age}", "https://news.example/" if age else None) for age in range(3)
    ]
    await write_news(stage.bus, News(IN, "2026-11-23", 3, headlines))
    async with answering(stage.bus, answer, Tally(logger("test"))), recording(BusOptions(stage.nats.url)):
        await _beside_a_list(watched, stage)
        set_rate(stage, 120.0)
        for rows in (_ROWS[1:], _ROWS, [*_ROWS, some_row("CCC")], _ROWS):
            await asyncio.sleep(0.6)
            await stage.feed.publish(rows)
        set_rate(stage, 1.0)
        await until(lambda: _taped(stage), "the tape")
        await tell(stage, IN, about=LIST)
        await watched.page.click("#row-BBB")
        await watched.until(_TEXT, "In 0 of 2 lists")
        for text in (f"{IN} news", "Alerts"):
            assert not await watched.value(_TEXT, text)
        await watched.page.click(f"#row-{IN}")
        for number in range(3):
            await watched.until(_TEXT, f"{IN} news {number}")
        await watched.until(_TEXT, "Alerts")
        await watched.until("document.querySelectorAll('.stays tbody tr').length === 2")
        stays = (
            "[...document.querySelectorAll('.stays tbody tr')].map((row) => [row.className, row.children[2].innerText])"
        )
        (now, out), (before, left) = await watched.value(stays)
        assert (now, out, before) == ("in", "is in", ""), "the newest first"
        assert left != "is in"
        links = "[...document.querySelectorAll('.stays .moment')].map((link) => link.hash.split('@')[0])"
        assert set(await watched.value(links)) == {f"#{LIST}"}
        await watched.page.set_viewport_size({"width": 960, "height": 844})
        await watched.until("document.querySelector('.stays td:last-child').offsetWidth === 0", None)
        sheet = (
            "[...document.querySelectorAll('.sheet, .sheet *')].filter((each) => each.scrollWidth > each.clientWidth"
        )
        assert await watched.value(f"{sheet} && each.clientWidth > 0).map((each) => each.className)") == []
