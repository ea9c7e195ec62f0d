"""The page's modules without the page: for tests of what they do by themselves."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Page, Route

import gapscan.bridge
from gapscan.bridge.assets import load_assets

STATIC = Path(gapscan.bridge.__file__).parent / "static"
_ORIGIN = "http://gapscan.test/"


async def at_home(page: Page) -> None:
    """Give the page an origin that serves the page's modules, and nothing else."""
    assets = load_assets()

    async def serve(route: Route) -> None:
        asset = assets.get(route.request.url.removeprefix(_ORIGIN))
        if asset is not None:
            await route.fulfill(body=asset.body, content_type="text/javascript")
        else:
            await route.fulfill(body="<!doctype html>", content_type="text/html")

    await page.route(f"{_ORIGIN}**", serve)
    await page.goto(_ORIGIN)
