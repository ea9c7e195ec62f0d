"""What a user can do with the page: hold, sort, search, choose, export; by pointer, by keyboard, on a phone."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from playwright.async_api import Browser, Page

from gapscan.obs import Tally, logger
from gapscan.ranker.questions import answering
from tests.browser.answers import answer
from tests.browser.stage import LIST, OTHER, Stage, some_row
from tests.browser.watching import AT_ONCE, Watched, symbols, watch

_FOUR = [
    some_row("AAA", 10.0, volume=5, gap_percent=9.0, name="Alpha"),
    some_row("BBB", None, volume=7, gap_percent=8.0, name="Beta"),
    some_row("CCC", 30.0, volume=None, gap_percent=7.0, name="=HYPERLINK(1)"),
    some_row("DDD", 20.0, volume=6, gap_percent=6.0, name='De "l, ta'),
]


async def _opened(watched: Watched, stage: Stage) -> None:
    await watched.open()
    await watched.at(await stage.feed.publish(_FOUR))
    await watched.word("Live")


async def test_hold_keeps_the_order_while_cells_stay_live(watched: Watched, stage: Stage) -> None:
    await _opened(watched, stage)
    await watched.page.keyboard.press("f")
    changed = [some_row("NEW"), some_row("DDD", 21.5), _FOUR[0], _FOUR[1]]
    await watched.at(await stage.feed.publish(changed))
    assert await watched.shown() == ["AAA", "BBB", "CCC", "DDD"]
    assert (await watched.column("price"))[3] == "21.50"
    assert await watched.text("#held") == "Order held · +1 waiting · 1 left"
    assert await watched.value("document.querySelector('#row-CCC').classList.contains('left')")
    assert await watched.column("n") == ["3", "4", "", "2"], "the server's ranks"
    await watched.page.keyboard.press("f")
    await watched.until("gapscan.shown().join() === 'NEW,DDD,AAA,BBB'")
    assert not await watched.page.is_visible("#held")


async def test_hold_waits_for_rows(watched: Watched, stage: Stage) -> None:
    await stage.feeds[OTHER].publish([some_row("W")])
    await watched.open()
    await watched.word("Live")
    await watched.page.keyboard.press("f")
    await watched.at(await stage.feed.publish(_FOUR))
    assert await watched.shown() == symbols(_FOUR), "what was not there could not be held"
    await watched.at(await stage.feed.publish(_FOUR[::-1]))
    assert await watched.shown() == symbols(_FOUR)
    await watched.page.evaluate(AT_ONCE, ["2", "f"])
    await watched.until("gapscan.shown().join() === 'W' && gapscan.status().held")


async def test_the_pointer_over_the_rows_holds_the_order(watched: Watched, stage: Stage) -> None:
    await _opened(watched, stage)
    await watched.page.hover("#row-BBB")
    await watched.until("gapscan.status().held")
    turned = _FOUR[::-1]
    await watched.at(await stage.feed.publish(turned))
    assert await watched.shown() == symbols(_FOUR)
    await watched.page.mouse.move(10, 10)
    await watched.until("gapscan.shown().join() === 'DDD,CCC,BBB,AAA'")
    await watched.page.keyboard.press("h")
    await watched.page.hover("#row-BBB")
    assert not (await watched.status())["held"], "the user does not want it"


async def test_a_local_sort_keeps_the_servers_rank(watched: Watched, stage: Stage) -> None:
    await _opened(watched, stage)
    await watched.page.click("#head .price button")
    await watched.until("gapscan.shown().join() === 'CCC,DDD,AAA,BBB'")
    assert await watched.column("n") == ["3", "4", "1", "2"]
    assert await watched.page.get_attribute("#head .price", "aria-sort") == "descending"
    await watched.at(await stage.feed.publish([some_row("AAA", 99.0), *_FOUR[1:]]))
    assert await watched.shown() == ["AAA", "CCC", "DDD", "BBB"], "the sort is live"
    await watched.page.click("#head .price button")
    await watched.until("gapscan.shown().join() === 'DDD,CCC,AAA,BBB'")
    await watched.page.keyboard.press("r")
    await watched.until("gapscan.shown().join() === 'AAA,BBB,CCC,DDD'")
    assert await watched.page.get_attribute("#head .price", "aria-sort") is None


async def test_search(watched: Watched, stage: Stage) -> None:
    await _opened(watched, stage)
    await watched.page.keyboard.press("/")
    await watched.page.keyboard.type("bet")
    await watched.until("gapscan.shown().join() === 'BBB'")
    assert await watched.text("#count") == "1 of 4 rows"
    assert await watched.column("n") == ["2"]
    await watched.at(await stage.feed.publish([*_FOUR, some_row("ZBETZ")]))
    assert await watched.shown() == ["BBB", "ZBETZ"]
    await watched.page.fill("#search", "nothing")
    await watched.until("document.getElementById('empty').textContent === 'Nothing matches the search.'")
    await watched.page.keyboard.press("Escape")
    await watched.until("gapscan.shown().length === 5")


async def test_export_is_the_list_as_shown(watched: Watched, stage: Stage, tmp_path: Path) -> None:
    await _opened(watched, stage)
    await watched.page.click("#head .price button")
    async with watched.page.expect_download() as waiting:
        await watched.page.keyboard.press("e")
    download = await waiting.value
    assert download.suggested_filename.startswith("gapscan-gappers_up-2026-")
    assert download.suggested_filename.endswith("-SIMULATED.csv")
    await download.save_as(tmp_path / "list.csv")
    text = (tmp_path / "list.csv").read_bytes().decode()
    assert text.count("\r\n") == 5
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [(line["rank"], line["symbol"], line["price"], line["volume"]) for line in lines] == [
        ("3", "CCC", "30", ""),
        ("4", "DDD", "20", "6"),
        ("1", "AAA", "10", "5"),
        ("2", "BBB", "", "7"),
    ]
    assert [line["name"] for line in lines] == ["'=HYPERLINK(1)", 'De "l, ta', "Alpha", "Beta"]


async def test_columns_theme_and_size_are_chosen_and_kept(watched: Watched, stage: Stage) -> None:
    await _opened(watched, stage)
    page = watched.page
    await page.keyboard.press("o")
    await page.check("#columns-choices input[value=vwap]")
    await page.uncheck("#columns-choices input[value=name]")
    await page.keyboard.press("Escape")
    await page.wait_for_selector("#columns-dialog", state="hidden")
    await page.keyboard.press("t")
    await page.keyboard.press("c")
    await page.reload()
    await watched.until("gapscan.shown().length === 4")
    headings = await page.locator("#head [role=columnheader]").all_inner_texts()
    assert "VWAP" in headings
    assert "Name" not in headings
    assert "Gap %" in headings
    assert await page.get_attribute("html", "data-theme") == "dark"
    assert await page.get_attribute("#compact", "aria-pressed") == "true"
    await page.keyboard.press("o")
    await page.click("#columns-reset")
    assert "Name" in await page.locator("#head [role=columnheader]").all_inner_texts()


async def test_settings_of_another_time_do_no_harm(watched: Watched, stage: Stage) -> None:
    stored = '{"theme": 7, "wide": "x", "narrow": [1], "list": "no_such_list", "what": {}}'
    await watched.page.add_init_script(f"localStorage.setItem('gapscan.settings', '{stored}')")
    await _opened(watched, stage)
    assert await watched.shown() == symbols(_FOUR)


async def test_everything_by_keyboard(watched: Watched, stage: Stage) -> None:
    await _opened(watched, stage)
    page = watched.page
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("j")
    assert await page.get_attribute("#row-BBB", "aria-selected") == "true"
    assert await page.get_attribute("#grid", "aria-activedescendant") == "row-BBB"
    await page.keyboard.press("y")
    await watched.until("document.getElementById('toast').textContent === 'Copied BBB'")
    assert await watched.value("navigator.clipboard.readText()") == "BBB"
    await page.keyboard.press("?")
    assert await page.is_visible("#help-dialog")
    await page.keyboard.press("f")
    assert not (await watched.status())["held"], "keys do nothing behind a dialog"
    await page.click("#help-title")
    await page.keyboard.press("f")
    assert not (await watched.status())["held"], "nor where the focus is left to the page"
    await page.keyboard.press("Escape")
    await page.wait_for_selector("#help-dialog", state="hidden")
    await page.keyboard.press("]")
    await watched.until("gapscan.list() === 'winners'")
    await page.keyboard.press("1")
    await watched.until("gapscan.list() === 'gappers_up'")


async def test_help_names_every_key(watched: Watched, stage: Stage) -> None:
    await watched.open()
    named = set(await watched.page.locator("#help-dialog kbd").all_text_contents())
    assert named >= {*"[]19JK/FHROCTSEWY", "↓", "↑", "Enter", "Esc"}


# When the page rings, or would if no other tab did.
_RINGS = """() => {
  window.rings = [];
  const request = navigator.locks.request.bind(navigator.locks);
  navigator.locks.request = (name, ...rest) => {
    if (name.startsWith("gapscan.chime")) rings.push(performance.now());
    return request(name, ...rest);
  };
}"""


async def test_sound_is_off_until_asked_for_and_cools_down(watched: Watched, stage: Stage) -> None:
    await _opened(watched, stage)
    await watched.news()
    await watched.value(_RINGS)
    await watched.at(await stage.feed.publish(_FOUR[1:]))
    await watched.at(await stage.feed.publish(_FOUR))
    assert await watched.value("rings") == []
    await watched.page.keyboard.press("s")
    for rows in (_FOUR[1:], _FOUR, _FOUR[1:], _FOUR):
        await watched.at(await stage.feed.publish(rows))
    await watched.until("gapscan.status().rung === 2")  # for those that came in the meantime, once
    first, second = await watched.value("rings")
    assert second - first > 2990, "by the page's own clock; a timer may be a little early"


async def test_of_two_tabs_one_rings(watched: Watched, stage: Stage) -> None:
    await _opened(watched, stage)
    other = await watch(await watched.page.context.new_page(), stage.url)
    await other.open()
    await other.at(stage.feed.publisher.sequence)
    for each in (watched, other):
        await each.news()
    await watched.page.keyboard.press("s")
    await other.until("document.getElementById('sound').getAttribute('aria-pressed') === 'true'")  # it heard of it
    sequence = await stage.feed.publish(_FOUR[1:])
    for each in (watched, other):
        await each.at(sequence)
    sequence = await stage.feed.publish(_FOUR)
    for each in (watched, other):
        await each.at(sequence)
        await each.one_of_all()
    assert (await watched.status())["rung"] + (await other.status())["rung"] == 1
    assert other.errors == []


async def test_two_tabs_do_not_overwrite_each_others_settings(watched: Watched, stage: Stage) -> None:
    await _opened(watched, stage)
    other = await watch(await watched.page.context.new_page(), stage.url)
    await other.open()
    await other.at(stage.feed.publisher.sequence)
    await watched.page.keyboard.press("c")
    await other.until("document.getElementById('workspace').classList.contains('compact')")
    await other.page.keyboard.press("t")
    await watched.until("document.documentElement.dataset.theme === 'dark'")
    stored = "JSON.parse(localStorage.getItem('gapscan.settings'))"
    for each in (watched, other):  # what one writes, the storage of the other has a moment later
        await each.until(f"(({{compact, theme}}) => compact && theme === 'dark')({stored})")


async def test_an_address_that_is_no_text_shows_the_usual_list(watched: Watched, stage: Stage) -> None:
    await watched.open("#100%")
    await watched.at(await stage.feed.publish(_FOUR))
    assert await watched.value("gapscan.list()") == LIST


async def test_without_its_parts_the_page_says_so(page: Page, stage: Stage) -> None:
    index = await (await page.request.get(stage.url)).text()
    address = "http://proxy.test/gapscan"
    await page.route("http://proxy.test/**", lambda route: route.fulfill(
        status=200 if route.request.url == address else 404, body=index if route.request.url == address else "",
        content_type="text/html",
    ))  # fmt: skip
    await page.goto(address)
    assert await page.is_visible("text=must end with a slash")
    await page.goto(stage.url)
    assert not await page.is_visible("text=must end with a slash")


async def test_a_phone_shows_fewer_columns_and_does_not_scroll_sideways(browser: Browser, stage: Stage) -> None:
    context = await browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    watched = await watch(await context.new_page(), stage.url)
    await _opened(watched, stage)
    headings = await watched.page.locator("#head [role=columnheader]").all_inner_texts()
    assert headings == ["#", "Symbol", "Price", "Gap %", "Chg %", "Volume"]
    assert await watched.value("document.getElementById('scroll').scrollWidth <= innerWidth")
    await watched.page.set_viewport_size({"width": 600, "height": 390})
    await watched.until("document.querySelector('#head .rvol')")
    assert await watched.page.locator("#head [role=columnheader]").all_inner_texts() == [
        *headings, "Open %", "High %", "RVol",
    ]  # fmt: skip
    assert await watched.value("document.getElementById('scroll').scrollWidth <= innerWidth")
    await watched.page.tap("#hold")
    assert (await watched.status())["held"]
    await context.close()


async def test_a_phone_is_sent_the_fields_that_it_shows(browser: Browser, stage: Stage) -> None:
    context = await browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    watched = await watch(await context.new_page(), stage.url)
    await _opened(watched, stage)
    fields = "[...new Set(gapscan.copy(gapscan.list()).rows.flatMap(Object.keys))].sort()"
    assert "source" not in await watched.value(fields)  # which rows have, and no column of a phone shows
    assert set(await watched.value(fields)) >= {"symbol", "name", "price", "gap_percent", "volume", "stale"}
    await watched.page.set_viewport_size({"width": 1400, "height": 844})  # turned, or unfolded
    await watched.until(f"{fields}.includes('source')")
    await watched.at(await stage.feed.publish(_FOUR[1:]))
    await watched.word("Live")
    await watched.page.set_viewport_size({"width": 390, "height": 844})
    await watched.until(f"!{fields}.includes('source')")
    await watched.at(await stage.feed.publish(_FOUR))
    counts = await watched.value("gapscan.counts()")
    assert (counts["mismatches"], counts["resyncs"], watched.errors) == (0, 0, [])
    await context.close()


async def test_it_can_be_installed(watched: Watched, stage: Stage) -> None:
    await watched.open()
    session = await watched.page.context.new_cdp_session(watched.page)
    manifest = await session.send("Page.getAppManifest")
    assert (manifest["errors"], manifest["url"]) == ([], f"{stage.url}static/app.webmanifest")
    found = (await session.send("Page.getInstallabilityErrors"))["installabilityErrors"]
    assert {each["errorId"] for each in found} <= {"in-incognito"}  # as tests are


async def test_a_price_that_moves_flashes_without_an_animation(watched: Watched, stage: Stage) -> None:
    await _opened(watched, stage)
    await watched.value("""() => {
      window.flashed = [];
      const cell = document.querySelector("#row-AAA .price");
      const look = () => flashed.push([cell.classList.contains("tick-up"), document.getAnimations().length]);
      new MutationObserver(look).observe(cell, { attributes: true });
    }""")
    await stage.feed.publish([some_row("AAA", 11.0)])
    await watched.until("flashed.length > 1")
    assert await watched.value("flashed") == [[True, 0], [False, 0]]


# The least contrast of text against what is behind it, by WCAG's formula, over all texts on the page.
_CONTRAST = """
() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = color.map((part) => (part /= 255) <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = rgb(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const texts = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!texts || !element.checkVisibility()) continue;
    const [a, b] = [light(rgb(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push([element.className || element.id || element.tagName, element.textContent, ratio]);
  }
  return found;
}
"""


async def test_contrast_in_both_themes_and_all_states(watched: Watched, stage: Stage) -> None:
    await watched.page.emulate_media(reduced_motion="reduce")  # no colours in between
    await _opened(watched, stage)
    await watched.news()
    rows = [some_row("NEW"), some_row("STALE", stale=True, gap_percent=-3.0), some_row("AAA", 9.0), *_FOUR[1:]]
    rows += [some_row("HLT", halt="halted"), some_row("RES", halt="resumed")]
    async with answering(stage.bus, answer, Tally(logger("test"))):
        for scheme in ("dark", "light"):
            await watched.page.emulate_media(color_scheme=scheme)
            await watched.at(await stage.feed.publish(rows))
            assert await watched.value(_CONTRAST) == [], scheme
            await watched.page.click("#row-STALE")
            await watched.page.wait_for_selector("#why .verdict.fail")
            assert await watched.value(_CONTRAST) == [], scheme
            await watched.page.click("#why-close")
            rows = [some_row("AAA", 11.0), some_row("OTHER"), *rows[1:2], *_FOUR[1:], *rows[-2:]]
