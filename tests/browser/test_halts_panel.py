"""The panel of trading halts: those that last and those of today that are over, with their reasons."""

from __future__ import annotations

from gapscan.market.sessions import new_york
from gapscan.obs import Tally, logger
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import Halts
from gapscan.ranker.questions import answering
from tests.browser.answers import IN, answer
from tests.browser.stage import OPENED, Stage, some_row
from tests.browser.watching import Watched

_MINUTE = 60_000
_DAY = 86_400_000
_FRESH = "[...document.querySelectorAll('.halts tr.fresh')].map(({dataset}) => dataset.symbol).join()"
_ROWS = (
    "[...document.querySelectorAll('.halts tbody tr')].map((row) => [...row.children].map((cell) => cell.innerText))"
)


async def _publish(stage: Stage, *halts: tuple[str, str, int, str | None, int | None], as_of: int = OPENED) -> None:
    """Halts as a feed publishes them, at a change: symbol, status, since when, why, to resume."""
    symbols, status, times, reasons, ends = (
        (list(column) for column in zip(*halts, strict=True)) if halts else ([],) * 5
    )
    message = Halts(as_of, True, symbols, status, times, reasons, ends)
    await stage.bus.js.publish(stage.bus.names.feed_halts, encode(message))


async def _add(watched: Watched, title: str) -> None:
    await watched.page.keyboard.press("l")
    await watched.page.click(f"#layouts-panels button:text-is('{title}')")


async def _beside_a_list(watched: Watched, stage: Stage, *panels: str) -> None:
    await watched.open()
    await watched.at(await stage.feed.publish([some_row(IN), some_row("BBB")]))
    for title in panels:
        await _add(watched, title)


def _clock(ms: int) -> str:
    return f"{new_york(ms):%H:%M:%S}"


async def test_it_shows_all_halts_and_chooses_their_symbols(watched: Watched, stage: Stage) -> None:
    now = stage.stand_still()
    halted, ends = now - _MINUTE // 2, now + 5 * _MINUTE
    await _publish(
        stage,
        ("OLD", "halted", now - 3 * _DAY, "T12", None),
        (IN, "halted", halted, "LUDP", ends),
        ("DONE", "resumed", now - 4 * _MINUTE, None, None),
        ("SOON", "halted", now - 8 * _MINUTE, "T1", now + _DAY),
        as_of=halted,
    )
    async with answering(stage.bus, answer, Tally(logger("test"))):
        await _beside_a_list(watched, stage, "Symbol", "Halts")
        await watched.until(f"{_ROWS}.length === 4 && {_ROWS}[0][3] === '30s'")
        assert await watched.value(_ROWS) == [
            [IN, "HALT", _clock(halted), "30s", "Volatility pause (LUDP)", _clock(ends)],
            ["SOON", "HALT", _clock(now - 8 * _MINUTE), "8m", "News pending (T1)", f"Mon 23 Nov {_clock(now)}"],
            ["OLD", "HALT", f"Thu 19 Nov {_clock(now)}", "3d", "The exchange asked for information (T12)", ""],
            ["DONE", "RESUMED", _clock(now - 4 * _MINUTE), "", "", ""],
        ]
        assert await watched.text(".panel.halts .panel-count") == "3 halted · 1 resumed"
        assert await watched.value(_FRESH) == IN, "it was halted within the last minute"
        await watched.page.focus(".halts tbody tr:first-child button")
        await watched.page.keyboard.press("Enter")
        await watched.until("document.querySelector('.row.selected')?.dataset.symbol", IN)
        text = "(text) => document.querySelector('.panel.symbol').textContent.includes(text)"
        await watched.until(
            text, f"Halted since {_clock(halted)} · Volatility pause (LUDP) · to resume at {_clock(ends)}."
        )
        stage.feed.stand_at(now + 3 * _MINUTE)  # nothing is said of halts meanwhile
        await watched.until(f"{_ROWS}[0][3] === '3m'")
        assert await watched.value(_FRESH) == ""
        await _publish(stage, (IN, "resumed", now + 3 * _MINUTE, "LUDP", ends), as_of=now + 3 * _MINUTE)
        await watched.until(f"{_ROWS}.length === 1 && {_ROWS}[0][1] === 'RESUMED'")
        await watched.until(text, f"Resumed at {_clock(now + 3 * _MINUTE)}")


async def test_halts_of_a_market_that_does_not_move_are_not_live(watched: Watched, stage: Stage) -> None:
    await _publish(stage, (IN, "halted", OPENED, "T1", None))
    await _beside_a_list(watched, stage, "Halts")
    await watched.until("document.querySelector('.panel.halts .panel-word').textContent === ''")
    for feed in stage.feeds.values():
        feed.state = "stale"
    await watched.until("document.querySelector('.panel.halts .panel-word').textContent === 'Stale'")


async def test_halts_of_an_earlier_day_are_said_to_be_of_it(watched: Watched, stage: Stage) -> None:
    await _publish(stage, (IN, "halted", OPENED - 5 * _DAY, "T1", None), as_of=OPENED - 5 * _DAY)
    await _beside_a_list(watched, stage, "Halts")
    await watched.until("document.querySelector('.panel.halts .panel-word').textContent === 'Old'")
    said = await watched.text(".panel.halts [role=status]")
    assert said == "Nothing was said of halts since Tue 17 Nov 09:30:00: these are of another trading day."
    await _publish(stage, (IN, "halted", OPENED - 5 * _DAY, "T1", None), as_of=OPENED)
    await watched.until("document.querySelector('.panel.halts .panel-word').textContent === ''")
    assert not await watched.page.is_visible(".panel.halts [role=status]")


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
