"""The example page, served as its own text says, shows a list of the bridge and goes on after a restart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import pytest_asyncio
from aiohttp import web
from playwright.async_api import Page

from gapscan.bridge.connection_gate import open_socket
from tests.browser.stage import LIST, OTHER, Stage, some_row
from tests.browser.watching import Watched, watch

ROOT = Path(__file__).parents[2]
PAGE = "examples/page.html"
_SHOWN = "() => [...document.querySelectorAll('li')].map((item) => item.textContent)"
_SAYS = "(wanted) => document.querySelector('p').textContent === wanted"


@pytest_asyncio.fixture(loop_scope="session")
async def site() -> AsyncIterator[str]:
    """The source tree on a port, as `python -m http.server` has it: another origin than the bridge's."""
    app = web.Application()
    app.router.add_static("/", ROOT)
    runner = web.AppRunner(app)
    await runner.setup()
    socket = open_socket("127.0.0.1", 0)
    await web.SockSite(runner, socket).start()
    yield f"http://localhost:{socket.getsockname()[1]}/"
    await runner.cleanup()


async def opened(page: Page, site: str, stage: Stage, **wanted: str) -> Watched:
    watched = await watch(page, site)
    bridge = stage.url.replace("http://", "ws://") + "ws"
    await watched.open(f"{PAGE}?{urlencode({'bridge': bridge, **wanted})}")
    return watched


async def shows(watched: Watched, *items: str) -> None:
    await watched.until(f"(wanted) => JSON.stringify(({_SHOWN})()) === JSON.stringify(wanted)", list(items))


async def test_it_shows_the_list_and_every_change(page: Page, site: str, stage: Stage) -> None:
    watched = await opened(page, site, stage, list=LIST)
    await watched.until(_SAYS, "SIMULATED market, live")
    await stage.feed.publish([some_row("AAPL", 10.5, change_percent=5.0), some_row("<b>X", None)])
    await shows(watched, "AAPL 10.5 5 %", "<b>X - - %")
    await stage.feed.publish([some_row("MSFT", 2.5), some_row("AAPL", 11.25, change_percent=6.5)])
    await shows(watched, "MSFT 2.5 - %", "AAPL 11.25 6.5 %")
    assert await watched.value("() => document.querySelector('h1').textContent") == LIST
    assert watched.errors == []


async def test_it_goes_on_after_a_restart_of_the_bridge(page: Page, site: str, stage: Stage) -> None:
    watched = await opened(page, site, stage, list=OTHER)
    feed = stage.feeds[OTHER]
    await feed.publish([some_row("AAPL", 10.5)])
    await shows(watched, "AAPL 10.5 - %")
    await stage.close()
    await watched.until(_SAYS, "SIMULATED market, waiting")
    await feed.publish([some_row("MSFT", 20.5)])
    await stage.open()
    await shows(watched, "MSFT 20.5 - %")
    await watched.until(_SAYS, "SIMULATED market, live")
    assert watched.errors == []


async def test_it_says_that_there_is_no_such_list(page: Page, site: str, stage: Stage) -> None:
    watched = await opened(page, site, stage, list="nothing")
    await watched.until("() => document.querySelector('p').textContent.includes('unknown_list')")
