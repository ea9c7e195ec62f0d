"""The report of a backtest as a phone shows it, without any network: what is wide scrolls in itself."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from playwright.async_api import Browser

import gapscan
from gapscan.sim.flat_files import write_flat_files
from tests.browser.test_accessible import assert_accessible, axe

__all__ = ["axe"]
PHONE = {"width": 390, "height": 844}
LAST = dt.date(2024, 3, 8)
_BEYOND = """[...document.querySelectorAll('main *')].filter(each => !each.closest('.wide')
  && each.getBoundingClientRect().right > innerWidth + 1).map(each => each.outerHTML.slice(0, 80))"""
_WIDE = """[...document.querySelectorAll('.wide')].map(each => [each.scrollWidth > each.clientWidth, each.tabIndex])"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("report")
    write_flat_files(root, days=2, symbols=60, seed=3, last=LAST)
    gapscan.backtest(
        ["winners", "most_active"], first="2024-03-07", last=LAST, flat_files=root, out=root / "out",
        vary=["change_percent=1"], where=["price < 20 and volume > 10_000"],
    )  # fmt: skip
    return root / "out" / "report.html"


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_a_report_on_a_phone_without_a_network(browser: Browser, axe: str, report: Path, theme: str) -> None:
    context = await browser.new_context(
        viewport=PHONE,  # type: ignore[arg-type]
        color_scheme="dark" if theme == "dark" else "light",
        is_mobile=True,
        offline=True,
    )
    page, asked, said = await context.new_page(), list[str](), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    await page.goto(report.as_uri())
    assert await page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert await page.evaluate(_BEYOND) == []
    tables = await page.evaluate(_WIDE)
    assert len(tables) >= 6
    assert all(index == 0 for _, index in tables), "what scrolls can be reached by keys"
    assert sum(scrolls for scrolls, _ in tables) >= 4
    await page.locator(".wide").first.focus()
    first = page.locator("tbody th").first
    before = await first.bounding_box()
    await page.evaluate("document.querySelector('.wide').scrollLeft = 60")
    assert await first.bounding_box() == before, "what a row is of stays in sight"
    assert (asked, said) == ([report.as_uri()], [])
    await assert_accessible(page, axe, "the report")
    await context.close()
