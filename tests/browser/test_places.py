"""Rows near what is seen and rows out of sight: one list, in its order, wherever each of them stands."""

from __future__ import annotations

import pytest
from playwright.async_api import CDPSession, Page

from tests.browser.modules import at_home
from tests.browser.stage import Stage, some_row
from tests.browser.watching import Watched

# Puts random lists, at random heights of what is seen, and says what stood wrong.
_RULES = """async (seed) => {
  const [{Places}, {staying}] = await Promise.all(["places", "order"].map((name) => import(`/${name}.js`)));
  Object.defineProperty(window, "innerHeight", { value: 100 });
  let state = seed;
  const dice = (count) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * count);
  };
  document.body.innerHTML = '<div class="scroll" style="--row: 1rem; overflow: auto"><div id="body"></div></div>';
  const [scroll, body] = [document.querySelector(".scroll"), document.getElementById("body")];
  const known = new Map();
  const elementOf = (symbol) => {
    if (!known.has(symbol)) known.set(symbol, Object.assign(document.createElement("p"), {id: symbol}));
    return known.get(symbol);
  };
  let wanted = [];
  const put = (stays) => places.put(wanted.map(elementOf), stays);
  const places = new Places(body, () => put(() => true));
  const far = document.querySelector(".far");
  const wrong = [];
  for (let step = 0; step < 200; step += 1) {
    if (dice(3) === 0) {
      scroll.style.height = `${dice(30)}rem`;
      scroll.dispatchEvent(new Event("scroll"));
    }
    const before = places.rows.map(({id}) => id);
    if (dice(20) === 0) {
      places.clear();
      known.clear();
    }
    wanted = wanted.filter(() => dice(10) > 0);
    for (let moves = dice(6); moves > 0; moves -= 1) {
      const symbol = `S${dice(60)}`;
      wanted = wanted.filter((each) => each !== symbol);
      wanted.splice(dice(wanted.length + 1), 0, symbol);
    }
    for (const symbol of before) if (!wanted.includes(symbol) && known.has(symbol)) known.get(symbol).remove();
    const still = staying(places.rows.map(({id}) => id), wanted);
    put(({id}) => still.has(id));
    const limit = body.childElementCount;
    const [rows, from] = ["--rows", "--before"].map((name) => Number(far.style.getPropertyValue(name)));
    if (places.rows.map(({id}) => id).join() !== wanted.join()) wrong.push(["order", wanted]);
    if (rows !== far.childElementCount || far.hidden !== (rows === 0)) wrong.push(["size", rows]);
    const least = (scroll.clientHeight + 1.5 * innerHeight) / 16; // of rows that stand near
    if (rows && (from !== limit || limit % 8 || limit < least)) wrong.push(["limit", from, limit]);
  }
  return wrong;
}"""


@pytest.mark.parametrize("seed", range(4))
async def test_rows_stand_in_their_order_wherever_they_are(page: Page, seed: int) -> None:
    await at_home(page)
    assert await page.evaluate(_RULES, seed) == []


async def _ranks(session: CDPSession, rows: int) -> list[int]:
    """The ranks that are painted: a counter of the style sheet, which is nowhere in the rows. Tabs come before."""
    snapshot = await session.send("DOMSnapshot.captureSnapshot", {"computedStyles": []})
    strings, layout = snapshot["strings"], snapshot["documents"][0]["layout"]
    texts = [strings[index] for index in layout["text"] if index >= 0]
    return [int(text) for text in texts if text.isdigit()][-rows:]


async def test_rows_out_of_sight_are_there_and_counted_on(watched: Watched, stage: Stage) -> None:
    rows = [some_row(f"S{number}", 10.0 + number) for number in range(300)]
    await watched.open()
    await watched.at(await stage.feed.publish(rows))
    await watched.until("!document.querySelector('.far').hidden")
    near = await watched.value("document.querySelectorAll('#body .row').length")
    assert near < 130
    assert await watched.value("document.querySelectorAll('.grid .far .row').length") == 300 - near
    assert await watched.shown() == [row["symbol"] for row in rows]
    assert await watched.value("document.querySelector('#row-S299 .price').textContent") == "309.00"
    session = await watched.page.context.new_cdp_session(watched.page)
    height = await watched.value("document.getElementById('grid').offsetHeight")
    # as it is for a moment when somebody scrolls: the part out of sight comes into sight
    await watched.value("addEventListener('scroll', (event) => event.stopImmediatePropagation(), {capture: true})")
    await watched.value("document.getElementById('scroll').scrollTop = 1e6")
    await watched.until("document.querySelector('#row-S299').checkVisibility({contentVisibilityAuto: true})")
    assert await watched.value("document.querySelector('.far').contains(document.querySelector('#row-S299'))")
    assert await watched.value("document.getElementById('grid').offsetHeight") == height
    assert await _ranks(session, 300) == [*range(1, 301)], "it goes on counting where the other part ends"
    await watched.page.set_viewport_size({"width": 1400, "height": 901})
    await watched.until("document.querySelector('.far').hidden")
    assert await _ranks(session, 300) == [*range(1, 301)]
    assert await watched.value("document.getElementById('grid').offsetHeight") == height
    await watched.at(await stage.feed.publish(rows[::-1]))
    assert await watched.shown() == [row["symbol"] for row in rows[::-1]]
