"""Templates of links to pages about a symbol: what is one."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

from tests.browser.modules import at_home

_JUDGED = """async (text) => (await import("/links.js")).isTemplate(text)"""


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("https://quotes.example/{symbol}", True),
        ("http://quotes.example:8080/?of={symbol}&again={symbol}", True),
        ("https://{symbol}.quotes.example/", True),
        ("https://quotes.example/", False),
        ("ftp://quotes.example/{symbol}", False),
        ("https://{symbol}:99999/x", False),
        ("https://[{symbol}", False),
        ("https://quotes.example:{symbol}/", False),
    ],
)
async def test_a_template_makes_an_address(page: Page, text: str, good: bool) -> None:
    await at_home(page)
    assert await page.evaluate(_JUDGED, text) is good
