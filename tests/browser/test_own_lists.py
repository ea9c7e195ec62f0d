"""Own lists on the page: written with help, tried before they are added, changed and removed by who has the right."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Page

from gapscan.bus.definitions import read_entries
from gapscan.obs import Tally, logger
from gapscan.ranker.previews import Previewer
from gapscan.ranker.questions import answering_previews
from gapscan.ranking.spec import ListSet, shipped_lists
from gapscan.service.own_lists_file import tables_of
from tests.browser.modules import at_home
from tests.browser.stage import LIST, Stage, some_row
from tests.browser.watching import AT_ONCE, Watched
from tests.support.market import stock, universe_of
from tests.support.until import until

STOCKS = [stock("AAA", price=9.0), stock("BBB", price=7.0), stock("CCC", price=0.5)]
_FAULT = "#own-where-faults .fault"


@asynccontextmanager
async def _ranked(stage: Stage) -> AsyncIterator[None]:
    """Somebody who ranks says what lists would have."""
    lists = ListSet(shipped_lists().gate, ())
    previewer = Previewer(universe_of(STOCKS), lambda: lists)
    async with answering_previews(stage.bus, previewer.answer, Tally(logger("test"))):
        yield


async def _defined(stage: Stage) -> dict[str, str]:
    entries = await read_entries(stage.bus) or []
    return {entry.name: entry.definition.where for entry in entries if entry.definition and entry.definition.own}


async def _says(watched: Watched, selector: str, text: str) -> None:
    await watched.until("([at, text]) => document.querySelector(at)?.textContent.includes(text)", [selector, text])


def _text(path: Path) -> str:
    return path.read_text("utf-8")


async def test_a_list_is_written_tried_added_changed_and_removed(watched: Watched, stage: Stage) -> None:
    page = watched.page
    async with _ranked(stage):
        await watched.open()
        await watched.word("Live")
        await page.keyboard.press("q")
        await page.keyboard.type("dear")
        await page.focus("#own-where")
        await page.keyboard.type("pric")
        await page.wait_for_selector("#own-where-words [aria-selected=true]")
        assert (await watched.text("#own-where-words [aria-selected=true] b")) == "price"
        await page.keyboard.press("Enter")
        await page.keyboard.type(" > 5")
        await _says(watched, "#own-preview", "2 symbols now.")
        assert await watched.text("#own-preview .symbols") == "AAA BBB"
        await page.keyboard.press("Tab")
        assert await page.get_attribute(":focus", "name") == "sort"
        await page.click("#own-save")
        await _says(watched, "#toast", "dear is added")
        assert await _defined(stage) == {"dear": "price > 5"}
        assert _text(stage.own_lists) == '[lists.dear]\nwhere = "price > 5"\nsort = ["-change_percent"]\n'
        await watched.until("document.querySelector('#own-lists [aria-pressed=true]')?.textContent === 'dear'")

        await page.fill("#own-where", "price > 8")
        await _says(watched, "#own-preview", "1 symbol now.")
        await page.click("#own-save")
        await _says(watched, "#toast", "dear is changed")
        assert await _defined(stage) == {"dear": "price > 8"}
        await page.keyboard.press("Escape")
        await watched.until("gapscan.list() === 'dear'")

        await page.keyboard.press("q")
        await page.click("#own-lists button")
        await page.click("#own-remove")
        assert await watched.text("#own-remove") == "Really remove it?"
        await page.click("#own-remove")
        await _says(watched, "#toast", "dear is removed")
        assert await _defined(stage) == {}


async def test_the_place_of_a_fault_is_shown_as_it_is_typed(watched: Watched, stage: Stage) -> None:
    page = watched.page
    async with _ranked(stage):
        await watched.open()
        await page.keyboard.press("q")
        await page.fill("#own-where", "price > 5 and chang_percent > 3")
        await _says(watched, _FAULT, "chang_percent is not a field.")
        assert await watched.text(f"{_FAULT} mark") == "chang_percent"
        assert await page.get_attribute("#own-where", "aria-invalid") == "true"
        assert await watched.text("#own-preview") == ""
        await page.click(f"{_FAULT} button")
        assert await page.input_value("#own-where") == "price > 5 and change_percent > 3"
        await _says(watched, "#own-preview", "0 symbols now.")
        assert await page.locator(".fault").count() == 0
        await page.fill("#own-sort", "-price, volum")
        await _says(watched, "#own-sort-faults mark", "volum")
        await page.fill("#own-sort", "-price")
        await page.fill("#own-form [name=name]", "Not a name")
        await _says(watched, "#own-all-faults", "cannot name a list")
        await page.click("#own-close")
        await page.keyboard.press("q")
        assert await page.input_value("#own-where") == "price > 5 and change_percent > 3", "what was written is kept"


async def test_what_somebody_else_changed_is_not_overwritten(watched: Watched, stage: Stage) -> None:
    _write(stage.own_lists, '# mine\n[lists.mine]\nwhere = "price > 1"\nsort = ["symbol"]\nlimit = 7\n')
    page = watched.page
    await watched.open()
    await page.keyboard.press("q")
    await page.click("#own-lists button")
    await page.fill("#own-where", "price > 2")
    _write(stage.own_lists, '# theirs\n[lists.mine]\nwhere = "price > 3"\nsort = ["symbol"]\nlimit = 7\n')
    await page.click("#own-save")
    await _says(watched, "#own-refused", "was changed by somebody else")
    assert "price > 3" in _text(stage.own_lists)
    await page.reload()
    await page.keyboard.press("q")
    await page.click("#own-lists button")
    assert await page.input_value("#own-where") == "price > 3"
    await page.fill("#own-where", "price > 4")
    await page.click("#own-save")
    await _says(watched, "#toast", "mine is changed")
    assert _text(stage.own_lists) == '# theirs\n[lists.mine]\nwhere = "price > 4"\nsort = ["symbol"]\nlimit = 7\n'


async def test_symbols_are_put_into_a_watchlist(watched: Watched, stage: Stage) -> None:
    page = watched.page
    async with _ranked(stage):
        await watched.open()
        await watched.at(await stage.feed.publish([some_row("AAA"), some_row("BBB")]))
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("b")
        await page.wait_for_selector("#own-symbols", state="visible")
        await page.keyboard.type("watched")
        await page.fill("#own-symbols", "AAA, ccc")
        await _says(watched, "#own-preview", "2 symbols now.")
        await page.click("#own-save")
        await _says(watched, "#toast", "watched is added")
        assert await _defined(stage) == {"watched": 'symbol in ("AAA", "CCC",)'}
        await page.keyboard.press("Escape")
        await watched.until("gapscan.list() === 'watched'")
        await page.keyboard.press("[")
        await watched.until("(list) => gapscan.list() !== 'watched'")
        await page.keyboard.press("1")
        await watched.until("(list) => gapscan.list() === list && gapscan.shown().length === 2", LIST)
        await page.click("#row-BBB", button="right")
        await page.click("#row-menu button:has-text('watchlist')")
        await _says(watched, "#toast", "BBB is in watched now")
        assert await _defined(stage) == {"watched": 'symbol in ("AAA", "CCC", "BBB",)'}
        await page.keyboard.press("b")
        await _says(watched, "#toast", "BBB is in watched already")


async def test_a_symbol_put_in_by_key_and_the_dialog_do_not_collide(watched: Watched, stage: Stage) -> None:
    page = watched.page
    _write(stage.own_lists, '[lists.mine]\nwhere = \'symbol in ("ZZZ",)\'\nsort = ["symbol"]\n')
    await watched.open()
    await watched.at(await stage.feed.publish([some_row("AAA"), some_row("BBB")]))
    await page.keyboard.press("q")
    await page.click("#own-lists button")
    assert await page.input_value("#own-symbols") == "ZZZ"
    await page.keyboard.press("Escape")
    await page.evaluate(AT_ONCE, ["ArrowDown", "b", "ArrowDown", "b"])
    await watched.until("async () => (await (await fetch('api/own-lists')).text()).includes('BBB')")
    assert _where(stage.own_lists) == 'symbol in ("ZZZ", "AAA", "BBB",)', "two at once are both put in"

    await page.keyboard.press("q")
    await watched.until("document.querySelector('#own-symbols').value === 'ZZZ AAA BBB'")
    assert await watched.text("#own-kept") == ""
    await page.fill("#own-symbols", "ZZZ AAA BBB CCC")
    await page.keyboard.press("Escape")
    _write(stage.own_lists, _text(stage.own_lists).replace('\\"AAA\\", ', "").replace('["symbol"]', '["price"]'))
    await page.keyboard.press("q")
    await _says(watched, "#own-kept", "mine was changed in the meantime")
    assert await page.input_value("#own-symbols") == "ZZZ BBB CCC"
    assert await page.input_value("#own-sort") == "price"
    await page.click("#own-save")
    await _says(watched, "#toast", "mine is changed")
    assert _where(stage.own_lists) == 'symbol in ("ZZZ", "BBB", "CCC",)'
    await watched.until("document.querySelector('#own-kept').textContent === ''")


async def test_what_is_written_and_not_saved_is_kept(watched: Watched, stage: Stage) -> None:
    page = watched.page
    _write(stage.own_lists, '[lists.mine]\nwhere = "price > 1"\nsort = ["symbol"]\n')
    await watched.open()
    await watched.at(await stage.feed.publish([some_row("AAA")]))
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("b")
    await page.wait_for_selector("#own-symbols", state="visible")
    await page.click("#own-new")
    assert await page.input_value("#own-where") == ""
    await page.keyboard.type("dear")
    await page.fill("#own-where", "price > 5")
    await page.click("#own-lists button")
    assert await page.input_value("#own-where") == "price > 1"
    await page.fill("#own-where", "price > 2")
    await page.click("#own-new")
    assert await page.input_value("#own-form [name=name]") == "dear"
    assert await page.input_value("#own-where") == "price > 5"
    assert await watched.text("#own-save") == "Add"
    await page.click("#own-watch")
    assert await page.input_value("#own-symbols") == "AAA"
    await page.fill("#own-symbols", "AAA ccc")
    await page.keyboard.press("Escape")
    await page.keyboard.press("b")
    await watched.until("document.querySelector('#own-symbols').value === 'AAA CCC'")
    await _says(watched, "#own-kept", "was written before")

    await page.click("#own-lists button")
    assert await page.input_value("#own-where") == "price > 2"
    _write(stage.own_lists, '[lists.mine]\nwhere = "price > 3"\nsort = ["symbol"]\n')
    await page.click("#own-save")
    await page.click("#own-refused button")
    await _says(watched, "#own-kept", 'It has where = "price > 3" now')
    assert await page.input_value("#own-where") == "price > 2"
    await page.click("#own-kept button")
    assert await page.input_value("#own-where") == "price > 3"
    await page.fill("#own-where", "price > 4")
    await page.keyboard.press("Escape")
    _write(stage.own_lists, "")
    await page.keyboard.press("q")
    await _says(watched, "#own-kept", "mine was removed in the meantime")
    await page.click("#own-save")
    await _says(watched, "#toast", "mine is added")
    assert _where(stage.own_lists) == "price > 4"


async def test_without_the_right_a_list_is_tried_and_not_added(watched: Watched, stage: Stage) -> None:
    page = watched.page
    await stage.close()
    await stage.open(edit_token="for writing")
    async with _ranked(stage):
        await watched.open()
        await page.keyboard.press("q")
        await page.wait_for_selector("#own-token")
        await page.fill("#own-where", "price > 5")
        await _says(watched, "#own-preview", "2 symbols now.")
        assert await page.is_disabled("#own-save")
        await page.click("#own-token")
        await page.keyboard.type("a wrong one")
        await page.keyboard.press("Enter")
        await until(lambda: stage.counts["wrong_tokens"] == 1, "its being refused")
        for _ in range(2):  # a wrong one is not said again
            await page.click("#own-close")
            async with page.expect_response(lambda response: response.url.endswith("/api/own-lists")):
                await page.keyboard.press("q")
        assert stage.counts["wrong_tokens"] == 1
        await page.click("#own-token")
        await page.keyboard.type("for writing")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#own-right", state="hidden")
        await page.fill("#own-form [name=name]", "mine")
        await page.click("#own-save")
        await _says(watched, "#toast", "mine is added")
    await stage.close()
    await stage.open(edit=False)
    await page.reload()
    await page.keyboard.press("q")
    await _says(watched, "#own-right", "Nobody may change lists here")


def _where(path: Path) -> str:
    return str(tables_of(_text(path))["mine"]["where"])


def _write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")


_PARTS = """async () => {
  const [{partsOf}, {symbolsIn, symbolsOf, whereOf}, {tomlOf}, {meant, placeOf, wordAt, WORDS}] = await Promise.all(
    ["form", "watchlist", "toml", "words"].map((name) => import(`/own/${name}.js`)));
  return {
    parts: partsOf("-min(price, 3),symbol, ,x").map(({text, from}) => [text, from]),
    symbols: symbolsIn("aapl, BRK.B;  aapl\\nTSLA \\"x\\""),
    back: symbolsOf(whereOf(["A", "BRK.B"])),
    none: ["price > 5", 'symbol in ("A",) and price > 5', 5].map(symbolsOf),
    faulty: ['symbol in ("A" "B" "C")', 'symbol in ("A",,)', "symbol in (,)"].map(symbolsOf),
    some: ["symbol in ()", ' symbol in ( "A" , "B" ) ', 'symbol in ("A",)'].map(symbolsOf),
    toml: tomlOf("mine", {where: 'a "b"\\n', limit: 5, near: true, sort: ["x"]}, "# c\\n"),
    first: meant("vol", WORDS)[0].word,
    known: meant("trades", WORDS).length > 0,
    quoted: wordAt('sector == "Ene', 14),
    word: wordAt("price > vol", 11),
    place: [placeOf("  price", 0), placeOf("é💰 x", 2), placeOf("ab", 9)],
  };
}"""


async def test_the_parts_of_the_editor(page: Page) -> None:
    await at_home(page)
    assert await page.evaluate(_PARTS) == {
        "parts": [["-min(price, 3)", 0], ["symbol", 15], ["x", 24]],
        "symbols": ["AAPL", "BRK.B", "TSLA", "X"],
        "back": ["A", "BRK.B"],
        "none": [None] * 3,
        "faulty": [None] * 3,
        "some": [[], ["A", "B"], ["A"]],
        "toml": '# c\n[lists.mine]\nwhere = "a \\"b\\"\\n"\nlimit = 5\nnear = true\nsort = ["x"]\n',
        "first": "volume",
        "known": True,
        "quoted": None,
        "word": {"word": "vol", "from": 8},
        "place": [2, 3, 2],
    }


_TRIED = """async ({today, answer}) => {
  const {tried} = await import("/own/answers.js");
  return [{...answer, today}, answer].map((each) => tried(each).map(({textContent}) => textContent));
}"""


async def test_what_a_trial_says(page: Page) -> None:
    await at_home(page)
    latest = [{"time": 1795789860000, "symbol": "NVDA", "rank": 2, "price": 151.2}]
    today = {"day": "2026-11-27", "entries": 1, "symbols": 214, "already_in": 3, "latest": latest, "notes": ["A note."]}
    followed = [{"after": "5m", "entries": 4, "mean": 1.5, "random": -0.25, "share_above_zero": 0.75}]
    answer = {"days": ["2026-11-25", "2026-11-26"], "entries": 5, "entries_a_day": 2.5, "followed": followed}
    answer |= {"notes": [], "faults": {"2026-11-24": "it is gone"}}
    of_today, of_days = await page.evaluate(_TRIED, {"today": {**today, "fault": ""}, "answer": answer})
    said = "1 entry on 2026-11-27 (of 214 symbols that lists showed; 3 in it from the start): NVDA 09:31:00"
    assert of_today == [said, "A note.", *of_days]
    assert of_days[0] == "5 entries on 2 days (2026-11-25 to 2026-11-26): 2.5 a day. 1 day could not be read."
    assert of_days[1].endswith("5m+1.50\u22120.2575 %")
