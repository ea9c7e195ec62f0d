"""The panel of trading halts: those that last and those of today that are over, with their reasons."""

from __future__ import annotations

from gapscan.obs import Tally, logger
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import Halts
from gapscan.ranker.questions import answering
from tests.browser.answers import IN, answer
from tests.browser.stage import OPENED, Stage, some_row
from tests.browser.watching import Watched

_MINUTE = 60_000
_ROWS = (
    "[...document.querySelectorAll('.halts tbody tr')].map((row) => [...row.children].map((cell) => cell.innerText))"
)


async def _publish(stage: Stage, *halts: tuple[str, str, int, str | None, int | None]) -> None:
    """Halts as a feed publishes them: symbol, status, since when, why, to resume."""
    symbols, status, times, reasons, ends = (
        (list(column) for column in zip(*halts, strict=True)) if halts else ([],) * 5
    )
    message = Halts(OPENED + 9 * _MINUTE, True, symbols, status, times, reasons, ends)
    await stage.bus.js.publish(stage.bus.names.feed_halts, encode(message))


async def _add(watched: Watched, title: str) -> None:
    await watched.page.keyboard.press("l")
    await watched.page.click(f"#layouts-panels button:text-is('{title}')")


async def test_it_shows_all_halts_and_chooses_their_symbols(watched: Watched, stage: Stage) -> None:
    await _publish(
        stage,
        ("OLD", "halted", OPENED - 90 * _MINUTE, "T1", None),
        (IN, "halted", OPENED + 8 * _MINUTE + 30_000, "LUDP", OPENED + 14 * _MINUTE),
        ("DONE", "resumed", OPENED + 5 * _MINUTE, None, None),
    )
    async with answering(stage.bus, answer, Tally(logger("test"))):
        await watched.open()
        await watched.at(await stage.feed.publish([some_row(IN), some_row("BBB")]))
        await _add(watched, "Symbol")
        await _add(watched, "Halts")
        await watched.until(f"{_ROWS}.length === 3")
        assert await watched.value(_ROWS) == [
            [IN, "HALT", "09:38:30", "30s", "Volatility pause (LUDP)", "09:44:00"],
            ["OLD", "HALT", "08:00:00", "1h", "News pending (T1)", ""],
            ["DONE", "RESUMED", "09:35:00", "", "", ""],
        ]
        assert await watched.text(".panel.halts .panel-count") == "2 halted · 1 resumed"
        fresh = "[...document.querySelectorAll('.halts tr.fresh')].map(({dataset}) => dataset.symbol).join()"
        assert await watched.value(fresh) == IN, "it was halted within the last minute"
        await watched.page.focus(".halts tbody tr:first-child button")
        await watched.page.keyboard.press("Enter")
        await watched.until("document.querySelector('.row.selected')?.dataset.symbol", IN)
        text = "(text) => document.querySelector('.panel.symbol').textContent.includes(text)"
        await watched.until(text, "Halted since 09:38:30 · Volatility pause (LUDP) · to resume at 09:44:00.")
        await _publish(stage, (IN, "resumed", OPENED + 9 * _MINUTE, "LUDP", OPENED + 14 * _MINUTE))
        await watched.until(f"{_ROWS}.length === 1 && {_ROWS}[0][1] === 'RESUMED'")
        await watched.until(text, "Resumed at 09:39:00")


async def test_no_halts_and_no_answer(watched: Watched, stage: Stage) -> None:
    await _publish(stage)
    await watched.open()
    await watched.at(await stage.feed.publish([some_row(IN)]))
    await _add(watched, "Halts")
    await watched.until("document.querySelector('.panel.halts').innerText.includes('No trading halt today.')")
    await stage.close()
    await watched.until("document.querySelector('.panel.halts .panel-word').textContent === 'No answer'")
    await stage.open()
    await watched.until("document.querySelector('.panel.halts .panel-word').textContent === ''")
