"""The chart of a symbol: the bars are the provider's, prices go on live, and what happened is marked."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Page

from gapscan.obs import Tally, logger
from gapscan.provider import Bar
from gapscan.ranker.questions import answering
from tests.browser.answers import IN, answer
from tests.browser.modules import at_home
from tests.browser.stage import OPENED, Stage, some_row
from tests.browser.watching import Watched
from tests.support.symbol_bars import answering_bars, day_of

_MINUTE = 60_000
_BEGAN = OPENED - 2 * 86_400_000  # the open of the trading day that it is: a Friday
_CHART = "gapscan.panels().find(({kind}) => kind === 'chart')"


def minute(number: int, low: float, high: float, volume: float = 100.0) -> Bar:
    """A bar `number` minutes after the open."""
    start = _BEGAN + number * _MINUTE
    return Bar(IN, start, start + _MINUTE, low, high, low, high, volume)


@asynccontextmanager
async def providing(stage: Stage, *bars: Bar) -> AsyncIterator[None]:
    """A feed answers with these bars, and a ranker as usual."""
    day = day_of(lambda: OPENED + 30 * _MINUTE, *bars)
    async with answering_bars(stage.bus, day), answering(stage.bus, answer, Tally(logger("test"))):
        yield


async def _beside_a_list(watched: Watched, stage: Stage, *rows: Any) -> None:
    await watched.open()
    await watched.at(await stage.feed.publish(rows))
    await watched.word("Live")
    await watched.page.keyboard.press("l")
    await watched.page.click("#layouts-panels button:text-is('Chart')")
    await watched.page.wait_for_selector(".panel.chart")
    await watched.page.click(f"#row-{IN}")


async def test_bars_levels_and_marks(watched: Watched, stage: Stage) -> None:
    row = some_row(IN, 14.0, prev_close=9.5, halt="halted", halt_time=_BEGAN + _MINUTE + 5, halt_reason="LUDP")
    bars = [
        minute(-60, 9.0, 11.0),
        minute(-30, 8.0, 10.0),
        minute(0, 10.0, 12.0),
        minute(1, 12.0, 14.0, 300.0),
        minute(2880, 14.0, 14.0),
    ]
    async with providing(stage, *bars):
        await _beside_a_list(watched, stage, row)
        await watched.until(f"{_CHART}.drawn")
        chart = await watched.value(_CHART)
        assert [(bar["start"], bar["low"], bar["high"]) for bar in chart["bars"]] == [
            (bar.start, bar.low, bar.high) for bar in bars
        ]
        assert {level["title"]: level["price"] for level in chart["levels"]} == {
            "close before": 9.5, "pre-market high": 11.0, "pre-market low": 8.0,
        }  # fmt: skip
        typical = [(bar.high + bar.low + bar.close) / 3 * bar.volume for bar in bars]  # type: ignore[operator]
        assert chart["average"][-1]["value"] == pytest.approx(sum(typical) / 700)
        assert [(mark["start"], mark["text"]) for mark in chart["marks"]] == [
            (_BEGAN + _MINUTE, "halted LUDP"), (OPENED, "Gappers up"),
        ]  # fmt: skip
        assert await watched.page.locator(".chart-room canvas").count() > 0
        assert "last 09:30 · 14.00" in str(await watched.page.get_attribute(".chart-room", "aria-label"))
        assert await watched.page.is_visible("text=Charts by TradingView")


async def test_a_price_that_comes_later_is_drawn(watched: Watched, stage: Stage) -> None:
    async with providing(stage, minute(0, 10.0, 12.0)):
        await _beside_a_list(watched, stage, some_row(IN, 12.0, price_time=_BEGAN + 1000))
        await watched.until(f"{_CHART}.drawn")
        await stage.feed.publish([some_row(IN, 13.0, price_time=_BEGAN + 2000)])
        await watched.until(f"{_CHART}.bars.at(-1).high === 13")
        await stage.feed.publish([some_row(IN, 12.5, price_time=_BEGAN + _MINUTE)])
        await watched.until(f"{_CHART}.bars.length === 2")
        last = (await watched.value(_CHART))["bars"][-1]
        assert (last["start"], last["open"], last["close"]) == (_BEGAN + _MINUTE, 12.5, 12.5)


async def test_there_are_no_bars(watched: Watched, stage: Stage) -> None:
    note = "(text) => document.querySelector('.chart-note').textContent.includes(text)"
    await _beside_a_list(watched, stage, some_row(IN))
    await watched.until(note, "no feed leads")
    async with providing(stage):
        await watched.until(note, "Nothing traded today.")


_RULES = """async (prices) => {
  const {averages, marksOn, premarket, withPrice} = await import("/panels/chartdata.js");
  let bars = [{start: 0, open: 5, high: 5, low: 5, close: 5, volume: 1}];
  for (const [time, price] of prices) {
    const before = bars;
    bars = withPrice(bars, time, price);
    if (before.at(-1).start > time && bars !== before) return ["an older price changed", time];
  }
  const starts = bars.map(({start}) => start);
  const ordered = starts.every((start, at) => start % 60000 === 0 && (!at || start > starts[at - 1]));
  const whole = bars.every(({open, high, low, close}) => low <= Math.min(open, close) && high >= Math.max(open, close));
  const marked = marksOn(bars, prices.map(([time]) => ({time, text: "x", kind: "halt"})));
  return [ordered, whole, new Set(marked.map(({start}) => start)).size === marked.length,
    premarket(bars, 0), averages(bars).length === bars.length];
}"""


@pytest.mark.parametrize("seed", range(6))
async def test_live_prices_make_bars(page: Page, seed: int) -> None:
    dice = random.Random(seed)
    times = sorted(dice.randrange(3_600_000) for _ in range(80))
    prices = [[max(0, time - dice.choice([0, 0, 0, 90_000])), round(dice.uniform(1, 9), 2)] for time in times]
    await at_home(page)
    assert await page.evaluate(_RULES, prices) == [True, True, True, None, True]
