"""Pinned symbols stay on top with their rank, hidden ones are counted, and both are kept with the layout."""

from __future__ import annotations

import json
from typing import Any

from playwright.async_api import Page

from tests.browser.modules import at_home
from tests.browser.stage import LIST, OTHER, Stage, some_row
from tests.browser.watching import Watched

_RANKS = "[...document.querySelectorAll('#body .row')].map((row) => row.querySelector('.rank .n').textContent).join()"


async def _marked(watched: Watched, stage: Stage, *keys: str) -> None:
    """Five rows, the fourth of them picked, then keys pressed."""
    await watched.open()
    await watched.at(await stage.feed.publish([some_row(symbol) for symbol in "ABCDE"]))
    for _ in range(4):
        await watched.page.keyboard.press("ArrowDown")
    for key in keys:
        await watched.page.keyboard.press(key)


async def _shows(watched: Watched, symbols: str) -> None:
    await watched.until("(symbols) => gapscan.shown().join('') === symbols", symbols)


async def test_a_pinned_symbol_stays_on_top_with_its_rank(watched: Watched, stage: Stage) -> None:
    await _marked(watched, stage, "i")
    await _shows(watched, "DABCE")
    assert await watched.value(_RANKS) == "4,1,2,3,5"
    await watched.page.click(".head .symbol button")
    await _shows(watched, "DECBA")
    await stage.feed.publish([some_row(symbol) for symbol in "ABC"])
    await _shows(watched, "DCBA")
    assert await watched.text("#row-D .badges") == "not in the list"
    assert await watched.text("#count") == "3 rows"
    await stage.feed.publish([some_row(symbol) for symbol in "DABC"])
    await watched.until(f"({_RANKS}) === '1,4,3,2'")
    assert await watched.text("#row-D .badges") == ""
    await watched.page.keyboard.press("2")
    await _shows(watched, "D")
    await watched.until("document.querySelector('.empty').textContent !== ''")  # pinned ones apart, nothing is there
    await watched.page.keyboard.press("1")
    await _shows(watched, "DABC")
    await watched.page.keyboard.press("i")
    await watched.until("document.querySelectorAll('.row.pinned').length === 0")
    await _shows(watched, "DABC")


async def test_a_hidden_symbol_is_counted_and_comes_back(watched: Watched, stage: Stage) -> None:
    await _marked(watched, stage, "d", "d")
    await _shows(watched, "ABC")
    assert await watched.text("#hidden") == "2 hidden"
    assert await watched.text("#count") == "3 of 5 rows"
    assert await watched.value(_RANKS) == "1,2,3"
    await stage.feed.publish([some_row(symbol) for symbol in "DABC"])
    await watched.until("document.querySelector('#hidden').textContent === '1 hidden, 1 away'")
    assert await watched.value(_RANKS) == "2,3,4", "ranks are the server's"
    await watched.page.keyboard.press("/")
    await watched.page.keyboard.type("D")
    await watched.until(
        "document.querySelector('.empty').textContent === 'Nothing that is not hidden matches the search.'"
    )
    await watched.page.keyboard.press("Escape")
    await watched.page.click("#hidden")
    await watched.page.click("[aria-label='Show D']")
    await watched.page.keyboard.press("Escape")
    await _shows(watched, "DABC")
    await watched.page.keyboard.press("v")
    await watched.page.click("#marks-all")
    await watched.page.wait_for_selector("#hidden", state="hidden")


async def test_hold_keeps_pinned_and_hidden_apart_from_news(watched: Watched, stage: Stage) -> None:
    await _marked(watched, stage, "d", "v")
    await watched.page.keyboard.type("zz")
    await watched.page.keyboard.press("Enter")
    await watched.page.keyboard.press("Escape")
    await watched.until("gapscan.shown().join() === 'ZZ,A,B,C,E'")
    await watched.page.keyboard.press("f")
    await watched.at(await stage.feed.publish([some_row(symbol) for symbol in "DEABC"]))
    assert await watched.text("#held") == "Order held", "nobody came or left, of those who are shown"
    await stage.feed.publish([some_row(symbol) for symbol in ("F", "ZZ", "A", "B", "C")])
    await watched.until("document.querySelector('#held').textContent === 'Order held · +1 waiting · 1 left'")
    assert await watched.value("gapscan.shown().join()") == "ZZ,A,B,C,E"
    await watched.page.keyboard.press("ArrowUp")
    await watched.page.keyboard.press("ArrowUp")
    await watched.page.keyboard.press("i")
    await _shows(watched, "ZZBFAC")


async def test_marks_are_kept_with_the_layout(watched: Watched, stage: Stage) -> None:
    await _marked(watched, stage, "i", "ArrowDown", "d")
    await _shows(watched, "DBCE")
    (panel,) = await watched.value("gapscan.panels()")
    assert panel["state"]["pinned"] == ["D"]
    assert panel["state"]["excluded"] == ["A"]
    await watched.page.reload()
    await _shows(watched, "DBCE")


async def _beside(watched: Watched, *states: dict[str, Any]) -> None:
    """Open panels of lists side by side."""
    tree = {"split": "row", "parts": [{"kind": "list", "state": state} for state in states]}
    layout = json.dumps({"gapscan_layout": 1, "name": "of a file", "tree": tree})
    await watched.page.add_init_script(f"sessionStorage.setItem('gapscan.workspace', {json.dumps(layout)})")
    await watched.open()


async def test_a_pinned_symbol_below_the_limit_is_there_with_its_rank(watched: Watched, stage: Stage) -> None:
    state = {"list": LIST, "limit": 2, "pinned": ["D", 3, "", "D", "x" * 99], "excluded": ["B", "D"]}
    await stage.feed.publish([some_row(symbol) for symbol in "ABCDE"])
    await _beside(watched, state, {"list": OTHER})
    await watched.until("gapscan.panels()[0].shown.join('') === 'DA'")
    assert await watched.value(_RANKS) == "4,1"
    assert await watched.text("#hidden") == "1 hidden"
    assert await watched.text(".panel-count") == "2 of 3"
    await watched.page.focus("#grid")
    await watched.page.keyboard.press("ArrowDown")
    await watched.page.keyboard.press("i")
    await watched.until("gapscan.panels()[0].wish.limit === 2")
    await watched.until("gapscan.panels()[0].shown.join('') === 'A'")


_LOG = """[...document.querySelectorAll('#activity li')].map((item) =>
  ['symbol', 'note'].map((part) => item.querySelector('.' + part).textContent).join(' '))"""


async def _logged(watched: Watched, stage: Stage, symbols: str) -> list[str]:
    """Publish the list and wait until it is drawn; the log then, newest first."""
    sequence = await stage.feed.publish([some_row(symbol) for symbol in symbols])
    shown = f"drawn.some(({{list, sequence}}) => list === '{LIST}' && sequence === wanted)"
    await watched.until(f"(wanted) => {shown}", sequence)
    return list(await watched.value(_LOG))


async def test_a_panel_of_first_rows_logs_and_rings_for_them_and_pinned_ones(watched: Watched, stage: Stage) -> None:
    await stage.feed.publish([some_row(symbol) for symbol in "ABCDE"])
    await _beside(watched, {"list": LIST, "limit": 2}, {"list": OTHER})
    await watched.word("Live")
    await watched.news()
    await watched.until("gapscan.panels()[0].shown.join('') === 'AB'")  # keys choose among rows that are there
    await watched.page.focus("#grid")
    for key in ("s", "ArrowDown", "ArrowDown", "i"):
        await watched.page.keyboard.press(key)
    await watched.until("gapscan.copy('gappers_up').rows.length === 5")
    assert await _logged(watched, stage, "ABCDF") == [], "rows beyond the first came with the pin, and F is one"
    assert (await watched.status())["rung"] == 0
    assert await _logged(watched, stage, "ACDFB") == ["C in #2"], "the pinned one is there still"
    assert await _logged(watched, stage, "ACDF") == ["B out", "C in #2"]
    logged = await _logged(watched, stage, "CDFB")
    assert logged == ["D in #2", "B in #4", "A out", "B out", "C in #2"]
    await watched.page.keyboard.press("i")
    await watched.until("gapscan.copy('gappers_up').rows.length === 2")
    assert await _logged(watched, stage, "DCFB") == logged, "that rows beyond the first are not known now is no news"


async def test_a_panel_of_first_rows_does_not_log_what_another_shows(watched: Watched, stage: Stage) -> None:
    await stage.feed.publish([some_row(symbol) for symbol in "ABC"])
    await _beside(watched, {"list": LIST, "limit": 2}, {"list": LIST})
    await watched.news()
    await watched.page.focus("#grid")
    assert await _logged(watched, stage, "ABD") == []
    assert await _logged(watched, stage, "EABD") == ["E in #1", "B out"]


async def test_the_menu_of_a_row_is_for_pointer_and_keys(watched: Watched, stage: Stage) -> None:
    await _marked(watched, stage)
    page = watched.page
    focused = "(text) => document.querySelector('#row-menu button:focus span')?.textContent === text"
    await page.click("#row-B", button="right")
    await watched.until(focused, "Why it is here, or not")
    await page.keyboard.press("ArrowDown")
    await watched.until(focused, "Pin on top")
    await page.keyboard.press("Enter")
    await _shows(watched, "BACDE")
    await watched.until("document.activeElement.id === 'grid'")  # or the key would be nobody's
    await page.keyboard.press("Shift+F10")
    await watched.until(focused, "Why it is here, or not")
    assert await page.get_attribute("#row-menu", "aria-label") == "B"
    await page.keyboard.press("ArrowUp")
    await watched.until(focused, "Pinned and hidden …")
    await page.keyboard.press("Enter")
    await watched.until("document.getElementById('marks-dialog').open")


_MATCHES = """async ({rows, pinned, excluded, limit}) => {
  const { Order } = await import("/order.js");
  const order = new Order({ pinned: new Set(pinned), excluded: new Set(excluded) });
  order.limit = limit;
  const { rows: shown, size, count, hidden, plain } = order.show([...rows].map((symbol) => ({ symbol })));
  return { shown: shown.map(({ symbol }) => symbol).join(""), size, count, hidden, plain };
}"""


async def test_counts_add_up_whoever_is_marked(page: Page) -> None:
    await at_home(page)

    async def shown(rows: str, pinned: str = "", excluded: str = "", limit: int = 0) -> Any:
        said = {"rows": rows, "pinned": [*pinned], "excluded": [*excluded], "limit": limit}
        answer = await page.evaluate(_MATCHES, said)
        return (*(answer[key] for key in ("shown", "size", "count", "hidden", "plain")),)

    assert await shown("ABCD") == ("ABCD", 4, 4, 0, True)
    assert await shown("ABCD", limit=2) == ("AB", 2, 2, 0, True)
    assert await shown("ABCD", "B") == ("BACD", 4, 4, 0, False)
    assert await shown("ABCD", "ZB") == ("ZBACD", 4, 4, 0, False)
    assert await shown("ABCD", "DA", "B", limit=2) == ("DA", 3, 2, 1, False)
    assert await shown("ABCD", "", "ABCD") == ("", 4, 0, 4, False)
    assert await shown("ABCD", "", "YZ") == ("ABCD", 4, 4, 0, True)
