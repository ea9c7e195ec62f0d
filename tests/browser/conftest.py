"""A real Chromium, and in front of it the real chain: nats-server, a list's publisher, the bridge."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from tests.browser.stage import Stage, staged
from tests.browser.watching import Watched, watch
from tests.browser.wire import Wire
from tests.support.nats import NatsServer

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
    "--host-resolver-rules=MAP scanner.example.org 127.0.0.1",  # of the proxies in deploy/
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One event loop and one worker for all tests here: they share the browser."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            if pytest_asyncio.is_async_test(item):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            item.add_marker(pytest.mark.xdist_group("browser"))


def chromium() -> str:
    """The system's Chromium. Without one the tests are skipped; with CI set they fail."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        reason = f"no Chromium is installed (looked for {', '.join(NAMES)})"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    path = chromium()
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """An empty page in a browser without a past, wide enough for all columns."""
    context = await browser.new_context(viewport={"width": 1400, "height": 900}, accept_downloads=True)
    yield await context.new_page()
    await context.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def standing_stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One nats-server and one bridge for all tests here; what a test breaks is mended before the next."""
    server = NatsServer(tmp_path_factory.mktemp("browser") / "nats-server")
    server.start()
    async with staged(server) as running:
        yield running
    server.close()


@pytest_asyncio.fixture(loop_scope="session")
async def stage(standing_stage: Stage) -> Stage:
    """Two empty lists, published for real, and a bridge that serves them."""
    await standing_stage.reset()
    return standing_stage


@pytest_asyncio.fixture(loop_scope="session")
async def watched(page: Page, stage: Stage) -> AsyncIterator[Watched]:
    """A page that is about to open the bridge's; at the end nothing must have gone wrong on it."""
    watching = await watch(page, stage.url)
    yield watching
    assert watching.errors == []


@pytest_asyncio.fixture(loop_scope="session")
async def wire(page: Page) -> Wire:
    """The messages between page and bridge, to be held and changed."""
    attached = Wire()
    await attached.attach(page)
    return attached
