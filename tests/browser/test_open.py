"""Eight panels over the open of a simulated market: what each ever drew is the server's list at that sequence."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Page

from gapscan import runfile
from gapscan.bus.client import BusOptions, connect
from gapscan.bus.direct_get import get_from
from gapscan.lists.state import Copy, Fit
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import Delta
from tests.browser.watching import watch
from tests.support.until import until
from tests.support.up import running_set

PANELS = 8
_OPEN = 9 * 60 + 30  # minutes of New York's day
# Remembers all that every panel drew, and each list's market time in minutes of the day.
_RECORDER = """
window.drawnAnywhere = [];
window.minutes = {};
document.addEventListener("gapscan:shown", ({ detail: { list, epoch, sequence, panel } }) => {
  const copy = gapscan.copy(list);
  const { shown } = gapscan.panels().find(({ id }) => id === panel);
  if (!copy || copy.sequence !== sequence) return;
  drawnAnywhere.push({ list, epoch, sequence, shown, prices: copy.rows.map(({ price }) => price ?? null) });
  if (!sequence) return; // nothing was ranked yet
  const time = new Intl.DateTimeFormat("en-GB", { timeZone: "America/New_York", hour: "2-digit", minute: "2-digit" });
  const [hour, minute] = time.format(copy.asOf).split(":").map(Number);
  minutes[list] = 60 * hour + minute;
});
"""

States = dict[int, tuple[list[str], list[float | None]]]


async def _truth(nats: BusOptions, name: str) -> tuple[str, States]:
    """A list's epoch, and its symbols and prices at every sequence, by the stored deltas."""
    async with connect(nats, "check") as bus:
        stored = await get_from(bus, names.DEFAULT.list_stream(name), 1, 1_000_000)
    copy, states = Copy(), {0: ([], [])}  # type: tuple[Copy, States]
    for message in stored:
        delta = decode_as(Delta, message.data)
        copy.epoch = delta.epoch
        assert copy.apply(delta, message.sequence) is Fit.APPLIED
        states[message.sequence] = ([row["symbol"] for row in copy.rows], [row.get("price") for row in copy.rows])
    return copy.epoch, states


async def _answers(url: str) -> bool:
    address = urlsplit(url)
    with suppress(OSError):
        _, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.close()
        return True
    return False


async def test_eight_panels_are_exact_over_the_open(page: Page, tmp_path: Path) -> None:
    kept = {"GAPSCAN_NATS_DELTA_MAX_AGE": "3600"}
    async with running_set(tmp_path, symbols=300, start="09:29", speed=20, **kept) as up:
        found = runfile.read(up.data)
        assert found is not None
        url = str(found.http_url)
        await until(lambda: _answers(url), "the bridge")
        watched = await watch(page, url)
        await page.add_init_script(_RECORDER)
        await watched.open()
        await watched.until(f"document.querySelectorAll('#tabs [role=tab]').length >= {PANELS}")
        for number in range(2, PANELS + 1):
            await page.keyboard.press("n")
            await page.keyboard.press(str(number))
        await watched.until(f"new Set(gapscan.panels().map(({{ list }}) => list)).size === {PANELS}")
        await watched.until(f"Object.values(minutes).filter((minute) => minute > {_OPEN}).length >= {PANELS // 2}")
        await watched.until(f"new Set(drawnAnywhere.map(({{ list }}) => list)).size === {PANELS}")
        drawn: list[dict[str, Any]] = await watched.value("drawnAnywhere")
        counts = await watched.counts()
        truth = {name: await _truth(up.nats, name) for name in {each["list"] for each in drawn}}
    for each in drawn:
        epoch, states = truth[each["list"]]
        if each["sequence"]:
            assert each["epoch"] == epoch
        assert (each["shown"], each["prices"]) == states[each["sequence"]], (each["list"], each["sequence"])
    assert len({(each["list"], each["sequence"]) for each in drawn}) > PANELS
    assert (counts["connects"], counts["mismatches"], counts["resyncs"], watched.errors) == (1, 0, 0, [])
