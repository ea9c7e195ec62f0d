"""The page shows exactly the server's list, and touches only what changed."""

from __future__ import annotations

import random
from typing import Any

import pytest
from playwright.async_api import Page

from tests.browser.stage import LIST, OTHER, Stage, some_row
from tests.browser.watching import Watched, symbols, watch
from tests.browser.wire import Message, Wire

# Counts what is done to the rows: texts written by symbol, and symbols of rows put in or taken out.
# The browser has no frame from now on until nextFrame(); what was asked for before is drawn first.
_HOLD_FRAMES = """
() => {
  const request = window.requestAnimationFrame.bind(window), due = [];
  window.requestAnimationFrame = (draw) => due.push(draw);
  window.nextFrame = () => {
    window.requestAnimationFrame = request;
    due.forEach((draw) => request(draw));
  };
  return new Promise((done) => request(() => done()));
}
"""
_OBSERVE = """
() => {
  window.mutations = {texts: [], attributes: [], rows: []};
  const rowOf = (node) => (node.closest ? node : node.parentElement)?.closest(".row")?.dataset.symbol;
  new MutationObserver((records) => {
    for (const {type, target, addedNodes, removedNodes} of records) {
      if (type === "characterData") mutations.texts.push(rowOf(target));
      else if (type === "attributes") mutations.attributes.push(rowOf(target));
      else if (target.id === "body")
        for (const node of [...addedNodes, ...removedNodes]) mutations.rows.push(node.dataset.symbol);
      else mutations.attributes.push(rowOf(target));
    }
  }).observe(document.getElementById("body"), {subtree: true, childList: true, characterData: true, attributes: true});
}
"""


async def test_modules_come_at_once_and_are_kept(watched: Watched, stage: Stage) -> None:
    await stage.feed.publish([some_row("A")])
    loaded = """performance.getEntriesByType("resource").filter(({name}) => name.endsWith(".js"))
      .map(({initiatorType, transferSize}) => [initiatorType, transferSize])"""
    for transferred in (True, False):
        await watched.open()
        await watched.word("Live")
        found = await watched.value(loaded)
        assert len(found) > 50
        imported = [kind for kind, _ in found if kind == "script"]  # the page's own two, and those that others name
        assert len(imported) == 2, "no module waits for another to be read"
        assert all((size > 0) == transferred for _, size in found)


async def test_first_snapshot(watched: Watched, stage: Stage) -> None:
    rows = [some_row("TSLA", 262.55, gap_percent=12.5), some_row("AAPL", 195.1), some_row("Ω", None)]
    sequence = await stage.feed.publish(rows)
    await watched.open()
    await watched.at(sequence)
    await watched.word("Live")
    assert await watched.shown() == ["TSLA", "AAPL", "Ω"]
    assert await watched.column("price") == ["262.55", "195.10", "–"]
    assert await watched.column("gap_percent") == ["+12.50", "+5.00", "+5.00"]
    assert (await watched.copy(LIST))["rows"] == rows
    assert await watched.text("#title") == "Gappers up"
    assert await watched.text("#verified") == "✓ verified"
    assert await watched.text("#sequence") == f"sequence {sequence}"
    assert await watched.page.is_visible("#simulated")


async def test_deltas_are_drawn_exactly_and_with_one_snapshot(watched: Watched, stage: Stage) -> None:
    dice = random.Random(1)
    await stage.feed.shuffle(dice, 5)
    await watched.open()
    await watched.at(stage.feed.publisher.sequence)
    await watched.at(await stage.feed.shuffle(dice, 60, pause=0.03))
    await watched.assert_exact(stage.feed.truth)
    counts = await watched.counts()
    assert counts["snapshots"] == 1
    assert counts["deltas"] > 5
    assert counts["resyncs"] == counts["mismatches"] == 0


async def test_over_a_thin_link_messages_are_compressed(page: Page, stage: Stage) -> None:
    await stage.close()
    await stage.open(compress=True)
    answered: list[dict[str, str]] = []
    session = await page.context.new_cdp_session(page)
    session.on(
        "Network.webSocketHandshakeResponseReceived", lambda event: answered.append(event["response"]["headers"])
    )
    await session.send("Network.enable")
    watched = await watch(page, stage.url)
    dice = random.Random(3)
    await stage.feed.publish([some_row(f"S{number}") for number in range(30)])
    await watched.open()
    for _ in range(5):
        await watched.at(await stage.feed.shuffle(dice, 4))
    await watched.assert_exact(stage.feed.truth)
    (headers,) = answered
    agreed = {name.lower(): value for name, value in headers.items()}
    assert agreed["sec-websocket-extensions"].startswith("permessage-deflate")
    assert watched.errors == []


async def test_a_moving_row_keeps_its_element(watched: Watched, stage: Stage) -> None:
    rows = [some_row(symbol) for symbol in "ABCDEFGH"]
    await watched.open()
    await watched.at(await stage.feed.publish(rows))
    await watched.value("() => { window.kept = [...document.querySelectorAll('#body .row')]; }")
    moved = [rows[6], *rows[:6], rows[7]]
    await watched.at(await stage.feed.publish(moved))
    assert await watched.shown() == symbols(moved)
    assert await watched.value("kept.every((row) => row.isConnected)")
    assert await watched.value("document.querySelector('#body .row') === kept[6]")
    assert await watched.value("kept[6].querySelector('.move').textContent") == "▲6"


async def test_untouched_rows_are_not_mutated(watched: Watched, stage: Stage) -> None:
    rows = [some_row(f"S{number}", 10.0 + number) for number in range(30)]
    await watched.open()
    await watched.at(await stage.feed.publish(rows))
    await watched.word("Live")
    await watched.value(_OBSERVE)
    changed = [*rows]
    changed[3] = some_row("S3", 99.0, volume=2000)  # two cells
    changed[8] = some_row("S8", 18.0, gap_percent=6.0)  # one cell
    mover = changed.pop(20)
    changed.insert(1, mover)
    changed.remove(rows[12])
    changed.insert(5, some_row("NEW"))
    await watched.at(await stage.feed.publish(changed))
    seen: dict[str, Any] = await watched.value("mutations")
    assert sorted(seen["texts"]) == ["S3", "S3", "S8"]
    assert set(seen["attributes"]) == {"S3", "S20"}, "the flashing cell, and the arrow of the row that moved"
    assert sorted(seen["rows"]) == ["NEW", "S12", "S20", "S20"], "in, out, and one move"
    assert await watched.shown() == symbols(changed)


async def test_rows_that_only_make_room_show_their_new_rank(watched: Watched, stage: Stage) -> None:
    rows = [some_row(symbol) for symbol in "ABC"]
    await watched.open()
    await watched.at(await stage.feed.publish(rows))
    await watched.word("Live")
    first, second = [await watched.page.locator(f"#row-{symbol} .rank").screenshot() for symbol in "AB"]
    await watched.at(await stage.feed.publish([some_row("NEW"), *rows]))
    await watched.word("Live")
    pushed = await watched.page.locator("#row-A .rank").screenshot()
    assert pushed == second != first, "the rank is a counter of the style sheet"
    assert await watched.value("document.querySelector('#row-A .n').textContent") == "", "it is nowhere in the rows"


async def test_a_burst_of_messages_is_drawn_once(watched: Watched, stage: Stage) -> None:
    """What comes between two frames of the browser is one change of what it shows."""
    dice = random.Random(2)
    await watched.open()
    await watched.at(await stage.feed.shuffle(dice, 3))
    await watched.word("Live")
    await watched.value(_HOLD_FRAMES)
    drawn, deltas = len(await watched.drawn()), (await watched.counts())["deltas"]
    for _ in range(8):
        sequence = await stage.feed.shuffle(dice)
        await watched.until(f"(wanted) => gapscan.copy('{LIST}').sequence === wanted", sequence)
    assert (await watched.counts())["deltas"] - deltas == 8
    assert len(await watched.drawn()) == drawn
    await watched.value("nextFrame()")
    await watched.at(sequence)
    assert len(await watched.drawn()) - drawn == 1
    await watched.assert_exact(stage.feed.truth)


async def test_entries_and_exits_are_logged_and_marked(watched: Watched, stage: Stage) -> None:
    there_before = await stage.feed.publish([some_row("A"), some_row("B")])
    await watched.open()
    await watched.at(there_before)
    await watched.until("gapscan.status().word === 'Live'")
    assert await watched.page.locator("#activity li").count() == 0, "what was there before is no entry"
    await watched.until("document.getElementById('age').textContent !== ''")
    await watched.news()
    await watched.at(await stage.feed.publish([some_row("C"), some_row("A")]))
    lines = [" ".join(text.split()) for text in await watched.page.locator("#activity li").all_inner_texts()]
    assert [line.split(" ", 1)[1] for line in lines] == ["C in #1", "B out"]
    assert await watched.value("document.querySelector('#row-C').classList.contains('new')")


async def test_rows_in_a_special_state_are_marked(watched: Watched, stage: Stage, wire: Wire) -> None:
    def halt(message: Message) -> Message:
        for row in message.get("rows", []):
            row["halt"] = "halted" if row["symbol"] == "HLT" else None
        return message

    wire.rewrite = halt
    rows = [some_row("OLD", stale=True, source="snapshot"), some_row("HLT"), some_row("SPL", split_today=True)]
    sequence = await stage.feed.publish(rows)
    await watched.page.add_init_script("localStorage.setItem('gapscan.settings', '{\"wide\": [\"source\"]}')")
    await watched.open()
    await watched.at(sequence)
    classes = await watched.value("[...document.querySelectorAll('#body .row')].map((row) => row.className)")
    assert classes == ["row stale", "row halted", "row"]
    assert await watched.column("symbol") == ["OLD", "HLT HALT", "SPL SPLIT"]
    assert await watched.column("source") == ["scan", "live", "live"]


async def test_an_empty_list_says_so(watched: Watched, stage: Stage) -> None:
    await watched.open()
    await watched.at(await stage.feed.publish([some_row("A")]))
    await watched.at(await stage.feed.publish([]))
    await watched.until("document.getElementById('empty').textContent === 'No symbol qualifies at the moment.'")
    stage.feed.state = "stale"
    await watched.until("document.getElementById('empty').textContent.startsWith('Nothing is known now')")
    stage.feed.state = "closed"  # its definition has regular hours only
    await watched.until("document.getElementById('empty').textContent.startsWith('Closed now')")
    assert "in regular hours (09:30–16:00), New York time" in str(await watched.text("#empty"))


@pytest.mark.parametrize("width", [1100, 1280, 1440])
async def test_the_usual_columns_fit(watched: Watched, stage: Stage, width: int) -> None:
    await watched.page.set_viewport_size({"width": width, "height": 800})
    await watched.open()
    await watched.at(await stage.feed.publish([some_row("A", gap_indicative=True, gap_percent=-123.45)]))
    for name in (LIST, OTHER):
        await watched.page.click(f"#tab-{name}")
        await watched.until("(name) => drawn.at(-1).list === name", name)
        assert (
            await watched.value(
                "(({scrollWidth, clientWidth}) => scrollWidth - clientWidth)(document.getElementById('scroll'))"
            )
            <= 0
        )
        cut = "[...document.querySelectorAll('.cell')].filter((cell) => cell.scrollWidth > cell.clientWidth + 1)"
        assert await watched.value(f"{cut}.map((cell) => cell.textContent)") == []


async def test_lists_are_tabs_and_a_list_once_seen_is_resumed(watched: Watched, stage: Stage) -> None:
    await stage.feeds[OTHER].publish([some_row("W")])
    await watched.open()
    rows = [some_row(f"S{number}") for number in range(20)]
    await watched.at(await stage.feed.publish(rows))
    snapshots = (await watched.counts())["snapshots"]
    assert await watched.page.locator("#tabs .label").all_inner_texts() == ["Gappers up", "Winners"]
    await watched.page.click("#tab-winners")
    await watched.until("gapscan.shown().join() === 'W'")
    await watched.word("Live")
    assert "ranking" in str(await watched.page.get_attribute("#head .change_percent", "class"))
    await stage.feed.publish([*rows, some_row("NEW")])
    await watched.page.click("#tab-gappers_up")
    await watched.until("gapscan.shown().at(-1) === 'NEW'")
    assert (await watched.counts())["snapshots"] == snapshots + 1, "coming back, only the difference is sent"
    assert (await watched.value("location.hash")) == "#gappers_up"
