"""The small lines of prices: what the page saw of a symbol lately, and no more symbols than it can hold."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page

from tests.browser.modules import at_home

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
