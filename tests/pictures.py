"""The pictures of docs/, taken of a running set: python -m tests.pictures --data DIR

`gapscan up --start 09:30 --data DIR` is such a set, a minute after its start.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import shutil
import time
from pathlib import Path

from playwright.async_api import async_playwright
from rich.console import Console

import gapscan
from gapscan import runfile
from gapscan_cli.following import shown_columns
from gapscan_cli.watching.draw import draw
from gapscan_cli.watching.model import WatchModel
from tests.browser.conftest import FLAGS, NAMES

DOCS = Path(__file__).parents[1] / "docs"
LIST = "gappers_up"
SECONDS = 30.0  # for marks and lines to be there
_WIDTH, _HEIGHT = 133, 27
_LAYOUT = "Momentum"


async def terminal(options: gapscan.BusOptions) -> None:
    """docs/watch.svg: `gapscan watch` as it stands after a while."""
    model, ends = WatchModel(LIST), time.monotonic() + SECONDS
    async with gapscan.connect(options, "gapscan pictures") as bus:
        model.columns = await shown_columns(bus, LIST) or model.columns
        async for view in gapscan.follow(LIST, bus=bus):
            model.take(view, time.monotonic())
            if time.monotonic() > ends:
                break
    console = Console(record=True, width=_WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in draw(model.frame(time.monotonic()), _WIDTH, _HEIGHT):
        console.print(line, soft_wrap=True)
    console.save_svg(str(DOCS / "watch.svg"), title=f"gapscan watch {LIST}")


async def page(address: str) -> None:
    """docs/page.png: a layout in which a symbol is chosen."""
    path = next(filter(None, map(shutil.which, NAMES)))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        shown = await browser.new_page(viewport={"width": 1920, "height": 1080}, color_scheme="dark")
        await shown.goto(address)
        await shown.click("#layouts")
        await shown.click(f"#layouts-choices button:text-is('{_LAYOUT}')")
        await shown.wait_for_selector(".body .row")
        await shown.click(".body .row >> nth=1")
        await shown.mouse.move(4, 4)
        await asyncio.sleep(SECONDS)
        await shown.screenshot(path=DOCS / "page.png")
        await browser.close()


def main() -> None:
    """Take them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="where the set keeps its data; by default the usual directory")
    found = runfile.read(parser.parse_args().data)
    if found is None or found.http_url is None:
        parser.error("no set runs there")
    asyncio.run(terminal(gapscan.BusOptions(found.nats_url, user=found.nats_user, password=found.nats_password)))
    asyncio.run(page(found.http_url))


if __name__ == "__main__":
    main()
