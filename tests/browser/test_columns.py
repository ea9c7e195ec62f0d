"""Columns in another order and of another width, at their headings: by pointer, by keyboard, kept."""

from __future__ import annotations

import random

import pytest
from playwright.async_api import Page

from tests.browser.modules import at_home
from tests.browser.stage import Stage, some_row
from tests.browser.watching import Watched

_HEADINGS = "[...document.querySelectorAll('#head [role=columnheader]')].map(({dataset}) => dataset.column)"


async def _opened(watched: Watched, stage: Stage) -> list[str]:
    await watched.open()
    await watched.at(await stage.feed.publish([some_row("A"), some_row("B")]))
    await watched.word("Live")
    return list(await watched.value(_HEADINGS))


async def _middle(page: Page, selector: str) -> tuple[float, float]:
    box = await page.locator(selector).bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


async def _drag(page: Page, selector: str, x: float, y: float) -> None:
    await page.hover(selector)
    await page.mouse.down()
    await page.mouse.move(x - 3, y)
    await page.mouse.move(x, y)
    await page.mouse.up()


async def test_a_column_is_dragged_to_another_place(watched: Watched, stage: Stage) -> None:
    usual = await _opened(watched, stage)
    page = watched.page
    await _drag(page, "#head .volume button", *await _middle(page, "#head .name"))
    others = [name for name in usual if name != "volume"]
    wanted = [*others[:2], "volume", *others[2:]]
    assert await watched.value(_HEADINGS) == wanted
    assert await page.get_attribute("#head .volume", "aria-sort") is None, "a drag is no click"
    await page.reload()
    await watched.until("gapscan.shown().length === 2")
    assert await watched.value(_HEADINGS) == wanted
    await _drag(page, "#head .price button", *await _middle(page, "#head .symbol"))
    assert await watched.value(_HEADINGS) == wanted, "rank and symbol stay first"
    await page.focus("#head .volume button")
    await page.keyboard.press("Shift+ArrowRight")
    assert (await watched.value(_HEADINGS)).index("volume") == 3
    assert await watched.value("document.activeElement.closest('[role=columnheader]').dataset.column") == "volume"
    await page.keyboard.press("o")
    await page.click("#columns-reset")
    assert await watched.value(_HEADINGS) == usual


async def test_a_column_is_made_wider(watched: Watched, stage: Stage) -> None:
    await _opened(watched, stage)
    page = watched.page
    width = "document.querySelector('#row-A .price').getBoundingClientRect().width"
    usual = await watched.value(width)
    x, y = await _middle(page, "#head .price .grip")
    await _drag(page, "#head .price .grip", x + 60, y)
    dragged = await watched.value(width)
    assert abs(dragged - usual - 60) < 3
    await page.focus("#head .price button")
    await page.keyboard.press("Shift+ArrowUp")
    assert await watched.value(width) > dragged
    await page.reload()
    await watched.until("gapscan.shown().length === 2")
    assert await watched.value(width) > dragged
    await page.dblclick("#head .price .grip")
    assert abs(await watched.value(width) - usual) < 3


_RULES = """async (cases) => {
  const {arranged, looksIn, moved} = await import("/looks.js");
  return cases.map(([ids, order, id, to]) => {
    const columns = ids.map((each) => ({id: each}));
    const found = arranged(columns, order, ["a"]).map((each) => each.id);
    const named = found.filter((each) => order.includes(each) && each !== "a");
    const kept = looksIn(JSON.parse(JSON.stringify({x: {order: found, widths: {a: 3, b: "wide"}}, y: 5})));
    return {
      same: [...found].sort().join() === [...ids].sort().join(),
      first: !ids.includes("a") || found[0] === "a" || ids[0] !== "a",
      ordered: named.every((each, at) => !at || order.indexOf(named[at - 1]) < order.indexOf(each)),
      moved: moved(ids, id, to).indexOf(id) === ids.indexOf(to),
      kept: kept.x.order.length === ids.length && !("b" in kept.x.widths) && !("y" in kept),
    };
  });
}"""


@pytest.mark.parametrize("seed", range(3))
async def test_rules_of_orders(page: Page, seed: int) -> None:
    dice = random.Random(seed)
    cases = []
    for _ in range(100):
        ids = ["a", *dice.sample("bcdefgh", dice.randint(2, 7))]
        order = dice.sample("abcdefghij", dice.randint(1, 9))
        cases.append([ids, order, dice.choice(ids), dice.choice(ids)])
    await at_home(page)
    for case, found in zip(cases, await page.evaluate(_RULES, cases), strict=True):
        assert all(found.values()), (case, found)
