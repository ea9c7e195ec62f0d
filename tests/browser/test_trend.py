"""The small lines of prices: what the page saw of a symbol lately, and no more symbols than it can hold."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page

from tests.browser.modules import at_home
from tests.browser.stage import Stage, some_row
from tests.browser.watching import Watched

# Takes note of rows, [symbol, price, market time], and tells how many points the line of each of `asked` has.
_NOTE = """async ({ rows, asked }) => {
  const { Trends } = await import("/trend.js");
  const trends = new Trends();
  for (const [symbol, price, price_time] of rows) trends.note({ symbol, price, price_time });
  return asked.map((symbol) => trends.path(symbol).split(/[ML]/).filter(Boolean).length);
}"""
_MINUTE = 60_000


async def _points(page: Page, rows: list[list[Any]], *asked: str) -> list[int]:
    await at_home(page)
    return list(await page.evaluate(_NOTE, {"rows": rows, "asked": asked}))


async def test_a_line_has_the_last_sixty_prices_two_seconds_apart(page: Page) -> None:
    often = [["A", 1 + step, step * 1000] for step in range(400)]
    assert await _points(page, [*often, ["B", 1, 0], ["B", 2, 2000], ["B", 3, 1000]], "A", "B", "C") == [60, 2, 0]


async def test_a_line_without_a_new_price_for_a_quarter_of_an_hour_is_forgotten(page: Page) -> None:
    """When another symbol comes; those that move on are kept, however long they are there."""
    early = [["OLD", 1, 0], ["OLD", 2, 2000], ["ON", 1, 0], ["ON", 2, 3000], ["ON", 3, 14 * _MINUTE]]
    assert await _points(page, [*early, ["NEW", 1, 15 * _MINUTE + 2000]], "OLD", "ON") == [2, 3]
    assert await _points(page, [*early, ["NEW", 1, 15 * _MINUTE + 2001]], "OLD", "ON") == [0, 3]
    again = [["OLD", 3, 15 * _MINUTE + 3000], ["OLD", 4, 16 * _MINUTE]]
    assert await _points(page, [*early, ["NEW", 1, 15 * _MINUTE + 2001], *again], "OLD") == [2]


async def test_of_too_many_symbols_those_that_stood_longest_are_forgotten(page: Page) -> None:
    many = [[f"S{number}", price, price * 2000] for price in (1, 2) for number in range(3000)]
    assert await _points(page, [*many, ["S0", 3, 6000], ["NEW", 1, 7000]], "S0", "S1", "S2") == [3, 0, 2]


# Steps: [symbol, price, market time] is noted, [symbol, rows, market time, true] gets or loses so many rows.
_LEAVE = """async ({ steps, asked }) => {
  const { Trends } = await import("/trend.js");
  const trends = new Trends();
  for (const [symbol, value, time, rows] of steps) {
    trends.now = time;
    if (!rows) trends.note({ symbol, price: value, price_time: time });
    for (let row = 0; rows && row < Math.abs(value); row += 1) value > 0 ? trends.enter(symbol) : trends.leave(symbol);
  }
  return asked.map((symbol) => trends.path(symbol) !== "");
}"""


async def test_the_line_of_who_left_is_kept_for_two_minutes(page: Page) -> None:
    """Who left one of two panels has not left, nor who came back."""
    await at_home(page)

    async def known(at: int) -> list[bool]:
        symbols = ["GONE", "BACK", "HERE", "OTHER"]
        rows = [[symbol, 2, 0, True] for symbol in symbols]
        begun = [[symbol, price, price * 2000] for price in (1, 2) for symbol in symbols]
        left = [["GONE", -2, 5000, True], ["BACK", -2, 5000, True], ["HERE", -1, 5000, True], ["BACK", 1, 9000, True]]
        steps = [*rows, *begun, *left, ["OTHER", -2, at, True]]
        return list(await page.evaluate(_LEAVE, {"steps": steps, "asked": symbols}))

    assert await known(5000 + 2 * _MINUTE) == [True, True, True, True]
    assert await known(5001 + 2 * _MINUTE) == [False, True, True, True]


async def test_who_comes_back_later_has_a_line_of_its_own(page: Page) -> None:
    """Though nobody else left meanwhile."""
    await at_home(page)
    begun = [["A", 1, 0, True], ["A", 1, 0], ["A", 2, 2000], ["A", -1, 5000, True]]

    async def known(at: int) -> list[bool]:
        return list(await page.evaluate(_LEAVE, {"steps": [*begun, ["A", 1, at, True]], "asked": ["A"]}))

    assert await known(5000 + 2 * _MINUTE) == [True]
    assert await known(5001 + 2 * _MINUTE) == [False]


async def test_after_a_pause_of_a_quarter_of_an_hour_a_line_begins_anew(page: Page) -> None:
    """Backwards too, as in a market that is played again; what is a little older is of a list that is behind."""
    begun = [["A", 1, 30 * _MINUTE], ["A", 2, 30 * _MINUTE + 2000]]
    for pause, points in ((15 * _MINUTE, 3), (15 * _MINUTE + 1, 1), (-15 * _MINUTE, 2), (-15 * _MINUTE - 1, 1)):
        then = 30 * _MINUTE + 2000 + pause
        after = [["A", 3, then], ["A", 4, then + 2000]]
        assert await _points(page, [*begun, *after], "A") == [points + (pause > 0 or points == 1)], pause


# Two tables of one page. Steps: [table, rows as symbol to price, market time, live] is drawn, [table, market time]
# begins another epoch. Tells the points of each symbol's line in each table.
_TABLES = """async (steps) => {
  const [{ Table }, { Trends }] = await Promise.all([import("/table.js"), import("/trend.js")]);
  const text = (row) => row.symbol;
  const columns = [{ id: "rank" }, { id: "symbol", fields: ["symbol"], text }, { id: "spark" }];
  document.body.innerHTML = '<div class="scroll"><div></div></div>'.repeat(2);
  const trends = new Trends();
  const bodies = [...document.querySelectorAll(".scroll > div")];
  const tables = bodies.map((body) => new Table(body, trends, (symbol) => symbol));
  for (const table of tables) table.setColumns(columns);
  for (const [number, prices, time, live] of steps) {
    if (typeof prices === "number") {
      tables[number].beganAnew(prices);
      continue;
    }
    const rows = Object.entries(prices).map(([symbol, price]) => ({ symbol, price, price_time: time }));
    const shown = { rows, ranks: new Map(), pinned: new Set(), left: new Set(), plain: true };
    tables[number].draw(shown, { placed: new Set(), entered: new Set(), exact: true }, time, live);
  }
  const drawn = (row) => row.querySelector("path").getAttribute("d") ?? "";
  const points = (row) => [row.dataset.symbol, drawn(row).split(/[ML]/).filter(Boolean).length];
  const rowsOf = (scroll) => [...scroll.querySelectorAll("[data-symbol]")];
  return [...document.querySelectorAll(".scroll")].map((scroll) => Object.fromEntries(rowsOf(scroll).map(points)));
}"""


async def _tables(page: Page, *steps: list[Any]) -> list[dict[str, int]]:
    await at_home(page)
    return list(await page.evaluate(_TABLES, list(steps)))


async def test_a_table_of_the_past_adds_nothing_to_the_lines_of_others(page: Page) -> None:
    now = 300 * _MINUTE
    past = [[0, {"X": 10 + step}, now - (10 - step) * 2000, False] for step in range(8)]
    live = [[1, {"X": 50 + step}, now + step * 2000, True] for step in range(3)]
    assert (await _tables(page, *past, *live))[1] == {"X": 3}
    assert (await _tables(page, *live[:2], *past, live[2]))[1] == {"X": 3}, "nor is anything forgotten for it"


async def test_another_epoch_of_one_list_leaves_the_lines_of_others(page: Page) -> None:
    """What it has itself begins anew where the market does, at an earlier time; after a ranker's end it goes on."""
    now = 300 * _MINUTE
    begun = [
        [table, rows, now + step * 2000, True]
        for step in (1, 2)
        for table, rows in enumerate(({"A": step}, {"B": step}))
    ]

    async def after(at: int) -> list[dict[str, int]]:
        return await _tables(page, *begun, [0, at], [0, {"A": 3}, at, True], [1, {"B": 3}, now + 6000, True])

    assert await after(now + 6000) == [{"A": 3}, {"B": 3}]
    assert await after(now - 6000) == [{"A": 0}, {"B": 3}], "one point is no line"


async def test_the_page_draws_what_it_saw(watched: Watched, stage: Stage) -> None:
    moment = stage.feed.as_of()
    await watched.open()
    for step in range(2):
        await watched.at(await stage.feed.publish([some_row("A", 12.0 + step, price_time=moment + step * 3000)]))
    await watched.until("document.querySelector('#row-A .spark path').getAttribute('d')?.includes('L')")
