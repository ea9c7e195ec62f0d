"""Layouts: dragged, kept, exported, imported, handed on by a link; tabs apart; and what the version before had kept."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from gapscan.obs import Tally, logger
from gapscan.ranker.questions import answering
from tests.browser.answers import IN, answer
from tests.browser.modules import at_home
from tests.browser.stage import LIST, OTHER, Stage, some_row
from tests.browser.watching import Watched, watch

_KINDS = "gapscan.panels().map(({kind, list, symbol}) => list ?? kind)"
# What a tab shows, and a new one would, is written.
_WRITTEN = f"""(count) => ['sessionStorage', 'localStorage'].every((where) => {{
  const text = window[where][where === 'localStorage' ? 'gapscan.last' : 'gapscan.workspace'] ?? '';
  return text.includes('{OTHER}') && text.split('"kind"').length - 1 === count;
}})"""
_KEPT = "Object.keys(localStorage).filter((key) => key.startsWith('gapscan.layout.')).sort()"


_MINE = "localStorage['gapscan.layout.Mine']"


async def _opened(watched: Watched, stage: Stage) -> None:
    await stage.feed.publish([some_row(IN), some_row("BBB")])
    await stage.feeds[OTHER].publish([some_row("W")])
    await watched.open()
    await watched.word("Live")


async def _with_two(watched: Watched, stage: Stage) -> None:
    await _opened(watched, stage)
    await watched.page.keyboard.press("n")
    await watched.page.keyboard.press("2")
    await watched.until("gapscan.panels()[1].shown.join() === 'W'")


async def _keep(page: Page, name: str) -> None:
    await page.keyboard.press("l")
    await page.fill("#layouts-name", name)
    await page.press("#layouts-name", "Enter")
    await page.keyboard.press("Escape")
    await page.wait_for_selector("#layouts-dialog", state="hidden")


async def _show(page: Page, name: str) -> None:
    await page.keyboard.press("l")
    await page.click(f"#layouts-choices button:text-is('{name}')")


async def test_what_a_tab_shows_is_its_own_over_reloads(watched: Watched, stage: Stage) -> None:
    await _with_two(watched, stage)
    other = await watch(await watched.page.context.new_page(), stage.url)
    await watched.until(_WRITTEN, 2)
    await other.open()
    await other.until(f"{_KINDS}.join() === '{LIST},{OTHER}'")  # a new tab begins with what was shown last
    await other.page.keyboard.press("x")
    await other.until("gapscan.panels().length === 1")
    await other.until(_WRITTEN, 1)
    for each, lists in ((watched, f"{LIST},{OTHER}"), (other, OTHER)):
        await each.page.reload()
        await each.until(f"{_KINDS}.join() === '{lists}' && gapscan.shown().length > 0")
    assert other.errors == []


async def test_layouts_have_names_and_tabs_do_not_overwrite_them(watched: Watched, stage: Stage) -> None:
    await _with_two(watched, stage)
    await _keep(watched.page, "Mine")
    other = await watch(await watched.page.context.new_page(), stage.url)
    await other.open()
    await other.word("Live")
    await _show(other.page, "Mine")
    await other.until(f"{_KINDS}.join() === '{LIST},{OTHER}'")
    await other.page.keyboard.press("n")
    mine = await watched.value(_MINE)
    await _keep(other.page, "Mine")  # it is that tab's own change
    await watched.until(f"(mine) => {_MINE} !== mine", mine)  # storage has it a moment later
    await watched.page.keyboard.press("Shift+ArrowLeft")
    await _keep(watched.page, "Mine")
    assert await watched.value(_KEPT) == ["gapscan.layout.Mine", "gapscan.layout.Mine 2"]
    await _show(watched.page, "Mine")
    await watched.until("gapscan.panels().length === 3")
    await _show(watched.page, "Mine 2")
    await watched.until(f"{_KINDS}.join() === '{OTHER},{LIST}'")
    await _keep(watched.page, "Phone")
    assert "gapscan.layout.Phone 2" in await watched.value(_KEPT), "what is shipped stays as it is"
    assert other.errors == []


async def test_export_and_import(watched: Watched, stage: Stage, tmp_path: Path) -> None:
    await _with_two(watched, stage)
    page = watched.page
    await page.click("#layouts")
    async with page.expect_download() as waiting:
        await page.click("#layouts-export")
    await (await waiting.value).save_as(tmp_path / "layout.json")
    exported = json.loads((tmp_path / "layout.json").read_text("utf-8"))
    assert exported["gapscan_layout"] == 1
    await page.keyboard.press("Escape")
    await page.keyboard.press("x")
    await page.click("#layouts")
    await page.set_input_files("#layouts-file", tmp_path / "layout.json")
    await watched.until(f"{_KINDS}.join() === '{LIST},{OTHER}' && gapscan.shown().length > 0")
    links = [f"https://q{number}.example/{{symbol}}" for number in range(13)]
    (tmp_path / "linked.json").write_text(json.dumps(exported | {"links": [*links, "ftp://q.example/{symbol}"]}))
    await page.click("#layouts")
    await page.set_input_files("#layouts-file", tmp_path / "linked.json")
    await watched.until("document.getElementById('toast').textContent.includes('; 2 of its links are not kept')")
    (tmp_path / "bad.json").write_text('{"gapscan_layout": 9}')
    await page.click("#layouts")
    await page.set_input_files("#layouts-file", tmp_path / "bad.json")
    await watched.until("document.getElementById('toast').textContent.includes('later version')")
    assert len(await watched.value("gapscan.panels()")) == 2, "what is shown stays"


async def _link(watched: Watched) -> str:
    """The link to what is shown, from the clipboard."""
    await watched.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await watched.page.click("#layouts")
    await watched.page.click("#layouts-link")
    await watched.until("document.getElementById('toast').textContent === 'The link is copied'")
    return str(await watched.value("navigator.clipboard.readText()"))


@asynccontextmanager
async def _guest(browser: Browser) -> AsyncIterator[Watched]:
    """Somebody else, with a browser without a past."""
    context = await browser.new_context(viewport={"width": 1400, "height": 900})
    guest = await watch(await context.new_page(), "")
    yield guest
    assert guest.errors == []
    await context.close()


async def test_a_link_shows_a_layout(browser: Browser, watched: Watched, stage: Stage) -> None:
    await _with_two(watched, stage)
    link = await _link(watched)
    async with _guest(browser) as guest:
        await guest.open(link)
        await guest.until(f"{_KINDS}.join() === '{LIST},{OTHER}' && gapscan.shown().length > 0")
        assert await guest.value("location.hash") == ""
        await guest.page.goto("about:blank")
        await guest.open(link[:-20])
        await guest.until("document.getElementById('toast').textContent.startsWith('This is no layout')")


async def test_a_link_shows_who_is_pinned_and_hidden(browser: Browser, watched: Watched, stage: Stage) -> None:
    await watched.open()
    await watched.at(await stage.feed.publish([some_row(symbol) for symbol in "ABCDE"]))
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "i", "ArrowDown", "d"):
        await watched.page.keyboard.press(key)
    await watched.until("gapscan.shown().join('') === 'CBDE'")
    link = await _link(watched)
    async with _guest(browser) as guest:
        await guest.open(link)
        await guest.until("gapscan.shown().join('') === 'CBDE'")
        assert await guest.value("[...document.querySelectorAll('.row.pinned')].map(({id}) => id)") == ["row-C"]
        assert await guest.text("#hidden") == "1 hidden"
        await guest.page.click("#row-C")
        await guest.page.keyboard.press("i")
        await guest.until("gapscan.shown().join('') === 'BCDE'")
    assert await watched.value("gapscan.panels()[0].state.pinned") == ["C"], "each has marks of their own from then on"


async def test_a_layout_has_links_of_its_own(browser: Browser, watched: Watched, stage: Stage) -> None:
    own = "https://own.example/{symbol}"
    hosts = "[...document.querySelectorAll('#why-links a')].map(({ hostname }) => hostname)"
    await watched.open()
    await watched.at(await stage.feed.publish([some_row("A")]))
    await watched.page.click("#row-A")
    shipped = await watched.value(hosts)
    assert len(shipped) == 3
    await watched.page.click("#layouts")
    await watched.page.fill("#layouts-links", "ftp://other.example/{symbol}")
    await watched.page.locator("#layouts-links").blur()
    await watched.until("document.getElementById('toast').textContent.startsWith('ftp://other.example')")
    assert await watched.value(hosts) == shipped
    await watched.page.fill(
        "#layouts-links", "\n".join(f"https://q{number}.example/{{symbol}}" for number in range(15))
    )
    await watched.page.locator("#layouts-links").blur()
    await watched.until("document.getElementById('toast').textContent.endsWith('the last 3 are not kept')")
    assert len(await watched.value(hosts)) == 12 + len(shipped)
    await watched.page.fill("#layouts-links", own)
    await watched.page.locator("#layouts-links").blur()
    assert await watched.value(hosts) == ["own.example", *shipped]
    await watched.page.keyboard.press("Escape")
    link = await _link(watched)
    async with _guest(browser) as guest:
        await guest.open(link)
        await guest.page.click("#row-A")
        assert await guest.value(hosts) == ["own.example", *shipped]
        await guest.until(f"sessionStorage.getItem('gapscan.workspace')?.includes('{own}')")
        await guest.page.reload()
        await guest.page.click("#row-A")
        await guest.until(f"{hosts}.length === 4")
        await _show(guest.page, "One list")
        assert await guest.value(hosts) == shipped, "what is shipped has none"


async def test_what_the_version_before_kept_is_read(watched: Watched, stage: Stage) -> None:
    kept = {"list": OTHER, "columns": {f"{OTHER}.wide": ["vwap"]}, "compact": True}
    await watched.page.add_init_script(f"localStorage.setItem('gapscan.settings', '{json.dumps(kept)}')")
    await stage.feeds[OTHER].publish([some_row("W")])
    await watched.open()
    await watched.until("gapscan.shown().join() === 'W'")
    headings = "[...document.querySelectorAll('#head [role=columnheader]')].map(({innerText}) => innerText).join()"
    await watched.until(f"{headings} === '#,Symbol,Chg %,VWAP'")
    assert await watched.value("document.getElementById('workspace').classList.contains('compact')")


async def test_a_panel_is_dragged_by_its_heading(watched: Watched, stage: Stage) -> None:
    await _with_two(watched, stage)
    page = watched.page

    async def drag(source: int, target: int, x: float, y: float) -> None:
        box = await page.locator(f".panel[data-id='{target}']").bounding_box()
        assert box is not None
        await page.hover(f".panel[data-id='{source}'] .panel-title")
        await page.mouse.down()
        await page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
        await page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
        assert await page.is_visible(".drop")
        await page.mouse.up()
        assert not await page.is_visible(".drop")

    await drag(1, 2, 0.5, 0.95)
    assert await watched.value(_KINDS) == [OTHER, LIST]
    tops = "[...document.querySelectorAll('.panel')].map((each) => each.getBoundingClientRect().top)"
    first, second = await watched.value(tops)
    assert first > second, "it stands below the other now"
    await drag(2, 1, 0.5, 0.5)
    assert await watched.value(_KINDS) == [LIST, OTHER], "on the middle, they change places"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not JSON"),
        ("[]", "no layout of gapscan"),
        ('{"gapscan_layout": 1, "tree": 5}', "neither a panel nor a split"),
        ('{"gapscan_layout": 1, "tree": {"kind": "chart"}}', "one list at least"),
        ('{"gapscan_layout": 1, "tree": {"kind": "<b>"}}', "what it is"),
        ('{"gapscan_layout": 1, "tree": {"split": "row", "parts": [{"kind": "list"}]}}', "two parts"),
        ('{"gapscan_layout": 1, "tree": {"split": "up", "parts": []}}', '"row" or a "column"'),
    ],
)
async def test_what_is_no_layout_is_refused_in_words(page: Page, text: str, says: str) -> None:
    await at_home(page)
    script = """async (text) => {
      const {readLayout, LayoutError} = await import("/layout/read.js");
      try { readLayout(text); } catch (error) { return error instanceof LayoutError ? error.message : String(error); }
    }"""
    assert says in await page.evaluate(script, text)


_RULES = """async (seed) => {
  const {beside, freeId, MOST, neighbourOf, panelsOf, places, resized, swapped, turned, without} =
    await import("/layout/tree.js");
  const {readLayout, writeLayout} = await import("/layout/read.js");
  let state = seed;
  const dice = (count) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * count);
  };
  const made = (id) => ({id, kind: "list", group: 1, state: {}});
  const pick = (all) => all[dice(all.length)];
  const wrong = [];
  let tree = made(1);
  for (let step = 0; step < 300; step += 1) {
    const [ids, id] = [panelsOf(tree).map((leaf) => leaf.id), pick(panelsOf(tree)).id];
    const side = pick(["left", "right", "top", "bottom"]);
    const what = dice(5);
    if (what === 0 && freeId(tree)) tree = beside(tree, id, side, made(freeId(tree)));
    if (what === 1 && ids.length > 1) tree = without(tree, id);
    if (what === 2) tree = swapped(tree, id, neighbourOf(tree, id, side) || id);
    if (what === 4) tree = turned(tree, id);
    const {panels, borders} = places(tree);
    if (what === 3 && borders.length) {
      const {path, index} = pick(borders);
      tree = resized(tree, path, index, (dice(200) - 100) / 100);
    }
    const boxes = places(tree).panels.map(({box}) => box);
    const area = boxes.reduce((sum, {width, height}) => sum + width * height, 0);
    if (Math.abs(area - 1) > 1e-9) wrong.push(["area", area]);
    if (boxes.some(({width, height}) => !(width > 0 && height > 0))) wrong.push(["empty", boxes]);
    if (borders.length !== panels.length - 1) wrong.push(["borders", borders.length, panels.length]);
    const now = panelsOf(tree).map((leaf) => leaf.id);
    if (new Set(now).size !== now.length || now.length > MOST) wrong.push(["ids", now]);
    const read = readLayout(writeLayout("x", tree)).tree;
    if (JSON.stringify(read) !== JSON.stringify(tree)) wrong.push(["read", tree]);
  }
  return wrong;
}"""


@pytest.mark.parametrize("seed", range(8))
async def test_panels_fill_the_page_whatever_is_done(page: Page, seed: int) -> None:
    await at_home(page)
    assert await page.evaluate(_RULES, seed) == []


# How many layouts of so many panels dragging makes, and how many keys do.
_REACHED = """async (number) => {
  const {beside, neighbourOf, panelsOf, swapped, turned, without} = await import("/layout/tree.js");
  const sides = ["left", "right", "top", "bottom"];
  const shape = (node) => node.parts ? `${node.split}(${node.parts.map(shape).join(" ")})` : String(node.id);
  const reached = (start, next) => {
    const [seen, waiting] = [new Set([shape(start)]), [start]];
    while (waiting.length) {
      for (const tree of next(waiting.pop())) {
        if (!seen.has(shape(tree))) waiting.push(tree);
        seen.add(shape(tree));
      }
    }
    return [...seen].sort();
  };
  const leaves = Array.from({length: number}, (_, index) => ({id: index + 1}));
  const row = leaves.slice(1).reduce((tree, leaf) => beside(tree, leaf.id - 1, "right", leaf), leaves[0]);
  const dropped = (tree, leaf, {id}) => [swapped(tree, leaf.id, id), ...sides.map((side) => beside(without(tree, leaf.id), id, side, leaf))];
  const dragged = (tree) => leaves.flatMap((leaf) => leaves.filter((other) => other !== leaf).flatMap((other) => dropped(tree, leaf, other)));
  const typed = (tree) => leaves.flatMap(({id}) => [turned(tree, id), ...sides.map((side) => swapped(tree, id, neighbourOf(tree, id, side) || id))]);
  return [reached(row, dragged), reached(row, typed)];
}"""  # noqa: E501


@pytest.mark.parametrize(("panels", "layouts"), [(2, 4), (3, 36), (4, 528)])
async def test_keys_make_every_layout_that_dragging_makes(page: Page, panels: int, layouts: int) -> None:
    await at_home(page)
    dragged, typed = await page.evaluate(_REACHED, panels)
    assert len(dragged) == layouts
    assert typed == dragged


async def test_the_shipped_layouts_can_be_shown(watched: Watched, stage: Stage) -> None:
    await _opened(watched, stage)
    async with answering(stage.bus, answer, Tally(logger("test"))):
        for name, panels in (("Open", 6), ("Momentum", 8), ("Phone", 2), ("One list", 1)):
            await _show(watched.page, name)
            await watched.until("(count) => gapscan.panels().length === count", panels)
            await watched.until("gapscan.shown().length > 0 || gapscan.status().word === 'No such list'")
    found: list[dict[str, Any]] = await watched.value("gapscan.panels()")
    assert [each["kind"] for each in found] == ["list"]
