"""axe-core over the shipped layouts, with all that their panels may show: nothing that it calls serious."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from gapscan.bus.news import write_news
from gapscan.obs import Tally, logger
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import Halts, Headline, News
from gapscan.ranker.questions import answering
from tests.browser.answers import IN, answer
from tests.browser.stage import LIST, OPENED, Stage, some_row
from tests.browser.test_accessible import assert_accessible, axe
from tests.browser.test_alerts import tell
from tests.browser.watching import watch

__all__ = ["axe"]

_TOLD = "[...document.querySelectorAll('.panel.halts, .panel.symbol')]"
_BROKEN = """[...document.querySelectorAll(".number, .facts dd, .time, .moment, .halts td")]
  .filter((each) => /^[^ ]*[0-9][^ ]*$/.test(each.innerText) && each.getClientRects().length > 1)
  .map((each) => each.outerHTML)"""
_ROWS = [some_row(IN, halt="halted"), *(some_row(f"S{number}", 10.0 + number) for number in range(20))]


async def _said(stage: Stage) -> None:
    """Something for each panel."""
    status, times = ["halted", "resumed"], [OPENED, OPENED + 60_000]
    halts = Halts(OPENED + 90_000, True, [IN, "S2"], status, times, ["LUDP", "T1"], [OPENED + 300_000, None])  # type: ignore[arg-type]
    await stage.bus.js.publish(stage.bus.names.feed_halts, encode(halts))
    await write_news(
        stage.bus, News(IN, "2026-11-23", 1, [Headline(OPENED, "A title", "https://news.example/", "Paper")])
    )
    await tell(stage, IN)
    await stage.feed.publish(_ROWS)


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("layout", ["One list", "Open", "Momentum", "Phone"])
async def test_no_serious_finding_in_a_layout(
    browser: Browser, stage: Stage, axe: str, layout: str, theme: str
) -> None:
    await _said(stage)
    size = {"width": 390, "height": 844} if layout == "Phone" else {"width": 1600, "height": 900}
    context = await browser.new_context(viewport=size, color_scheme=theme)  # type: ignore[arg-type]
    page = await context.new_page()
    watched = await watch(page, stage.url)
    async with answering(stage.bus, answer, Tally(logger("test"))):
        await watched.open(f"#{LIST}")
        await watched.word("Live")
        await page.evaluate("document.getElementById('layouts').click()")
        await page.click(f"#layouts-choices button:text-is('{layout}')")
        await page.keyboard.press("1")  # of the lists that the layout names, some are not here
        await watched.until(f"document.querySelector('#row-{IN}')")
        await page.click(f"#row-{IN}")
        await watched.until(f"{_TOLD}.every(({{innerText}}) => innerText.includes('09:30:00'))")
        assert await watched.value(_BROKEN) == [], "numbers that break over lines"
        await assert_accessible(page, axe, f"{layout}, {theme}")
    assert watched.errors == []
    await context.close()
