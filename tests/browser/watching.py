"""Looking at a page: what it shows, what it has, and what it ever showed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from playwright.async_api import ConsoleMessage, Page

from gapscan.protocol.messages import Row
from tests.support.until import PATIENCE, until

# Remembers every list that the page ever drew, with what its copy was at that moment.
_RECORDER = """
window.drawn = [];
document.addEventListener("gapscan:shown", ({detail}) => {
  const cells = [...document.querySelectorAll("#body .price")].map((cell) => cell.textContent);
  const copy = gapscan.copy(detail.list);
  window.drawn.push({...detail, symbols: gapscan.shown(), cells, rows: copy && copy.rows});
});
"""
# Presses keys in one turn of the page: nothing is drawn between them.
AT_ONCE = """(keys) => keys.forEach((key) =>
  document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true })))"""
# What the browser itself says of a connection that was refused or cut, which is what some tests are about.
_EXPECTED = ("WebSocket connection to", "Failed to load resource")


class Watched:
    """A page and what went wrong on it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.errors: list[str] = []
        page.set_default_timeout(PATIENCE * 1000)  # of loads, clicks and what is waited for
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._console)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(_EXPECTED):
            self.errors.append(message.text)

    async def open(self, address: str = "") -> None:
        """Load the page."""
        await self.page.goto(self.url + address)

    async def value(self, expression: str, argument: Any = None) -> Any:
        return await self.page.evaluate(expression, argument)

    async def until(self, expression: str, argument: Any = None, seconds: float = PATIENCE) -> Any:
        """Wait until a JavaScript expression is true; its value. A test that waits in vain says how the page stands."""
        try:
            return await until(lambda: self.value(expression, argument), f"{expression} ({argument!r})", seconds)
        except AssertionError as error:
            error.add_note(str(await self._standing()))
            raise

    async def _standing(self) -> Any:
        return await self.value("[gapscan.status(), gapscan.counts(), gapscan.shown().length]")

    async def at(self, sequence: int) -> None:
        """Wait until the page has drawn `sequence` of its list."""
        last = "drawn.findLast(({list}) => list === gapscan.list())"
        await self.until(f"(wanted) => {last}?.sequence === wanted", sequence)

    async def news(self, panel: int = 0) -> None:
        """Wait until who comes into a panel's list is news: a heartbeat said that the page has all of it."""
        await self.until("(panel) => gapscan.panels()[panel].news", panel)

    async def one_of_all(self) -> None:
        """Wait until what this tab did as one tab of all, if no other one did it, is done."""
        await self.value("navigator.locks.request('gapscan.test', () => {})")

    async def status(self) -> dict[str, Any]:
        return dict(await self.value("gapscan.status()"))

    async def counts(self) -> dict[str, int]:
        return dict(await self.value("gapscan.counts()"))

    async def word(self, *words: str) -> None:
        """Wait until the page says one of these of the list."""
        await self.until("(words) => words.includes(document.getElementById('status-word').textContent)", list(words))

    async def shown(self) -> list[str]:
        return list(await self.value("gapscan.shown()"))

    async def copy(self, name: str) -> dict[str, Any]:
        return dict(await self.value("(name) => gapscan.copy(name)", name))

    async def drawn(self) -> list[dict[str, Any]]:
        """All that was ever drawn, oldest first."""
        return list(await self.value("drawn"))

    async def text(self, selector: str) -> str:
        return str(await self.page.inner_text(selector))

    async def column(self, name: str) -> list[str]:
        """The texts of a column, from top to bottom."""
        return list(await self.page.locator(f"#body .{name}").all_inner_texts())

    async def assert_exact(self, truth: dict[int, list[Row]]) -> None:
        """Whatever was drawn was the server's list at the sequence that the page said."""
        for drawn in await self.drawn():
            if drawn["rows"] is None:
                assert drawn["symbols"] == []
                continue
            rows = truth[drawn["sequence"]]
            assert drawn["rows"] == rows, f"the copy at {drawn['sequence']}"
            assert drawn["symbols"] == symbols(rows), f"the rows on the page at {drawn['sequence']}"
            assert drawn["cells"] == [price_text(row["price"]) for row in rows], f"the cells at {drawn['sequence']}"


async def watch(page: Page, url: str) -> Watched:
    """Begin to watch `page`, which is to open `url`."""
    await page.add_init_script(_RECORDER)
    return Watched(page, url)


def symbols(rows: Sequence[Row]) -> list[str]:
    return [row["symbol"] for row in rows]


def price_text(price: float | None) -> str:
    """A price of the tests as the page writes it."""
    return "–" if price is None else f"{price:.2f}" if price >= 1 else f"{price:.4f}"
