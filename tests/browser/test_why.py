"""The panel that says why, the columns of each list, the marks of halted rows, lists that come and go."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from msgspec import UNSET
from playwright.async_api import Browser, Page

from gapscan.bridge import questions
from gapscan.bus.definitions import remove_list, write_definition
from gapscan.obs import Tally, logger
from gapscan.protocol.fields import FIELDS, USUAL_COLUMNS
from gapscan.protocol.messages import Headline, ListDefinition, Why, WhyRequest
from gapscan.ranker.explainer import Explainer
from gapscan.ranker.questions import answering
from gapscan.ranking.spec import shipped_lists
from tests.browser.answers import IN, OUT, UNKNOWN, answer, looked_at
from tests.browser.modules import at_home
from tests.browser.stage import LIST, OPENED, OTHER, Stage, some_row
from tests.browser.watching import Watched, watch
from tests.support.market import stock, universe_of

_ROWS = [some_row(IN, 10.0, gap_percent=9.0, name="Alpha"), some_row("BBB", 20.0, gap_percent=8.0)]


@pytest.fixture(autouse=True)
def _nothing_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test gets the answer that the one before it got a moment ago."""
    monkeypatch.setattr(questions, "SHARED_SECONDS", 0.0)


async def _opened(watched: Watched, stage: Stage) -> None:
    await watched.open()
    await watched.at(await stage.feed.publish(_ROWS))
    await watched.word("Live")


async def _lines(watched: Watched) -> list[list[str]]:
    """The cells of all conditions in the panel that can be seen."""
    rows = await watched.page.locator("#why tbody tr").all()
    return [await row.locator("th, td").all_inner_texts() for row in rows if await row.is_visible()]


async def _says(watched: Watched, text: str) -> None:
    await watched.until("(text) => document.getElementById('why-answer').textContent.includes(text)", text)


async def _place(watched: Watched) -> list[float]:
    return list(
        await watched.value(
            "(({x, y, height}) => [x, y, height])(document.querySelector('#row-BBB').getBoundingClientRect())"
        )
    )


async def test_why_a_row_is_there(watched: Watched, stage: Stage) -> None:
    async with answering(stage.bus, answer, Tally(logger("test"))):
        await _opened(watched, stage)
        before = await _place(watched)
        await watched.page.click(f"#row-{IN}")
        await _says(watched, "Rank 1 of 57")
        assert await _place(watched) == before, "the rows stay where they are"
        await watched.page.locator("#body .price_age").first.scroll_into_view_if_needed()
        right = "(selector) => document.querySelector(selector).getBoundingClientRect().right"
        panel = await watched.value("document.querySelector('#why').getBoundingClientRect().left")
        assert await watched.value(right, "#body .price_age") <= panel + 1, "every column can be reached"
        assert await watched.text("#why-symbol") == IN
        assert await watched.text("#why-name") == "Alpha"
        assert await watched.text("#why-time") == "as of 09:30:00"
        assert "In the list since 09:30:00." in await watched.text("#why-answer")
        assert await _lines(watched) == [
            ["✓ Gap %", "9", "≥ 2", "09:30:00"],
            ["✓ Any of these:", ""],
            ["✓ High at", "45s ago", "≤ 5m ago", "09:30:00"],
            ["✓ Volume", "245,696", "≥ 100,000", "09:30:00"],
            ["✓ Price", "263.1", "≥ 1", "09:30:00"],
        ]
        await watched.page.keyboard.press("ArrowDown")
        await watched.until("document.getElementById('why-symbol').textContent === 'BBB'")
        await _says(watched, "Not in it: 1 condition fails")
        await watched.page.keyboard.press("Escape")
        assert not await watched.page.is_visible("#why")
        await watched.until("document.activeElement.id === 'grid'")
        assert await watched.page.get_attribute("#row-BBB", "aria-selected") == "true", "one more Esc clears it"


@pytest.mark.parametrize("width", [390, 1400, 3840])
async def test_numbers_do_not_break_over_lines(watched: Watched, stage: Stage, width: int) -> None:
    def big(request: WhyRequest) -> Why:
        """With numbers as companies have them."""
        sizes = [
            looked_at("volume >= average_volume", 4_383_106, 13_204_551, passes=False),
            looked_at("market_cap >= 2_000_000_000", 4_123_456_789, 2_000_000_000, passes=True),
        ]
        return msgspec.structs.replace(answer(request), gate=sizes)

    await watched.page.set_viewport_size({"width": width, "height": 844})
    async with answering(stage.bus, big, Tally(logger("test"))):
        await _opened(watched, stage)
        await watched.page.click(f"#row-{IN}")
        await _says(watched, "4,383,106")
        broken = """[...document.querySelectorAll("#why-answer .number")]
          .filter((each) => each.getClientRects().length > 1).map((each) => each.textContent)"""
        assert await watched.value(broken) == []
        assert await watched.value("(({scrollWidth, clientWidth}) => scrollWidth <= clientWidth)"
                                   "(document.getElementById('why-answer'))")  # fmt: skip


async def test_links_lead_to_pages_about_the_symbol(page: Page, stage: Stage) -> None:
    await stage.close()
    await stage.open(links=["https://www.quotes.example/{symbol}?of={symbol}", "https://filings.example/{symbol}"])
    watched = await watch(page, stage.url)
    rows = [some_row("BRK.B", 10.0, gap_percent=9.0), some_row("A/B", 20.0, gap_percent=8.0)]
    async with answering(stage.bus, answer, Tally(logger("test"))):
        await watched.open()
        await watched.at(await stage.feed.publish(rows))
        for symbol, written in (("BRK.B", "BRK.B"), ("A/B", "A%2FB")):
            await watched.page.click(f'[data-symbol="{symbol}"]')
            await watched.until("(text) => document.getElementById('why-symbol').textContent === text", symbol)
            links = """[...document.querySelectorAll("#why-links a")]
              .map(({href, textContent, rel}) => [href, textContent, rel])"""
            assert await watched.value(links) == [
                [f"https://www.quotes.example/{written}?of={written}", "quotes.example", "noopener noreferrer"],
                [f"https://filings.example/{written}", "filings.example", "noopener noreferrer"],
            ]
    assert watched.errors == []


async def test_a_symbol_can_be_dragged_as_text(watched: Watched, stage: Stage) -> None:
    await _opened(watched, stage)
    dragged = """() => {
      const event = new DragEvent("dragstart", {bubbles: true, dataTransfer: new DataTransfer()});
      document.querySelector("#row-BBB .symbol").dispatchEvent(event);
      return [document.querySelector("#row-BBB .symbol").draggable, event.dataTransfer.getData("text/plain")];
    }"""
    assert await watched.value(dragged) == [True, "BBB"]


async def test_the_gate_is_put_in_words(watched: Watched, stage: Stage) -> None:
    """The page knows a ranker's own conditions by their ids."""
    desk = Explainer(universe_of([stock(IN, price=10.0, prev_close=9.0)]), shipped_lists(), lambda _name: [])
    async with answering(stage.bus, desk.answer, Tally(logger("test"))):
        await _opened(watched, stage)
        await watched.page.click(f"#row-{IN}")
        await _says(watched, "Every list")
        lines = [[label, value, must] for label, value, must, _since in await _lines(watched)]
        assert lines[-4:] == [
            ["✓ Type", "CS", "in CS, ADRC"],
            ["✓ Test symbol", "no", "no"],
            ["✓ Price", "10", "≥ 1"],
            ["✓ Seconds without a trade", "0", "≤ 900"],
        ]


async def test_the_panel_asks_again_while_it_is_open(watched: Watched, stage: Stage) -> None:
    tally = Tally(logger("test"))
    async with answering(stage.bus, answer, tally):
        await _opened(watched, stage)
        await watched.page.keyboard.press("ArrowDown")
        await watched.page.keyboard.press("w")
        await _says(watched, "Rank 1 of 57")
        await watched.value("() => { window.kept = document.querySelector('#why tbody tr'); }")
        await watched.value("() => new Promise((done) => document.addEventListener('gapscan:why', done, {once: true}))")
        assert tally.counts["why_answered"] >= 2
        assert await watched.value("kept.isConnected"), "what says the same is not made anew"


async def test_why_a_symbol_is_not_there(watched: Watched, stage: Stage) -> None:
    async with answering(stage.bus, answer, Tally(logger("test"))):
        await _opened(watched, stage)
        await watched.page.fill("#search", OUT.lower())
        await watched.until("!document.getElementById('offer').hidden")
        assert await watched.text("#offer") == f"Why is {OUT} not here?"
        await watched.page.press("#search", "Enter")
        await _says(watched, "Not in it: 1 condition fails")
        assert "Ranked by Gap %, highest first: 1.996 here, 2.03 in the last of 57 rows." in await watched.text("#why")
        assert (await _lines(watched))[0] == ["✗ Gap %", "1.996", "≥ 2", "by 09:30:00"]
        await watched.page.click("#why-all")
        await _says(watched, "In 0 of 2 lists")
        summaries = [" ".join(text.split()) for text in await watched.page.locator("#why summary").all_inner_texts()]
        assert summaries == ["✗ Gappers up not in it: 1 condition fails", "· Winners closed now"]
        await watched.page.click("#why summary >> nth=1")
        assert ["✗ Chg %", "−1.5", "≥ 5", "by 09:30:00"] in await _lines(watched)
        await watched.page.click("#why-here")
        await watched.page.click(f"#tab-{OTHER}")
        await _says(watched, "Closed now")
        await watched.page.click("#why-close")
        assert not await watched.page.is_visible("#why")


async def test_a_symbol_that_nobody_knows(watched: Watched, stage: Stage) -> None:
    async with answering(stage.bus, answer, Tally(logger("test"))):
        await _opened(watched, stage)
        await watched.page.fill("#search", UNKNOWN)
        await watched.page.click("#offer")
        await _says(watched, f"There is no symbol {UNKNOWN}.")
        await watched.page.click("#why .meant")
        await _says(watched, "Rank 1 of 57")


async def test_nobody_answers(watched: Watched, stage: Stage) -> None:
    await _opened(watched, stage)
    await watched.page.click(f"#row-{IN}")
    await _says(watched, "No ranker leads that could answer")
    async with answering(stage.bus, answer, Tally(logger("test"))):
        await _says(watched, "Rank 1 of 57")
    await watched.until("document.getElementById('why-time').textContent === 'as of 09:30:00, no answer since'")
    assert "Rank 1 of 57" in await watched.text("#why-answer")


async def test_on_a_phone_it_is_a_dialog(browser: Browser, stage: Stage) -> None:
    context = await browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    watched = await watch(await context.new_page(), stage.url)
    async with answering(stage.bus, answer, Tally(logger("test"))):
        await _opened(watched, stage)
        await watched.page.tap(f"#row-{IN}")
        await _says(watched, "Rank 1 of 57")
        assert await watched.value("document.getElementById('why').matches(':modal')")
        assert await watched.value("document.getElementById('why').scrollWidth <= innerWidth")
        assert await watched.value("document.documentElement.scrollWidth <= innerWidth")
        await watched.page.keyboard.press("Escape")
        assert not await watched.page.is_visible("#why")
    await context.close()


async def test_every_field_can_be_a_column(watched: Watched, stage: Stage) -> None:
    await watched.open()
    choices = await watched.value("[...document.querySelectorAll('#columns-choices input')].map((box) => box.value)")
    assert set(FIELDS) <= {*choices}
    assert len(choices) == len(set(choices))


async def test_chosen_columns_show_their_fields(watched: Watched, stage: Stage) -> None:
    shown: dict[str, tuple[Any, str]] = {
        "market_cap": (1_234_000_000, "1.23B"),
        "float_shares": (8_600_000, "8.60M"),
        "sector": ("Technology", "Technology"),
        "trades_z": (4.3, "4.3"),
        "high_time": (OPENED, "09:30:00"),
        "spike_size": (1.5, "1.5"),
        "thin_baseline": (True, "yes"),
        "change_1m_percent": (-1.2, "−1.2"),
        "volume_1m": (1500, "1.50K"),
    }
    chosen = json.dumps({"wide": [*shown]})
    await watched.page.add_init_script(f"localStorage.setItem('gapscan.settings', '{chosen}')")
    await watched.open()
    row = some_row("A", **{field: value for field, (value, _) in shown.items()})
    await watched.at(await stage.feed.publish([row]))
    assert [await watched.column(field) for field in shown] == [[text] for _, text in shown.values()]


async def test_lists_have_columns_of_their_own(watched: Watched, stage: Stage) -> None:
    await _opened(watched, stage)
    page = watched.page

    async def headings() -> list[str]:
        return [text for text in await page.locator("#head [role=columnheader]").all_inner_texts() if text]

    gappers = ["#", "Symbol", "Name", "Trend", "Price", "Gap %", "Chg %", "Volume", "Open %", "High %", "RVol", "$ Vol"]
    assert await headings() == [*gappers, "Float", "Age"]
    await page.click(f"#tab-{OTHER}")
    winners = ["#", "Symbol", "Name", "Trend", "Price", "Chg %", "Volume", "Gap %", "Open %", "5m %", "RVol", "$ Vol"]
    await watched.until("document.querySelector('#head .market_cap')")
    assert await headings() == [*winners, "Mkt cap", "Age"]
    await page.keyboard.press("o")
    await page.check("#columns-choices input[value=sector]")
    await page.keyboard.press("Escape")
    assert "Sector" in await headings()
    await page.click(f"#tab-{LIST}")
    await watched.until("document.querySelector('#head .float_shares')")
    assert "Sector" not in await headings(), "it was chosen for the other list"
    await page.click(f"#tab-{OTHER}")
    await page.keyboard.press("o")
    await page.click("#columns-spread")
    await page.keyboard.press("Escape")
    await page.click(f"#tab-{LIST}")
    await watched.until("document.querySelector('#head .sector')")


async def _headings_of(watched: Watched, stage: Stage, own: ListDefinition, field: str) -> list[str]:
    """What the page shows of a list once it shows `field`."""
    await write_definition(stage.bus, own)
    await watched.until("document.querySelector('#tab-own')")
    await watched.page.click("#tab-own")
    await watched.until(f"document.querySelector('#head .{field}')")
    return [text for text in await watched.page.locator("#head [role=columnheader]").all_inner_texts() if text]


async def test_an_own_list_shows_its_columns_in_their_order(watched: Watched, stage: Stage) -> None:
    await _opened(watched, stage)
    own = ListDefinition("own", "", "price > 0", ["-vwap"], 10, [], 99, columns=["sector", "made_later", "low", "open"])
    fixed = ["#", "Symbol", "Name", "Trend", "Price", "VWAP"]
    assert await _headings_of(watched, stage, own, "sector") == [*fixed, "Sector", "Low", "Open", "Age"]
    plain = ListDefinition("own", "", "price > 0", ["-vwap"], 10, [], 99)
    usual = [FIELDS[name].title for name in USUAL_COLUMNS]
    assert await _headings_of(watched, stage, plain, USUAL_COLUMNS[-1]) == [*fixed, *usual, "Age"]
    await remove_list(stage.bus, "own")


async def test_halted_and_resumed_rows_are_marked(watched: Watched, stage: Stage) -> None:
    rows = [
        some_row("HLT", halt="halted", halt_time=OPENED),
        some_row("RES", halt="resumed", halt_time=OPENED),
        some_row("THN", rvol=2.5, thin_baseline=True),
    ]
    sequence = await stage.feed.publish(rows)
    await watched.open()
    await watched.at(sequence)
    classes = await watched.value("[...document.querySelectorAll('#body .row')].map((row) => row.className)")
    assert classes == ["row halted", "row resumed", "row"]
    assert await watched.column("symbol") == ["HLT HALT", "RES RESUMED", "THN"]
    assert await watched.column("rvol") == ["–", "–", "≈2.50×"]
    rows = [some_row("HLT", halt="resumed", halt_time=OPENED), *rows[1:]]
    await watched.at(await stage.feed.publish(rows))
    assert (await watched.column("symbol"))[0] == "HLT RESUMED"


async def test_tabs_say_how_long_each_list_is_and_which_are_closed(watched: Watched, stage: Stage) -> None:
    stage.feeds[OTHER].state = "closed"
    await _opened(watched, stage)
    await watched.until("document.querySelector('#tab-gappers_up .count').textContent === '2'")
    await watched.until("document.querySelector('#tab-winners .count').textContent === 'closed'")
    await stage.feed.publish(_ROWS[:1])
    await watched.until("document.querySelector('#tab-gappers_up .count').textContent === '1'")


async def test_an_own_list_appears_and_vanishes(watched: Watched, stage: Stage) -> None:
    await _opened(watched, stage)
    await watched.value("() => { window.kept = document.querySelector('#body .row'); }")
    own = ListDefinition("own", "Mine.", "price > 0", ["-vwap"], 10, [], place=99)
    await write_definition(stage.bus, own)
    await watched.until("document.querySelector('#tab-own')")
    assert await watched.value("kept.isConnected"), "the rows of the list on the page stay"
    await watched.page.click("#tab-own")
    await watched.until("document.querySelector('#head .vwap.ranking')")
    await remove_list(stage.bus, "own")
    await watched.until("!document.querySelector('#tab-own') && gapscan.list() === 'gappers_up'")
    await watched.word("Live")
    await watched.until("(symbols) => gapscan.shown().join() === symbols.join()", [row["symbol"] for row in _ROWS])


@pytest.mark.parametrize(
    ("text", "value", "threshold", "shown"),
    [
        ("market_cap >= 200_000_000_000", 3.4e12, 2e11, ["3,400,000,000,000", "≥ 200,000,000,000"]),
        ("200_000_000_000 <= market_cap", 3.4e17, 2e11, ["340,000,000,000,000,000", "≥ 200,000,000,000"]),
        ("high_time >= price_time", OPENED, OPENED + 1000, ["09:30:00", "≥ 09:30:01 (Time)"]),
        ("high_time * 1 >= as_of", OPENED, OPENED + 1000, ["09:30:00", "09:30:01"]),
        ("high_time + 0 >= 1e11", OPENED, 1e11, [f"{OPENED:,}", "100,000,000,000"]),
        ("now - high_time <= 300_000", 120_000, 300_000, ["2m ago", "≤ 5m ago"]),
    ],
)
async def test_numbers_by_the_unit_of_what_is_compared(
    page: Page, text: str, value: float, threshold: float, shown: list[str]
) -> None:
    await at_home(page)
    condition = {"text": text, "kind": "test", "passes": True, "stays": True, "value": value, "threshold": threshold}
    script = "async (it) => { const {lineOf} = await import('/conditions.js'); return lineOf(it); }"
    line = await page.evaluate(script, {**condition, "depth": 0, "since": None, "at_least": False, "id": None})
    assert [line["value"], line["must"]] == shown


async def test_the_newest_headline_is_a_link_to_its_page(watched: Watched, stage: Stage) -> None:
    stories = [
        Headline(OPENED, "Alpha <b>raises</b> its outlook", "https://example.com/1", "Wire"),
        Headline(0, "Older"),
    ]

    def told(request: WhyRequest) -> Why:
        return msgspec.structs.replace(answer(request), news=stories if request.symbol == IN else UNSET)

    async with answering(stage.bus, told, Tally(logger("test"))):
        await _opened(watched, stage)
        await watched.page.click(f"#row-{IN}")
        await _says(watched, "Rank 1 of 57")
        link = watched.page.locator("#why .news a")
        assert await link.inner_text() == "Alpha <b>raises</b> its outlook"
        assert await link.get_attribute("href") == "https://example.com/1"
        assert await link.get_attribute("rel") == "noopener noreferrer"
        assert "09:30 · Wire" in await watched.text("#why .news")
        await watched.page.keyboard.press("ArrowDown")
        await _says(watched, "Not in it: 1 condition fails")
        assert await watched.page.locator("#why .news").count() == 0
